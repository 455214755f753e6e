//! The operator's file beside an extension: `plugins/<name>.toml`.
//!
//! ```toml
//! digest = "sha256:…"          # only these bytes may be loaded
//! enabled = true
//! [grant]
//! http.outbound = [{ host = "api.example.org", methods = ["GET"] }]
//! events.subscribe = ["ordinaut.run.*"]
//! [limits]
//! memory = "128MiB"
//! [config]
//! units = "metric"
//! ```

use std::collections::BTreeMap;

use ordinaut_domain::{Scopes, TopicPattern};
use serde::Deserialize;

use super::{Grant, OutboundRule, ToolPattern, size::ByteSize};
use crate::limits::Limits;

/// Largest `.toml` that is read.
pub(crate) const MAX_SETTINGS_BYTES: u64 = 256 << 10;

/// An extension's settings, with the host's defaults filled in.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Settings {
    pub(crate) enabled: bool,
    /// `sha256:<hex>`, lower case.
    pub(crate) digest: Option<String>,
    pub(crate) grant: Grant,
    pub(crate) limits: Limits,
    pub(crate) config: BTreeMap<String, String>,
}

/// Why a settings file cannot be used; the message names line and column.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct SettingsError(String);

impl Settings {
    /// What holds when there is no file.
    pub(crate) fn defaults(grant: &Grant, limits: &Limits) -> Self {
        Self {
            enabled: true,
            digest: None,
            grant: grant.clone(),
            limits: limits.clone(),
            config: BTreeMap::new(),
        }
    }

