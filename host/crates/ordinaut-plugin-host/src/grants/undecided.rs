//! What an extension asks for and about which the operator has not decided, with the lines that would allow it.

use std::collections::BTreeSet;

use ordinaut_domain::{Scopes, TopicPattern};

use super::{
    Grant, Request,
    rights::{line, own_namespace},
};
use crate::{
    capabilities::{catalogue::Capability, outbound_http::HostPattern},
    report::Missing,
};

/// What is missing so far.
struct Asking<'a> {
    extension: &'a str,
    grant: &'a Grant,
    request: &'a Request,
    /// What the component's imports and exports belong to.
    needed: &'a BTreeSet<Capability>,
    missing: Vec<Missing>,
}

/// What is requested and about which the operator has not decided, with the lines that would allow it. A list that
/// the operator wrote, even an empty one, is a decision and holds.
pub(crate) fn undecided(
    extension: &str,
    grant: &Grant,
    request: &Request,
    needed: &BTreeSet<Capability>,
) -> Vec<Missing> {
    let mut asking = Asking {
        extension,
        grant,
        request,
        needed,
        missing: Vec::new(),
    };
    asking.outbound();
    asking.scopes();
    asking.tools();
    asking.metrics();
    asking.topics();
    asking.routes();
    for unknown in &request.unknown {
        asking.missing.push(Missing {
            capability: unknown.clone(),
            reason: format!("it requests `{unknown}`, which this version of the host does not know"),
            toml: None,
        });
    }
    asking.missing
}

