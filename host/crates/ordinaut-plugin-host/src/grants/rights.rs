//! What one extension may do: asked at every use, and reported where something was refused or is missing.

use std::fmt::Display;

use ordinaut_domain::{Topic, TopicPattern};

use super::{Grant, Request, narrow};
use crate::{
    capabilities::outbound_http::{HostPattern, OutboundRules},
    report::Missing,
};

/// The rights in force of one extension.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Rights {
    extension: String,
    /// The operator's grant, narrowed to the request.
    pub(crate) grant: Grant,
    /// The operator's grant as it was written.
    granted: Grant,
    request: Request,
}

impl Rights {
    /// Grant ∩ request.
    pub(crate) fn new(extension: &str, grant: &Grant, request: &Request) -> Self {
        Self {
            extension: extension.to_owned(),
            grant: narrow::narrow(grant, request),
            granted: grant.clone(),
            request: request.clone(),
        }
    }

    /// Whether it may publish to `topic`. Nobody but Ordinaut speaks in `ordinaut.**`, whatever was granted.
    pub(crate) fn may_publish(&self, topic: &Topic) -> bool {
        !is_core(topic)
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
    pub(crate) fn outbound(&self) -> OutboundRules {
        OutboundRules {
            in_force: self.grant.http_outbound.clone().unwrap_or_default(),
            granted: self.granted.http_outbound.clone().unwrap_or_default(),
            requested: self.request.http_outbound.clone(),
        }
    }

    /// How to allow another topic, as the end of an error message.
    pub(crate) fn remedy_publish(&self, topic: &Topic) -> String {
        let asked = self.request.events_publish.as_deref();
        let asked = asked.is_none_or(|asked| asked.iter().any(|pattern| pattern.matches(topic)));
        self.remedy("events.publish", self.granted.events_publish.as_deref(), asked, topic)
    }

    /// How to allow listening to another topic.
    pub(crate) fn remedy_listen(&self, pattern: &TopicPattern) -> String {
        let asked = self.request.events_subscribe.as_deref();
        let asked = asked.is_none_or(|asked| asked.iter().any(|request| request.covers(pattern)));
        self.remedy(
            "events.subscribe",
            self.granted.events_subscribe.as_deref(),
            asked,
            pattern,
        )
    }

    /// How to allow another public path.
    pub(crate) fn remedy_public(&self, path: &str) -> String {
        let asked = self.request.routes_public.as_deref();
        let asked = asked.is_none_or(|asked| asked.iter().any(|request| narrow::path_covers(request, path)));
        self.remedy("routes.public", self.granted.routes_public.as_deref(), asked, path)
    }

    /// The line that keeps what was granted and adds what is wanted. An extension gets no more than its author asked
    /// for, so without that no line helps.
    fn remedy<T: Display>(&self, key: &str, granted: Option<&[T]>, asked: bool, wanted: impl Display) -> String {
        if !asked {
            return format!(
                "the extension did not ask for it, so no grant allows it: its author must add it to `{key}` of the \
                 requests"
            );
        }
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

/// Whether only Ordinaut publishes there. Topics differ by case, but not to somebody who reads them.
pub(crate) fn is_core(topic: &Topic) -> bool {
    topic.root().eq_ignore_ascii_case("ordinaut")
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
        let any_host = rules.iter().any(|rule| rule.host == HostPattern::Any);
        // "Everywhere" is never what is proposed: which hosts these are, only the operator knows.
        let rules: Vec<_> = rules
            .iter()
            .filter(|rule| rule.host != HostPattern::Any)
            .map(ToString::to_string)
            .collect();
        let reason = if any_host {
            "it sends HTTP requests to whatever hosts you grant; an empty list lets it load with every request \
             refused; add the hosts that it shall reach, for instance { host = \"api.example.org\" }, where \
             { host = \"*\" } would open every host on the internet"
                .to_owned()
        } else if rules.is_empty() {
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
        let all = Grant {
            events_publish: Some(patterns(&["**"])),
            ..Grant::default()
        };
        let all = Rights::new("echo", &all, &Request::default());
        assert!(!all.may_publish(&topic("ORDINAUT.run.failed")) && !all.may_publish(&topic("Ordinaut.x")));
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
    fn a_request_for_any_host_does_not_propose_to_open_the_internet() {
        let request = Request::parse(br#"{"requests":{"http.outbound":[{"host":"*"}]}}"#).unwrap();
        let ask = undecided("http", &Grant::default(), &request, true).remove(0);
        assert_eq!(ask.toml.as_deref(), Some("http.outbound = []"));
        assert!(ask.reason.contains("every host on the internet"), "{}", ask.reason);
    }

    #[test]
    fn a_remedy_keeps_what_was_granted_and_is_offered_only_where_it_helps() {
        let request = Request::parse(br#"{"requests":{"events.publish":["orders.*"],"routes.public":["/hook"]}}"#);
        let grant = Grant {
            events_publish: Some(patterns(&["invoices.created"])),
            ..Grant::default()
        };
        let rights = Rights::new("echo", &grant, &request.unwrap());
        let remedy = rights.remedy_publish(&topic("orders.created"));
        let line = r#"events.publish = ["invoices.created", "orders.created"]"#;
        assert!(remedy.ends_with(line), "{remedy}");
        assert!(!rights.may_publish(&topic("invoices.created")));
        for useless in [
            rights.remedy_publish(&topic("invoices.created")),
            rights.remedy_public("/admin"),
        ] {
            assert!(
                useless.contains("did not ask for it") && !useless.contains(" = ["),
                "{useless}"
            );
        }
        // Nothing was asked for at all: then it is the operator's to say.
        assert!(
            rights
                .remedy_listen(&"a.b".parse().unwrap())
                .ends_with(r#"events.subscribe = ["a.b"]"#)
        );
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
