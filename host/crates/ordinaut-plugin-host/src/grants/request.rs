//! What an extension asks for beyond its imports: the JSON that the author's toolkit writes into the custom section
//! `ordinaut:extension`. It grants nothing.

use ordinaut_domain::{Scopes, TopicPattern};
use serde::Deserialize;
use serde_json::Value;

use super::{OutboundRule, ToolPattern};

/// The section, parsed. `None` means that the author said nothing about that capability.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Request {
    pub(crate) description: Option<String>,
    pub(crate) version: Option<String>,
    pub(crate) authors: Option<String>,
    pub(crate) licence: Option<String>,
    pub(crate) http_outbound: Option<Vec<OutboundRule>>,
    pub(crate) events_publish: Option<Vec<TopicPattern>>,
    pub(crate) events_subscribe: Option<Vec<TopicPattern>>,
    pub(crate) routes_public: Option<Vec<String>>,
    pub(crate) metrics_snapshot: Option<bool>,
    pub(crate) tools_call: Option<Vec<ToolPattern>>,
    pub(crate) scheduler_scopes: Option<Scopes>,
    pub(crate) routes_same_origin: Option<bool>,
    /// Requests for capabilities that this host does not know.
    pub(crate) unknown: Vec<String>,
    /// The `requests` object as it stands there, for reports.
    pub(crate) raw: Value,
}

#[derive(Deserialize)]
struct Section {
    description: Option<String>,
    version: Option<String>,
    authors: Option<String>,
    #[serde(alias = "license")]
    licence: Option<String>,
    #[serde(default)]
    requests: Value,
}

#[derive(Deserialize)]
struct Known {
    #[serde(rename = "http.outbound")]
    http_outbound: Option<Vec<OutboundRule>>,
    #[serde(rename = "events.publish")]
    events_publish: Option<Vec<TopicPattern>>,
    #[serde(rename = "events.subscribe")]
    events_subscribe: Option<Vec<TopicPattern>>,
    #[serde(rename = "routes.public")]
    routes_public: Option<Vec<String>>,
    #[serde(rename = "metrics.snapshot")]
    metrics_snapshot: Option<bool>,
    #[serde(rename = "tools.call")]
    tools_call: Option<Vec<ToolPattern>>,
    #[serde(rename = "scheduler.scopes")]
    scheduler_scopes: Option<Scopes>,
    #[serde(rename = "routes.same_origin")]
    routes_same_origin: Option<bool>,
}

const KNOWN: [&str; 8] = [
    "http.outbound",
    "events.publish",
    "events.subscribe",
    "routes.public",
    "metrics.snapshot",
    "tools.call",
    "scheduler.scopes",
    "routes.same_origin",
];

impl Request {
    /// Reads the section. Fields that a later toolkit writes are ignored; requests that are not understood are kept
    /// in `unknown`, because an extension that needs them cannot work here.
    pub(crate) fn parse(json: &[u8]) -> Result<Self, serde_json::Error> {
        let section: Section = serde_json::from_slice(json)?;
        let raw = match section.requests {
            Value::Null => Value::Object(serde_json::Map::new()),
            requests => requests,
        };
        let known: Known = serde_json::from_value(raw.clone())?;
        let unknown = raw.as_object().into_iter().flat_map(|map| map.keys());
        Ok(Self {
            description: section.description,
            version: section.version,
            authors: section.authors,
            licence: section.licence,
            http_outbound: known.http_outbound,
            events_publish: known.events_publish,
            events_subscribe: known.events_subscribe,
            routes_public: known.routes_public,
            metrics_snapshot: known.metrics_snapshot,
            tools_call: known.tools_call,
            scheduler_scopes: known.scheduler_scopes,
            routes_same_origin: known.routes_same_origin,
            unknown: unknown.filter(|key| !KNOWN.contains(&key.as_str())).cloned().collect(),
            raw,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_is_read_and_unknown_requests_are_kept() {
        let request = Request::parse(
            br#"{"description":"Weather","future":1,"requests":{
                "http.outbound":[{"host":"api.example.org","methods":["GET"]}],
                "events.publish":["weather.*"], "gpu":true}}"#,
        )
        .unwrap();
        assert_eq!(request.description.as_deref(), Some("Weather"));
        assert_eq!(request.http_outbound.as_ref().map(Vec::len), Some(1));
        assert_eq!(request.events_publish, Some(vec!["weather.*".parse().unwrap()]));
        assert_eq!(request.events_subscribe, None);
        assert_eq!(request.unknown, ["gpu"]);
    }

    #[test]
    fn a_section_that_is_not_understood_is_an_error() {
        for json in [
            &b"{"[..],
            b"[]",
            br#"{"requests":[]}"#,
            br#"{"requests":{"events.publish":["a..b"]}}"#,
            br#"{"requests":{"scheduler.scopes":["tasks:destroy"]}}"#,
            br#"{"requests":{"tools.call":["http"]}}"#,
            br#"{"requests":{"metrics.snapshot":["yes"]}}"#,
        ] {
            assert!(Request::parse(json).is_err(), "{}", String::from_utf8_lossy(json));
        }
    }
}
