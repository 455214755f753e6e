//! What one extension may do: asked at every use, and reported where something was refused or is missing.

use std::fmt::Display;

use ordinaut_domain::{Topic, TopicPattern};

use super::{Grant, OutboundRule, Request, narrow};
use crate::report::Missing;

/// The rights in force of one extension.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Rights {
    extension: String,
    /// The operator's grant, narrowed to the request.
    pub(crate) grant: Grant,
}

impl Rights {
    /// Grant ∩ request.
    pub(crate) fn new(extension: &str, grant: &Grant, request: &Request) -> Self {
        Self {
            extension: extension.to_owned(),
            grant: narrow::narrow(grant, request),
        }
    }

    /// Whether it may publish to `topic`. Nobody but Ordinaut speaks in `ordinaut.**`, whatever was granted.
    pub(crate) fn may_publish(&self, topic: &Topic) -> bool {
        topic.root() != "ordinaut"
            && (own_namespace(&self.extension).is_some_and(|own| own.matches(topic))
                || self
                    .grant
                    .events_publish
                    .iter()
                    .flatten()
                    .any(|pattern| pattern.matches(topic)))
    }

    /// Whether it may listen to everything that `pattern` selects.
    pub(crate) fn may_listen(&self, pattern: &TopicPattern) -> bool {
        own_namespace(&self.extension).is_some_and(|own| own.covers(pattern))
            || self
                .grant
                .events_subscribe
                .iter()
                .flatten()
                .any(|granted| granted.covers(pattern))
    }

    /// Whether a route at `path` may be open to everybody.
    pub(crate) fn may_be_public(&self, path: &str) -> bool {
        self.grant
            .routes_public
            .iter()
            .flatten()
            .any(|granted| narrow::path_covers(granted, path))
    }

    /// Where it may send requests.
    pub(crate) fn outbound(&self) -> Vec<OutboundRule> {
        self.grant.http_outbound.clone().unwrap_or_default()
    }

    /// How to allow another topic, as the end of an error message.
    pub(crate) fn remedy_publish(&self, topic: &Topic) -> String {
        self.remedy("events.publish", self.grant.events_publish.as_deref(), topic)
    }

    /// How to allow listening to another topic.
    pub(crate) fn remedy_listen(&self, pattern: &TopicPattern) -> String {
        self.remedy("events.subscribe", self.grant.events_subscribe.as_deref(), pattern)
    }

    /// How to allow another public path.
    pub(crate) fn remedy_public(&self, path: &str) -> String {
        self.remedy("routes.public", self.grant.routes_public.as_deref(), path)
    }

    fn remedy<T: Display>(&self, key: &str, granted: Option<&[T]>, wanted: impl Display) -> String {
        let all = granted
            .unwrap_or_default()
            .iter()
            .map(ToString::to_string)
            .chain([wanted.to_string()]);
        format!(
            "to allow it, write in [grant] of plugins/{}.toml: {}",
            self.extension,
            line(key, all)
        )
    }
}

/// `ext.<name>.**`; always a valid pattern, because names are segments.
fn own_namespace(extension: &str) -> Option<TopicPattern> {
    format!("ext.{extension}.**").parse().ok()
}

/// A line of TOML with a list of texts.
fn line(key: &str, values: impl Iterator<Item = String>) -> String {
    format!(
        "{key} = [{}]",
        values
            .map(|value| format!("\"{value}\""))
            .collect::<Vec<_>>()
            .join(", ")
    )
}

