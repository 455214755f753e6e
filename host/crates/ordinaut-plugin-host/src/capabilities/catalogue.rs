//! Everything that an extension can import, and to which capability it belongs. What is not here does not exist for
//! extensions.

use crate::grants::Grant;

/// A unit of granting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Capability {
    /// Needs no grant.
    Base,
    Routes,
    Tools,
    Events,
    Background,
    State,
    Config,
    OutboundHttp,
    Metrics,
    ToolCalls,
}

impl Capability {
    /// All that can be granted.
    pub(crate) const GRANTABLE: [Self; 9] = [
        Self::Routes,
        Self::Tools,
        Self::Events,
        Self::Background,
        Self::State,
        Self::Config,
        Self::OutboundHttp,
        Self::Metrics,
        Self::ToolCalls,
    ];

    /// The name under which it is reported.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Base => "base",
            Self::Routes => "routes",
            Self::Tools => "tools",
            Self::Events => "events",
            Self::Background => "background",
            Self::State => "state",
            Self::Config => "config",
            Self::OutboundHttp => "http.outbound",
            Self::Metrics => "metrics.snapshot",
            Self::ToolCalls => "tools.call",
        }
    }

    /// Whether what is asked for has more to say than the capability's name, so that `undecided` asks for it.
    pub(crate) const fn has_detail(self) -> bool {
        matches!(self, Self::OutboundHttp | Self::Metrics | Self::ToolCalls)
    }

    /// Whether it is granted.
    pub(crate) const fn is_granted(self, grant: &Grant) -> bool {
        match self {
            Self::Base => true,
            Self::Routes => grant.routes,
            Self::Tools => grant.tools,
            Self::Events => grant.events,
            Self::Background => grant.background,
            Self::State => grant.state,
            Self::Config => grant.config,
            // The API in this process is reached the same way.
            Self::OutboundHttp => grant.http_outbound.is_some() || grant.scheduler_scopes.is_some(),
            Self::Metrics => matches!(grant.metrics_snapshot, Some(true)),
            Self::ToolCalls => grant.tools_call.is_some(),
        }
    }

    /// The line of `[grant]` that grants it.
    pub(crate) fn toml(self) -> Option<String> {
        match self {
            Self::Base => None,
            Self::OutboundHttp => Some("http.outbound = []".to_owned()),
            Self::Metrics => Some("metrics.snapshot = true".to_owned()),
            Self::ToolCalls => Some("tools.call = []".to_owned()),
            other => Some(format!("{}.enabled = true", other.name())),
        }
    }
}

/// An interface that the host offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Offer {
    /// Without version, for instance `ordinaut:tools/registry`.
    pub(crate) interface: &'static str,
    pub(crate) version: &'static str,
    pub(crate) capability: Capability,
}

const fn offer(interface: &'static str, version: &'static str, capability: Capability) -> Offer {
    Offer {
        interface,
        version,
        capability,
    }
}

const WASI: &str = "0.2.12";
const OURS: &str = "0.1.0";

/// Imports.
pub(crate) const IMPORTS: &[Offer] = &[
    offer("ordinaut:background/registry", OURS, Capability::Background),
    offer("ordinaut:background/types", OURS, Capability::Base),
    offer("ordinaut:events/follow", OURS, Capability::Events),
    offer("ordinaut:events/publisher", OURS, Capability::Events),
    offer("ordinaut:events/subscriptions", OURS, Capability::Events),
    offer("ordinaut:events/types", OURS, Capability::Base),
    offer("ordinaut:extension/context", OURS, Capability::Base),
    offer("ordinaut:metrics/snapshot", OURS, Capability::Metrics),
    offer("ordinaut:metrics/types", OURS, Capability::Base),
    offer("ordinaut:routes/registry", OURS, Capability::Routes),
    offer("ordinaut:tools/caller", OURS, Capability::ToolCalls),
    offer("ordinaut:tools/registry", OURS, Capability::Tools),
    offer("ordinaut:tools/types", OURS, Capability::Base),
    offer("ordinaut:types/types", OURS, Capability::Base),
    offer("wasi:cli/environment", WASI, Capability::Base),
    offer("wasi:cli/exit", WASI, Capability::Base),
    offer("wasi:cli/stderr", WASI, Capability::Base),
    offer("wasi:cli/stdin", WASI, Capability::Base),
    offer("wasi:cli/stdout", WASI, Capability::Base),
    offer("wasi:cli/terminal-input", WASI, Capability::Base),
    offer("wasi:cli/terminal-output", WASI, Capability::Base),
    offer("wasi:cli/terminal-stderr", WASI, Capability::Base),
    offer("wasi:cli/terminal-stdin", WASI, Capability::Base),
    offer("wasi:cli/terminal-stdout", WASI, Capability::Base),
    offer("wasi:clocks/monotonic-clock", WASI, Capability::Base),
    offer("wasi:clocks/wall-clock", WASI, Capability::Base),
    offer("wasi:config/store", "0.2.0-rc.1", Capability::Config),
    offer("wasi:filesystem/preopens", WASI, Capability::Base),
    offer("wasi:filesystem/types", WASI, Capability::Base),
    offer("wasi:http/outgoing-handler", WASI, Capability::OutboundHttp),
    offer("wasi:http/types", WASI, Capability::Base),
    offer("wasi:io/error", WASI, Capability::Base),
    offer("wasi:io/poll", WASI, Capability::Base),
    offer("wasi:io/streams", WASI, Capability::Base),
    offer("wasi:keyvalue/store", "0.2.0-draft", Capability::State),
    offer("wasi:logging/logging", "0.1.0-draft", Capability::Base),
    offer("wasi:random/insecure", WASI, Capability::Base),
    offer("wasi:random/insecure-seed", WASI, Capability::Base),
    offer("wasi:random/random", WASI, Capability::Base),
    offer("wasi:sockets/instance-network", WASI, Capability::Base),
    offer("wasi:sockets/ip-name-lookup", WASI, Capability::Base),
    offer("wasi:sockets/network", WASI, Capability::Base),
    offer("wasi:sockets/tcp", WASI, Capability::Base),
    offer("wasi:sockets/tcp-create-socket", WASI, Capability::Base),
    offer("wasi:sockets/udp", WASI, Capability::Base),
    offer("wasi:sockets/udp-create-socket", WASI, Capability::Base),
];

