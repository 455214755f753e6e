//! The intersection of what is requested and what is granted.

use ordinaut_domain::{Scopes, TopicPattern};

use super::{Grant, OutboundRule, Request, ToolPattern};
use crate::capabilities::outbound_http::{AddressClass, HostPattern, classify};

/// What is in force: the grant, narrowed to the request where the author made one.
pub(super) fn narrow(grant: &Grant, request: &Request) -> Grant {
    Grant {
        http_outbound: both(grant.http_outbound.as_deref(), request.http_outbound.as_deref(), rules),
        events_publish: both(
            grant.events_publish.as_deref(),
            request.events_publish.as_deref(),
            topics,
        ),
        events_subscribe: both(
            grant.events_subscribe.as_deref(),
            request.events_subscribe.as_deref(),
            topics,
        ),
        routes_public: both(
            grant.routes_public.as_deref(),
            request.routes_public.as_deref(),
            |a, b| paths(a, b),
        ),
        metrics_snapshot: switch(grant.metrics_snapshot, request.metrics_snapshot),
        tools_call: both(grant.tools_call.as_deref(), request.tools_call.as_deref(), tools),
        scheduler_scopes: scopes(grant.scheduler_scopes.as_ref(), request.scheduler_scopes.as_ref()),
        routes_same_origin: switch(grant.routes_same_origin, request.routes_same_origin),
        ..grant.clone()
    }
}

/// Without a request the grant stands: the component's imports are all that its author said.
fn both<T: Clone>(
    granted: Option<&[T]>,
    requested: Option<&[T]>,
    common: impl Fn(&T, &T) -> Option<T>,
) -> Option<Vec<T>> {
    let granted = granted?;
    let Some(requested) = requested else {
        return Some(granted.to_vec());
    };
    Some(
        granted
            .iter()
            .flat_map(|grant| requested.iter().filter_map(|request| common(grant, request)))
            .collect(),
    )
}

/// The narrower of two patterns of which one covers the other. Patterns that only overlap (`a.*`, `*.b`) have
/// nothing in common here: that errs towards refusing.
fn topics(grant: &TopicPattern, request: &TopicPattern) -> Option<TopicPattern> {
    if grant.covers(request) {
        Some(request.clone())
    } else {
        request.covers(grant).then(|| grant.clone())
    }
}

/// What is granted, unless the author said that it is not wanted.
fn switch(granted: Option<bool>, requested: Option<bool>) -> Option<bool> {
    granted.map(|granted| granted && requested != Some(false))
}

fn scopes(granted: Option<&Scopes>, requested: Option<&Scopes>) -> Option<Scopes> {
    let granted = granted?;
    Some(requested.map_or_else(|| granted.clone(), |requested| granted.intersection(requested)))
}

fn tools(grant: &ToolPattern, request: &ToolPattern) -> Option<ToolPattern> {
    if grant.covers(request) {
        Some(request.clone())
    } else {
        request.covers(grant).then(|| grant.clone())
    }
}

fn paths(grant: &str, request: &str) -> Option<String> {
    if path_covers(grant, request) {
        Some(request.to_owned())
    } else {
        path_covers(request, grant).then(|| grant.to_owned())
    }
}

/// Whether the path pattern `wide` (a final `*` stands for all that follows) covers the path or pattern `narrow`.
pub(super) fn path_covers(wide: &str, narrow: &str) -> bool {
    match wide.strip_suffix('*') {
        Some(prefix) => narrow.starts_with(prefix),
        None => wide == narrow,
    }
}

/// Whether a grant of `rule` would be in force for an extension that requests these.
pub(crate) fn asks_for(requested: &[OutboundRule], rule: &OutboundRule) -> bool {
    requested.iter().any(|request| rules(rule, request).is_some())
}