    /// Reads a file; what it does not say is as in `defaults`.
    pub(crate) fn parse(text: &str, defaults: Self) -> Result<Self, SettingsError> {
        let file: File = toml::from_str(text).map_err(|error| SettingsError(with_suggestion(&error)))?;
        let mut settings = defaults;
        settings.enabled = file.enabled.unwrap_or(true);
        settings.digest = file.digest.as_deref().map(check_digest).transpose()?;
        file.grant.apply(&mut settings.grant)?;
        file.limits.apply(&mut settings.limits)?;
        settings.config = file.config;
        Ok(settings)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    enabled: Option<bool>,
    digest: Option<String>,
    #[serde(default)]
    grant: GrantTable,
    #[serde(default)]
    limits: LimitsTable,
    #[serde(default)]
    config: BTreeMap<String, String>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct GrantTable {
    routes: RoutesTable,
    tools: ToolsTable,
    events: EventsTable,
    background: Switch,
    state: Switch,
    config: Switch,
    http: HttpTable,
    metrics: MetricsTable,
    scheduler: SchedulerTable,
}

/// `tools.enabled = false`.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Switch {
    enabled: Option<bool>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RoutesTable {
    enabled: Option<bool>,
    public: Option<Vec<String>>,
    same_origin: Option<bool>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct ToolsTable {
    enabled: Option<bool>,
    call: Option<Vec<ToolPattern>>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct EventsTable {
    enabled: Option<bool>,
    publish: Option<Vec<TopicPattern>>,
    subscribe: Option<Vec<TopicPattern>>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct HttpTable {
    outbound: Option<Vec<OutboundRule>>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct MetricsTable {
    snapshot: Option<bool>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct SchedulerTable {
    scopes: Option<Scopes>,
}

impl GrantTable {
    fn apply(self, grant: &mut Grant) -> Result<(), SettingsError> {
        fn set<T>(target: &mut T, value: Option<T>) {
            if let Some(value) = value {
                *target = value;
            }
        }
        if let Some(bad) = self.routes.public.iter().flatten().find(|path| !is_path_pattern(path)) {
            return Err(SettingsError(format!(
                "grant.routes.public: `{bad}` is not a path: expected `/` at the start and at most one `*`, at the end, \
                 for instance \"/static/*\""
            )));
        }
        set(&mut grant.routes, self.routes.enabled);
        set(&mut grant.tools, self.tools.enabled);
        set(&mut grant.events, self.events.enabled);
        set(&mut grant.background, self.background.enabled);
        set(&mut grant.state, self.state.enabled);
        set(&mut grant.config, self.config.enabled);
        set(&mut grant.routes_public, self.routes.public.map(Some));
        set(&mut grant.events_publish, self.events.publish.map(Some));
        set(&mut grant.events_subscribe, self.events.subscribe.map(Some));
        set(&mut grant.http_outbound, self.http.outbound.map(Some));
        set(&mut grant.metrics_snapshot, self.metrics.snapshot.map(Some));
        set(&mut grant.tools_call, self.tools.call.map(Some));
        set(&mut grant.scheduler_scopes, self.scheduler.scopes.map(Some));
        set(&mut grant.routes_same_origin, self.routes.same_origin.map(Some));
        Ok(())
    }
}

fn is_path_pattern(path: &str) -> bool {
    path.starts_with('/') && path.find('*').is_none_or(|star| star + 1 == path.len())
}

macro_rules! limits_table {
    ($($field:ident: $kind:tt, $least:expr, $most:expr;)*) => {
        #[derive(Default, Deserialize)]
        #[serde(deny_unknown_fields, default)]
        struct LimitsTable {
            $($field: Option<limits_table!(@type $kind)>,)*
        }

        impl LimitsTable {
            fn apply(self, limits: &mut Limits) -> Result<(), SettingsError> {
                $(if let Some(value) = self.$field {
                    let value: u64 = limits_table!(@value $kind, value);
                    let (least, most): (u64, u64) = ($least, $most);
                    if !(least..=most).contains(&value) {
                        return Err(SettingsError(format!(
                            "limits.{} = {value} is out of range: allowed are {least} to {most}",
                            stringify!($field),
                        )));
                    }
                    limits.$field = value as _;
                })*
                Ok(())
            }
        }
    };
    (@type bytes) => { ByteSize };
    (@type count) => { u64 };
    (@value bytes, $value:ident) => { $value.0 };
    (@value count, $value:ident) => { $value };
}

const GIB: u64 = 1 << 30;
/// A burst into which the largest event did not fit would keep it back for ever.
const LARGEST_EVENT_BYTES: u64 = 260 << 10;
const DAY_MS: u64 = 86_400_000;

// The upper bounds keep a slip of the pen from taking the machine down; the lower ones from a limit that nothing fits.
limits_table! {
    memory: bytes, 64 << 10, 4 * GIB;
    cpu_ms: count, 1, DAY_MS;
    job_cpu_ms: count, 1, DAY_MS;
    wall_ms: count, 1, DAY_MS;
    job_wall_ms: count, 1, DAY_MS;
    stream_lifetime_ms: count, 1, 365 * DAY_MS;
    concurrency: count, 1, 10_000;
    streams: count, 0, 10_000;
    hostcall_bytes: bytes, 1 << 10, GIB;
    request_bytes: bytes, 0, 64 * GIB;
    response_bytes: bytes, 0, 64 * GIB;
    table_elements: count, 0, 10_000_000;
    handles: count, 16, 1_000_000;
    log_bytes: bytes, 0, GIB;
    events_per_second: count, 1, 1_000_000;
    events_burst: count, 1, 1_000_000_000;
    event_bytes_per_second: bytes, 1 << 10, 64 * GIB;
    event_bytes_burst: bytes, LARGEST_EVENT_BYTES, 64 * GIB;
    state_bytes: bytes, 0, 64 * GIB;
    state_keys: count, 0, 1_000_000_000;
}

fn check_digest(text: &str) -> Result<String, SettingsError> {
    let hex = text.strip_prefix("sha256:").unwrap_or_default();
    if hex.len() == 64 && hex.bytes().all(|b| b.is_ascii_hexdigit()) {
        Ok(text.to_ascii_lowercase())
    } else {
        Err(SettingsError(format!(
            "digest = \"{text}\" is not a digest: expected \"sha256:\" and 64 hexadecimal digits, as `sha256sum` and \
             `ordinaut plugin check` print them"
        )))
    }
}

/// The error's text with place and, where a key is unknown, the key that was probably meant.
fn with_suggestion(error: &toml::de::Error) -> String {
    const CLOSE_ENOUGH: f64 = 0.75;
    let text = error.to_string();
    let message = error.message();
    let quoted: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
    let nearest = match quoted.split_first() {
        Some((unknown, known)) if message.starts_with("unknown field") => known
            .iter()
            .map(|name| (strsim::jaro_winkler(unknown, name), name))
            .filter(|(score, _)| *score > CLOSE_ENOUGH)
            .max_by(|a, b| a.0.total_cmp(&b.0)),
        _ => None,
    };
    match nearest {
        Some((_, name)) => format!("{}; did you mean `{name}`?", text.trim_end()),
        None => text.trim_end().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Settings, SettingsError> {
        Settings::parse(text, Settings::defaults(&Grant::default(), &Limits::default()))
    }

    #[test]
    fn an_empty_file_changes_nothing() {
        assert_eq!(
            parse("").unwrap(),
            Settings::defaults(&Grant::default(), &Limits::default())
        );
    }

    #[test]
    fn every_table_is_read() {
        let digest = format!("sha256:{}", "aB".repeat(32));
        let settings = parse(&format!(
            r#"
            enabled = false
            digest = "{digest}"
            [grant]
            http.outbound = [{{ host = "api.example.org", port = 443, methods = ["GET"] }}]
            events.publish = ["orders.*"]
            events.subscribe = ["ordinaut.run.**"]
            routes.public = ["/static/*", "/hook"]
            background.enabled = false
            metrics.snapshot = true
            tools.call = ["http.*", "echo.say"]
            scheduler.scopes = ["tasks:read:any", "runs:trigger"]
            routes.same_origin = true
            [limits]
            memory = "128MiB"
            wall_ms = 250
            [config]
            units = "metric"
            "#
        ))
        .unwrap();
        assert!(!settings.enabled);
        assert_eq!(settings.digest, Some(digest.to_ascii_lowercase()));
        assert_eq!(settings.grant.http_outbound.as_ref().map(Vec::len), Some(1));
        assert_eq!(settings.grant.events_publish, Some(vec!["orders.*".parse().unwrap()]));
        assert_eq!(
            settings.grant.events_subscribe,
            Some(vec!["ordinaut.run.**".parse().unwrap()])
        );
        assert_eq!(
            settings.grant.routes_public,
            Some(vec!["/static/*".to_owned(), "/hook".to_owned()])
        );
        assert!(!settings.grant.background);
        assert_eq!(settings.grant.metrics_snapshot, Some(true));
        assert_eq!(settings.grant.routes_same_origin, Some(true));
        assert_eq!(settings.grant.tools_call.as_ref().map(Vec::len), Some(2));
        let scopes = settings.grant.scheduler_scopes.as_ref().unwrap();
        assert!(scopes.allows("tasks:read") && scopes.allows("runs:trigger") && !scopes.allows("tasks:write"));
        assert!(settings.grant.tools);
        assert_eq!(settings.limits.memory, 128 << 20);
        assert_eq!(settings.limits.wall_ms, 250);
        assert_eq!(settings.config["units"], "metric");
    }

    #[test]
    fn what_is_wrong_is_named_with_its_place_and_what_was_probably_meant() {
        for (text, expected) in [
            (
                "[limits]\nmemry = 1",
                &["line 2", "memry", "did you mean `memory`?"][..],
            ),
            ("[grants]\n", &["line 1", "did you mean `grant`?"]),
            ("[grant]\nhttp.outbond = []", &["line 2", "did you mean `outbound`?"]),
            ("[limits]\nmemory = \"64MB\"", &["line 2", "a size such as"]),
            ("[limits]\nwall_ms = 0", &["limits.wall_ms = 0", "1 to"]),
            ("digest = \"md5:1\"", &["sha256:"]),
            ("[grant]\nroutes.public = [\"static\"]", &["`static` is not a path"]),
            (
                "[grant]\nevents.publish = [\"a..b\"]",
                &["line 2", "not a topic pattern"],
            ),
            (
                "[grant]\nscheduler.scopes = [\"tasks:destroy\"]",
                &["line 2", "`tasks:destroy` is not a scope"],
            ),
            (
                "[grant]\nscheduler.scopes = [\"tools:call:any\"]",
                &["line 2", "not a scope"],
            ),
            (
                "[grant]\ntools.call = [\"http\"]",
                &["line 2", "`http` does not name tools"],
            ),
            ("[grant]\nmetrics.snapshots = true", &["did you mean `snapshot`?"]),
            ("[config]\nport = 8", &["line 2", "string"]),
            ("[limits", &["line 1"]),
        ] {
            let error = parse(text).unwrap_err().to_string();
            for part in expected {
                assert!(error.contains(part), "{text:?} gave {error:?}, which lacks {part:?}");
            }
        }
    }

    #[test]
    fn an_empty_list_is_a_decision() {
        assert_eq!(parse("").unwrap().grant.http_outbound, None);
        assert_eq!(
            parse("[grant]\nhttp.outbound = []").unwrap().grant.http_outbound,
            Some(vec![])
        );
    }
}