/// Exports that the host calls.
pub(crate) const EXPORTS: &[Offer] = &[
    offer("ordinaut:background/job", OURS, Capability::Background),
    offer("ordinaut:background/service", OURS, Capability::Background),
    offer("ordinaut:events/handler", OURS, Capability::Events),
    offer("ordinaut:extension/lifecycle", OURS, Capability::Base),
    offer("ordinaut:tools/handler", OURS, Capability::Tools),
    offer("wasi:http/incoming-handler", WASI, Capability::Routes),
];

/// How well a name fits an offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fit {
    Offered(Offer),
    /// The interface is known, in an incompatible version.
    WrongVersion(Offer),
    Unknown,
}

/// Looks up `package:name/interface@version` among `offers`.
pub(crate) fn look_up(name: &str, offers: &[Offer]) -> Fit {
    let (interface, version) = name.split_once('@').unwrap_or((name, ""));
    match offers.iter().find(|offer| offer.interface == interface) {
        Some(offer) if compatible(offer.version, version) => Fit::Offered(*offer),
        Some(offer) => Fit::WrongVersion(*offer),
        None => Fit::Unknown,
    }
}

/// Semantic versioning as the component model has it: the same major version, below 1.0 the same minor version;
/// pre-releases only fit themselves.
fn compatible(offered: &str, wanted: &str) -> bool {
    fn track(version: &str) -> Option<(&str, Option<&str>)> {
        let mut parts = version.split('.');
        let (major, minor, _patch) = (parts.next()?, parts.next()?, parts.next()?);
        let plain = parts.next().is_none() && version.bytes().all(|b| b.is_ascii_digit() || b == b'.');
        plain.then_some((major, (major == "0").then_some(minor)))
    }
    offered == wanted || matches!((track(offered), track(wanted)), (Some(a), Some(b)) if a == b)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The names behind `import` or `export` in `wit/worlds.wit`.
    fn named_in_worlds(keyword: &str) -> Vec<&'static str> {
        let worlds = include_str!("../../../../../wit/worlds.wit");
        let names = worlds
            .lines()
            .filter_map(|line| line.trim().strip_prefix(keyword)?.trim().strip_suffix(';'));
        names.collect()
    }

    #[test]
    fn what_the_worlds_name_is_what_is_offered() {
        for (keyword, offers) in [("import ", IMPORTS), ("export ", EXPORTS)] {
            let named = named_in_worlds(keyword);
            assert!(!named.is_empty());
            for name in &named {
                let exact = |offer: &&Offer| format!("{}@{}", offer.interface, offer.version) == **name;
                assert!(
                    offers.iter().any(|offer| exact(&offer)),
                    "{name} is in the worlds but not offered"
                );
            }
            let ours = offers
                .iter()
                .filter(|o| o.interface.starts_with("ordinaut:") && !o.interface.ends_with("/types"));
            for offer in ours {
                let name = format!("{}@{}", offer.interface, offer.version);
                assert!(
                    named.contains(&name.as_str()),
                    "{name} is offered but not in the worlds"
                );
            }
        }
    }

    #[test]
    fn versions_fit_as_the_component_model_has_it() {
        for (name, fits) in [
            ("wasi:io/poll@0.2.0", true),
            ("wasi:io/poll@0.2.99", true),
            ("wasi:io/poll@0.3.0", false),
            ("wasi:io/poll", false),
            ("wasi:keyvalue/store@0.2.0-draft", true),
            ("wasi:keyvalue/store@0.2.0-draft2", false),
            ("wasi:keyvalue/store@0.2.0", false),
            ("ordinaut:tools/registry@0.1.7", true),
            ("ordinaut:tools/registry@0.2.0", false),
            ("ordinaut:tools/registry@1.0.0", false),
        ] {
            let fit = look_up(name, IMPORTS);
            assert_eq!(matches!(fit, Fit::Offered(_)), fits, "{name}: {fit:?}");
            assert_eq!(matches!(fit, Fit::WrongVersion(_)), !fits, "{name}: {fit:?}");
        }
        assert_eq!(look_up("wasi:nn/graph@0.2.0", IMPORTS), Fit::Unknown);
        assert_eq!(look_up("run", EXPORTS), Fit::Unknown);
    }
}