/// A request without port, methods or scheme leaves them to the operator. `allow_private` is the operator's alone.
fn rules(grant: &OutboundRule, request: &OutboundRule) -> Option<OutboundRule> {
    let methods = match (grant.methods.is_empty(), request.methods.is_empty()) {
        (_, true) => grant.methods.clone(),
        (true, false) => request.methods.clone(),
        (false, false) => {
            let common: Vec<_> = grant
                .methods
                .iter()
                .filter(|m| request.methods.contains(m))
                .cloned()
                .collect();
            if common.is_empty() {
                return None;
            }
            common
        }
    };
    let scheme = match (grant.scheme, request.scheme) {
        (Some(a), Some(b)) if a != b => return None,
        (a, b) => a.or(b),
    };
    let port = match (grant.port, request.port) {
        (Some(a), Some(b)) if a != b => return None,
        // A grant without a port means the scheme's own; a request for that very port narrows it.
        (Some(port), _) | (None, Some(port @ (80 | 443))) => Some(port),
        (None, Some(_)) => return None,
        (None, None) => None,
    };
    let host = hosts(&grant.host, &request.host)?;
    Some(OutboundRule {
        host,
        port,
        methods,
        scheme,
        allow_private: grant.allow_private,
    })
}

fn hosts(grant: &HostPattern, request: &HostPattern) -> Option<HostPattern> {
    let below = |base: &str, name: &str| {
        name.strip_suffix(base)
            .and_then(|rest| rest.strip_suffix('.'))
            .is_some_and(|labels| !labels.is_empty())
    };
    match (grant, request) {
        (a, b) if a == b => Some(a.clone()),
        (a, HostPattern::Any) => Some(a.clone()),
        // Written down, an address needs not be global; a grant for any host means global addresses only.
        (HostPattern::Any, HostPattern::Ip(ip)) => {
            (classify(*ip) == AddressClass::Global).then_some(HostPattern::Ip(*ip))
        }
        (HostPattern::Any, HostPattern::Localhost) => None,
        (HostPattern::Any, b) => Some(b.clone()),
        (HostPattern::Below(base), HostPattern::Name(name) | HostPattern::Below(name)) if below(base, name) => {
            Some(request.clone())
        }
        (HostPattern::Name(name) | HostPattern::Below(name), HostPattern::Below(base)) if below(base, name) => {
            Some(grant.clone())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(json: &str) -> OutboundRule {
        serde_json::from_str(json).unwrap()
    }

    fn common(grant: &str, request: &str) -> Option<OutboundRule> {
        rules(&rule(grant), &rule(request))
    }

    #[test]
    fn the_intersection_of_two_rules_is_within_both() {
        let cases = [
            (r#"{"host":"a.org"}"#, r#"{"host":"*"}"#, Some(r#"{"host":"a.org"}"#)),
            (
                r#"{"host":"*"}"#,
                r#"{"host":"a.org","methods":["GET"]}"#,
                Some(r#"{"host":"a.org","methods":["GET"]}"#),
            ),
            (
                r#"{"host":"*.a.org"}"#,
                r#"{"host":"x.a.org"}"#,
                Some(r#"{"host":"x.a.org"}"#),
            ),
            (
                r#"{"host":"x.a.org"}"#,
                r#"{"host":"*.a.org"}"#,
                Some(r#"{"host":"x.a.org"}"#),
            ),
            (
                r#"{"host":"127.0.0.1","port":8080}"#,
                r#"{"host":"*"}"#,
                Some(r#"{"host":"127.0.0.1","port":8080}"#),
            ),
            (
                r#"{"host":"db.lan","allow_private":true}"#,
                r#"{"host":"db.lan"}"#,
                Some(r#"{"host":"db.lan","allow_private":true}"#),
            ),
            (r#"{"host":"*"}"#, r#"{"host":"localhost"}"#, None),
            (r#"{"host":"*"}"#, r#"{"host":"10.0.0.1"}"#, None),
            (
                r#"{"host":"*"}"#,
                r#"{"host":"1.1.1.1"}"#,
                Some(r#"{"host":"1.1.1.1"}"#),
            ),
            (r#"{"host":"a.org"}"#, r#"{"host":"b.org"}"#, None),
            (r#"{"host":"a.org"}"#, r#"{"host":"*.a.org"}"#, None),
            (
                r#"{"host":"a.org","methods":["GET"]}"#,
                r#"{"host":"a.org","methods":["POST"]}"#,
                None,
            ),
            (r#"{"host":"a.org","port":1}"#, r#"{"host":"a.org","port":2}"#, None),
            (r#"{"host":"a.org"}"#, r#"{"host":"a.org","port":8080}"#, None),
            (
                r#"{"host":"a.org","scheme":"https"}"#,
                r#"{"host":"a.org","scheme":"http"}"#,
                None,
            ),
            (
                r#"{"host":"db.lan"}"#,
                r#"{"host":"db.lan","allow_private":true}"#,
                Some(r#"{"host":"db.lan"}"#),
            ),
        ];
        for (grant, request, expected) in cases {
            assert_eq!(common(grant, request), expected.map(rule), "{grant} and {request}");
        }
    }

    #[test]
    fn topics_and_paths_narrow_to_the_smaller_one() {
        let pattern = |text: &str| text.parse::<TopicPattern>().unwrap();
        assert_eq!(topics(&pattern("a.**"), &pattern("a.b")), Some(pattern("a.b")));
        assert_eq!(topics(&pattern("a.b"), &pattern("a.*")), Some(pattern("a.b")));
        assert_eq!(topics(&pattern("a.*"), &pattern("*.b")), None);
        assert_eq!(paths("/s/*", "/s/x"), Some("/s/x".to_owned()));
        assert_eq!(paths("/s/x", "/*"), Some("/s/x".to_owned()));
        assert_eq!(paths("/s/x", "/s/y"), None);
    }

    #[test]
    fn tools_scopes_and_switches_narrow_to_what_both_sides_want() {
        let list = |texts: &[&str]| {
            texts
                .iter()
                .map(|text| text.parse().unwrap())
                .collect::<Vec<ToolPattern>>()
        };
        let scopes = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect::<Scopes>();
        let grant = Grant {
            metrics_snapshot: Some(true),
            routes_same_origin: Some(true),
            tools_call: Some(list(&["http.*", "echo.say"])),
            scheduler_scopes: Some(scopes(&["tasks:read:any", "runs:read"])),
            ..Grant::default()
        };
        let request = Request {
            routes_same_origin: Some(false),
            tools_call: Some(list(&["http.request", "*", "mail.send"])),
            scheduler_scopes: Some(scopes(&["tasks:read", "tasks:write"])),
            ..Request::default()
        };
        let in_force = narrow(&grant, &request);
        assert_eq!(in_force.metrics_snapshot, Some(true));
        assert_eq!(in_force.routes_same_origin, Some(false));
        assert_eq!(in_force.tools_call, Some(list(&["http.request", "http.*", "echo.say"])));
        assert_eq!(in_force.scheduler_scopes, Some(scopes(&["tasks:read"])));
        // A request is no grant.
        assert_eq!(narrow(&Grant::default(), &request), Grant::default());
    }

    #[test]
    fn without_a_request_the_grant_stands_and_an_empty_request_leaves_nothing() {
        let grant = Grant {
            http_outbound: Some(vec![rule(r#"{"host":"a.org"}"#)]),
            ..Grant::default()
        };
        assert_eq!(
            narrow(&grant, &Request::default()).http_outbound.map(|r| r.len()),
            Some(1)
        );
        let nothing = Request {
            http_outbound: Some(vec![]),
            ..Request::default()
        };
        assert_eq!(narrow(&grant, &nothing).http_outbound, Some(vec![]));
        let asking = Request {
            http_outbound: Some(vec![rule(r#"{"host":"a.org"}"#)]),
            ..Request::default()
        };
        assert_eq!(narrow(&Grant::default(), &asking).http_outbound, None);
    }
}
