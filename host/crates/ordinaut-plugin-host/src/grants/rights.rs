//! What one extension may do: asked at every use, and reported where something was refused or is missing.

use std::fmt::Display;

use ordinaut_domain::{Scopes, ToolAddress, Topic, TopicPattern};

use super::{Grant, Request, narrow};
use crate::capabilities::outbound_http::OutboundRules;

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

    /// Whether it may call the tool.
    pub(crate) fn may_call(&self, tool: &ToolAddress) -> bool {
        self.grant
            .tools_call
            .iter()
            .flatten()
            .any(|pattern| pattern.matches(tool))
    }

    /// Whether its answers may act in a browser as pages of the host's own.
    pub(crate) fn may_be_same_origin(&self) -> bool {
        self.grant.routes_same_origin == Some(true)
    }

    /// What it may do at most through the API in this process; none when it may not reach it.
    pub(crate) fn scopes(&self) -> Option<&Scopes> {
        self.grant.scheduler_scopes.as_ref()
    }

    /// The line that opens the API in this process.
    pub(crate) fn scopes_line(&self) -> String {
        let asked = self.request.scheduler_scopes.iter().flat_map(Scopes::iter);
        let asked: Vec<String> = asked.map(ToString::to_string).collect();
        let least = || vec!["tasks:read".to_owned()];
        line(
            "scheduler.scopes",
            (if asked.is_empty() { least() } else { asked }).into_iter(),
        )
    }

    /// How to allow calling another tool.
    pub(crate) fn remedy_call(&self, tool: &ToolAddress) -> String {
        let asked = self.request.tools_call.as_deref();
        let asked = asked.is_none_or(|asked| asked.iter().any(|pattern| pattern.matches(tool)));
        self.remedy("tools.call", self.granted.tools_call.as_deref(), asked, tool)
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
pub(super) fn own_namespace(extension: &str) -> Option<TopicPattern> {
    format!("ext.{extension}.**").parse().ok()
}

/// A line of TOML with a list of texts.
pub(super) fn line(key: &str, values: impl Iterator<Item = String>) -> String {
    format!(
        "{key} = [{}]",
        values
            .map(|value| format!("\"{value}\""))
            .collect::<Vec<_>>()
            .join(", ")
    )
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
}