/// What is requested and about which the operator has not decided, with the lines that would allow it. A list that
/// the operator wrote, even an empty one, is a decision and holds.
pub(crate) fn undecided(extension: &str, grant: &Grant, request: &Request, imports_http: bool) -> Vec<Missing> {
    let mut missing = Vec::new();
    let own = own_namespace(extension);
    let mut ask = |capability: &str, reason: String, toml: String| {
        missing.push(Missing {
            capability: capability.to_owned(),
            reason,
            toml: Some(toml),
        });
    };
    let foreign = |patterns: &Option<Vec<TopicPattern>>| -> Vec<String> {
        let patterns = patterns.iter().flatten();
        patterns
            .filter(|p| !own.as_ref().is_some_and(|own| own.covers(p)))
            .map(ToString::to_string)
            .collect()
    };

    let rules = request.http_outbound.as_deref().unwrap_or_default();
    if grant.http_outbound.is_none() && (imports_http || !rules.is_empty()) {
        let rules: Vec<_> = rules.iter().map(ToString::to_string).collect();
        let reason = if rules.is_empty() {
            "it imports wasi:http/outgoing-handler; an empty list lets it load with every request refused".to_owned()
        } else {
            format!("it sends HTTP requests to {}", rules.join(", "))
        };
        ask(
            "http.outbound",
            reason,
            format!("http.outbound = [{}]", rules.join(", ")),
        );
    }
    let publish = foreign(&request.events_publish);
    if grant.events_publish.is_none() && !publish.is_empty() {
        let reason = format!("it publishes events on {}", publish.join(", "));
        ask("events.publish", reason, line("events.publish", publish.into_iter()));
    }
    let subscribe = foreign(&request.events_subscribe);
    if grant.events_subscribe.is_none() && !subscribe.is_empty() {
        let reason = format!("it listens to events on {}", subscribe.join(", "));
        ask(
            "events.subscribe",
            reason,
            line("events.subscribe", subscribe.into_iter()),
        );
    }
    let public = request.routes_public.clone().unwrap_or_default();
    if grant.routes_public.is_none() && !public.is_empty() {
        let reason = format!("it serves {} to everybody, without a token", public.join(", "));
        ask("routes.public", reason, line("routes.public", public.into_iter()));
    }
    for unknown in &request.unknown {
        missing.push(Missing {
            capability: unknown.clone(),
            reason: format!("it requests `{unknown}`, which this version of the host does not know"),
            toml: None,
        });
    }
    missing
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patterns(texts: &[&str]) -> Vec<TopicPattern> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    fn topic(text: &str) -> Topic {
        text.parse().unwrap()
    }

    #[test]
    fn its_own_namespace_needs_no_grant_and_nothing_else_is_free() {
        let rights = Rights::new("echo", &Grant::default(), &Request::default());
        assert!(rights.may_publish(&topic("ext.echo.said")));
        assert!(rights.may_listen(&"ext.echo.**".parse().unwrap()));
        for foreign in ["ext.other.said", "orders.created", "ext.echo", "ordinaut.run.succeeded"] {
            assert!(!rights.may_publish(&topic(foreign)), "{foreign}");
        }
        for foreign in ["ext.*.said", "**", "ordinaut.run.*", "ext.**"] {
            assert!(!rights.may_listen(&foreign.parse().unwrap()), "{foreign}");
        }
        assert!(!rights.may_be_public("/"));
    }

    #[test]
    fn a_grant_opens_what_it_covers_but_never_the_core_topics() {
        let grant = Grant {
            events_publish: Some(patterns(&["orders.*", "ordinaut.**"])),
            events_subscribe: Some(patterns(&["ordinaut.run.**"])),
            routes_public: Some(vec!["/static/*".to_owned()]),
            ..Grant::default()
        };
        let rights = Rights::new("echo", &grant, &Request::default());
        assert!(rights.may_publish(&topic("orders.created")));
        assert!(!rights.may_publish(&topic("ordinaut.run.failed")));
        assert!(rights.may_listen(&"ordinaut.run.*".parse().unwrap()));
        assert!(!rights.may_listen(&"ordinaut.**".parse().unwrap()));
        assert!(rights.may_be_public("/static/app.js"));
        assert!(!rights.may_be_public("/admin"));
    }

    #[test]
    fn everything_undecided_is_listed_at_once_with_lines_that_the_settings_accept() {
        let request = Request::parse(
            br#"{"requests":{"http.outbound":[{"host":"api.example.org","methods":["GET"]}],
                "events.publish":["orders.*","ext.echo.x"],"events.subscribe":["ordinaut.run.**"],
                "routes.public":["/hook"],"gpu":1}}"#,
        )
        .unwrap();
        let missing = undecided("echo", &Grant::default(), &request, true);
        let lines: Vec<_> = missing.iter().filter_map(|m| m.toml.as_deref()).collect();
        assert_eq!(
            lines,
            [
                r#"http.outbound = [{ host = "api.example.org", methods = ["GET"] }]"#,
                r#"events.publish = ["orders.*"]"#,
                r#"events.subscribe = ["ordinaut.run.**"]"#,
                r#"routes.public = ["/hook"]"#,
            ]
        );
        assert!(missing.iter().any(|m| m.capability == "gpu" && m.toml.is_none()));

        let pasted = format!("[grant]\n{}", lines.join("\n"));
        let defaults = crate::grants::Settings::defaults(&Grant::default(), &crate::Limits::default());
        let settings = crate::grants::Settings::parse(&pasted, defaults).unwrap();
        let left = undecided("echo", &settings.grant, &request, true);
        assert_eq!(left.len(), 1, "only what no grant can help: {left:?}");
    }

    #[test]
    fn a_decision_is_not_asked_for_again() {
        let grant = Grant {
            http_outbound: Some(vec![]),
            ..Grant::default()
        };
        assert_eq!(undecided("echo", &grant, &Request::default(), true), []);
        let ask = undecided("echo", &Grant::default(), &Request::default(), true);
        assert_eq!(ask[0].toml.as_deref(), Some("http.outbound = []"));
    }
}