impl Asking<'_> {
    fn ask(&mut self, capability: &str, reason: String, toml: String) {
        self.missing.push(Missing {
            capability: capability.to_owned(),
            reason,
            toml: Some(toml),
        });
    }

    /// Hosts. Who imports outgoing HTTP only for the API in this process has no need of any.
    fn outbound(&mut self) {
        let rules = self.request.http_outbound.as_deref().unwrap_or_default();
        let for_the_api = self.request.scheduler_scopes.is_some() || self.grant.scheduler_scopes.is_some();
        let imported = self.needed.contains(&Capability::OutboundHttp) && !for_the_api;
        if self.grant.http_outbound.is_some() || (!imported && rules.is_empty()) {
            return;
        }
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
        self.ask(
            "http.outbound",
            reason,
            format!("http.outbound = [{}]", rules.join(", ")),
        );
    }

    fn scopes(&mut self) {
        let scopes = self.request.scheduler_scopes.iter().flat_map(Scopes::iter);
        let scopes: Vec<String> = scopes.map(ToString::to_string).collect();
        if self.grant.scheduler_scopes.is_none() && !scopes.is_empty() {
            let reason = format!(
                "it uses Ordinaut's API with {}: for a caller as far as the caller may, in background work of its own",
                scopes.join(", ")
            );
            self.ask("scheduler.scopes", reason, line("scheduler.scopes", scopes.into_iter()));
        }
    }

    fn tools(&mut self) {
        let tools = self.request.tools_call.as_deref().unwrap_or_default();
        let imported = self.needed.contains(&Capability::ToolCalls);
        if self.grant.tools_call.is_some() || (!imported && tools.is_empty()) {
            return;
        }
        let tools: Vec<String> = tools.iter().map(ToString::to_string).collect();
        let reason = if tools.is_empty() {
            "it calls tools of other extensions; an empty list lets it load with every call refused".to_owned()
        } else {
            format!("it calls the tools {}", tools.join(", "))
        };
        self.ask("tools.call", reason, line("tools.call", tools.into_iter()));
    }

    /// Without this grant there is nothing to link, so an import needs it whatever was decided.
    fn metrics(&mut self) {
        let imported = self.needed.contains(&Capability::Metrics) && self.grant.metrics_snapshot != Some(true);
        let requested = self.request.metrics_snapshot == Some(true) && self.grant.metrics_snapshot.is_none();
        if imported || requested {
            self.ask(
                "metrics.snapshot",
                "it reads what the host counts about itself".to_owned(),
                "metrics.snapshot = true".to_owned(),
            );
        }
    }

    fn topics(&mut self) {
        let own = own_namespace(self.extension);
        let foreign = |patterns: &Option<Vec<TopicPattern>>| -> Vec<String> {
            let patterns = patterns.iter().flatten();
            patterns
                .filter(|p| !own.as_ref().is_some_and(|own| own.covers(p)))
                .map(ToString::to_string)
                .collect()
        };
        let publish = foreign(&self.request.events_publish);
        let subscribe = foreign(&self.request.events_subscribe);
        if self.grant.events_publish.is_none() && !publish.is_empty() {
            let reason = format!("it publishes events on {}", publish.join(", "));
            self.ask("events.publish", reason, line("events.publish", publish.into_iter()));
        }
        if self.grant.events_subscribe.is_none() && !subscribe.is_empty() {
            let reason = format!("it listens to events on {}", subscribe.join(", "));
            let toml = line("events.subscribe", subscribe.into_iter());
            self.ask("events.subscribe", reason, toml);
        }
    }

    fn routes(&mut self) {
        let public = self.request.routes_public.clone().unwrap_or_default();
        if self.grant.routes_public.is_none() && !public.is_empty() {
            let reason = format!("it serves {} to everybody, without a token", public.join(", "));
            self.ask("routes.public", reason, line("routes.public", public.into_iter()));
        }
        if self.grant.routes_same_origin.is_none() && self.request.routes_same_origin == Some(true) {
            self.ask(
                "routes.same_origin",
                "its pages act in a browser as pages of this host, with the session of whoever is signed in".to_owned(),
                "routes.same_origin = true".to_owned(),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn needing(capabilities: &[Capability]) -> BTreeSet<Capability> {
        capabilities.iter().copied().collect()
    }

    #[test]
    fn everything_undecided_is_listed_at_once_with_lines_that_the_settings_accept() {
        let request = Request::parse(
            br#"{"requests":{"http.outbound":[{"host":"api.example.org","methods":["GET"]}],
                "events.publish":["orders.*","ext.echo.x"],"events.subscribe":["ordinaut.run.**"],
                "routes.public":["/hook"],"metrics.snapshot":true,"tools.call":["http.*"],
                "scheduler.scopes":["runs:read","tasks:read:any"],"routes.same_origin":true,"gpu":1}}"#,
        )
        .unwrap();
        let missing = undecided(
            "echo",
            &Grant::default(),
            &request,
            &needing(&[Capability::OutboundHttp]),
        );
        let lines: Vec<_> = missing.iter().filter_map(|m| m.toml.as_deref()).collect();
        assert_eq!(
            lines,
            [
                r#"http.outbound = [{ host = "api.example.org", methods = ["GET"] }]"#,
                r#"scheduler.scopes = ["runs:read", "tasks:read:any"]"#,
                r#"tools.call = ["http.*"]"#,
                "metrics.snapshot = true",
                r#"events.publish = ["orders.*"]"#,
                r#"events.subscribe = ["ordinaut.run.**"]"#,
                r#"routes.public = ["/hook"]"#,
                "routes.same_origin = true",
            ]
        );
        assert!(missing.iter().any(|m| m.capability == "gpu" && m.toml.is_none()));

        let pasted = format!("[grant]\n{}", lines.join("\n"));
        let defaults = crate::grants::Settings::defaults(&Grant::default(), &crate::Limits::default());
        let settings = crate::grants::Settings::parse(&pasted, defaults).unwrap();
        let left = undecided("echo", &settings.grant, &request, &needing(&[Capability::OutboundHttp]));
        assert_eq!(left.len(), 1, "only what no grant can help: {left:?}");
    }

    #[test]
    fn a_request_for_any_host_does_not_propose_to_open_the_internet() {
        let request = Request::parse(br#"{"requests":{"http.outbound":[{"host":"*"}]}}"#).unwrap();
        let ask = undecided(
            "http",
            &Grant::default(),
            &request,
            &needing(&[Capability::OutboundHttp]),
        )
        .remove(0);
        assert_eq!(ask.toml.as_deref(), Some("http.outbound = []"));
        assert!(ask.reason.contains("every host on the internet"), "{}", ask.reason);
    }

    #[test]
    fn a_decision_is_not_asked_for_again() {
        let grant = Grant {
            http_outbound: Some(vec![]),
            ..Grant::default()
        };
        assert_eq!(
            undecided(
                "echo",
                &grant,
                &Request::default(),
                &needing(&[Capability::OutboundHttp])
            ),
            []
        );
        let ask = undecided(
            "echo",
            &Grant::default(),
            &Request::default(),
            &needing(&[Capability::OutboundHttp]),
        );
        assert_eq!(ask[0].toml.as_deref(), Some("http.outbound = []"));
    }

    #[test]
    fn what_is_imported_without_a_request_is_asked_for_too() {
        let needed = needing(&[Capability::ToolCalls, Capability::Metrics]);
        let lines = |grant: &Grant| -> Vec<_> {
            let missing = undecided("echo", grant, &Request::default(), &needed);
            missing.into_iter().filter_map(|missing| missing.toml).collect()
        };
        assert_eq!(lines(&Grant::default()), ["tools.call = []", "metrics.snapshot = true"]);
        let refused = Grant {
            tools_call: Some(vec![]),
            metrics_snapshot: Some(false),
            ..Grant::default()
        };
        assert_eq!(lines(&refused), ["metrics.snapshot = true"]);
    }

    #[test]
    fn who_sends_requests_only_to_the_api_is_not_asked_for_hosts() {
        let request = Request::parse(br#"{"requests":{"scheduler.scopes":["tasks:read"]}}"#).unwrap();
        let needed = needing(&[Capability::OutboundHttp]);
        let missing = undecided("echo", &Grant::default(), &request, &needed);
        let asked: Vec<_> = missing.iter().map(|missing| missing.capability.as_str()).collect();
        assert_eq!(asked, ["scheduler.scopes"]);
        let granted = Grant {
            scheduler_scopes: Some(Scopes::default()),
            ..Grant::default()
        };
        assert_eq!(undecided("echo", &granted, &request, &needed), []);
    }
}
