//! What there is: a snapshot that callers read without waiting, written by one task (the [keeper](crate::keeper)).

use std::{collections::BTreeMap, sync::Arc};

use arc_swap::ArcSwap;
use ordinaut_domain::{ToolAddress, ToolDefinition};
use tokio::sync::watch;

use crate::{
    grants::Grant,
    limits::Limits,
    loader::{Inspection, Loaded},
    report::{ExtensionReport, ExtensionState, LastError, Missing, RouteReport, ToolReport, printable},
    stats::Stats,
};

/// One extension at one moment.
#[derive(Clone)]
pub(crate) struct Extension {
    pub(crate) name: String,
    pub(crate) state: ExtensionState,
    pub(crate) file: String,
    /// What is known about the file that serves, or that was looked at last.
    pub(crate) inspection: Option<Arc<Inspection>>,
    /// Why nothing serves.
    pub(crate) error: Option<LastError>,
    pub(crate) missing: Vec<Missing>,
    pub(crate) loaded: Option<Arc<Loaded>>,
    /// Why the newest file does not serve while an older one does.
    pub(crate) replacement_error: Option<LastError>,
    pub(crate) stats: Arc<Stats>,
}

/// All extensions at one moment.
#[derive(Default)]
pub(crate) struct Snapshot {
    pub(crate) extensions: BTreeMap<String, Arc<Extension>>,
    pub(crate) tools: BTreeMap<ToolAddress, Arc<ToolDefinition>>,
}

/// The present snapshot, and news of each new one.
pub(crate) struct Registry {
    snapshot: ArcSwap<Snapshot>,
    changes: watch::Sender<u64>,
    pub(crate) first_scan: watch::Sender<bool>,
}

impl Registry {
    pub(crate) fn new() -> Self {
        Self {
            snapshot: ArcSwap::default(),
            changes: watch::Sender::new(0),
            first_scan: watch::Sender::new(false),
        }
    }

    pub(crate) fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot.load_full()
    }

    pub(crate) fn extension(&self, name: &str) -> Option<Arc<Extension>> {
        self.snapshot.load().extensions.get(name).cloned()
    }

    /// Fires after each change.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Only the keeper publishes.
    pub(crate) fn publish(&self, extensions: BTreeMap<String, Arc<Extension>>) {
        let tools = extensions
            .values()
            .filter_map(|extension| extension.loaded.as_ref())
            .flat_map(|loaded| loaded.manifest.tools.iter())
            .map(|tool| (tool.address.clone(), tool.clone()))
            .collect();
        self.snapshot.store(Arc::new(Snapshot { extensions, tools }));
        self.changes.send_modify(|version| *version += 1);
    }
}

impl Extension {
    /// Everything about it, with the counters of this moment.
    pub(crate) fn report(&self) -> ExtensionReport {
        let inspection = self.inspection.as_deref();
        let label = inspection.map(|i| &i.label);
        let manifest = self.loaded.as_ref().map(|loaded| &loaded.manifest);
        let mut counters = self.stats.counters();
        if let Some(loaded) = &self.loaded {
            counters.denied = loaded.prepared.identity.denials.count() + loaded.prepared.denial_log.denials();
        }
        ExtensionReport {
            name: self.name.clone(),
            state: self.state,
            digest: inspection.and_then(|i| i.digest.clone()),
            version: label.and_then(|d| d.version.as_deref().map(printable)),
            description: label.and_then(|d| d.description.as_deref().map(printable)),
            authors: label.and_then(|d| d.authors.as_deref().map(printable)),
            licence: label.and_then(|d| d.licence.as_deref().map(printable)),
            file: printable(&self.file),
            size: inspection.map_or(0, |i| i.size),
            imports: inspection.map(|i| i.interfaces.imports.clone()).unwrap_or_default(),
            exports: inspection.map(|i| i.interfaces.exports.clone()).unwrap_or_default(),
            provides: inspection.map(|i| i.provides.clone()).unwrap_or_default(),
            missing: self.missing.iter().map(Missing::printable).collect(),
            left_out: self.loaded.as_ref().map(|loaded| left_out(loaded)).unwrap_or_default(),
            last_error: self
                .error
                .clone()
                .or_else(|| self.replacement_error.clone())
                .or_else(|| self.stats.last_error())
                .map(LastError::printable),
            tools: manifest
                .into_iter()
                .flat_map(|m| &m.tools)
                .map(|tool| tool_report(tool))
                .collect(),
            routes: manifest
                .into_iter()
                .flat_map(|m| m.routes.iter())
                .map(route_report)
                .collect(),
            subscriptions: self.stats.subscriptions(),
            jobs: self.stats.jobs(),
            grants: inspection.map_or_else(Grant::default, |i| i.grant.clone()),
            limits: inspection.map_or_else(Limits::default, |i| i.limits.clone()),
            counters,
            loaded_at: self.loaded.as_ref().map(|loaded| loaded.at),
            compile_ms: inspection
                .and_then(|i| i.compile)
                .map(|d| u64::try_from(d.as_millis()).unwrap_or(u64::MAX)),
            from_cache: inspection.is_some_and(|i| i.from_cache),
            replacement_error: self.replacement_error.clone(),
        }
    }

    /// Why it does not serve.
    pub(crate) fn reason(&self) -> String {
        match (&self.error, self.state) {
            (Some(error), _) => error.message.clone(),
            (None, ExtensionState::Discovered | ExtensionState::Compiling) => {
                "it is being loaded; try again shortly".to_owned()
            }
            (None, ExtensionState::Draining) => "it is being replaced or removed".to_owned(),
            (None, _) => "see its report".to_owned(),
        }
    }
}

fn left_out(loaded: &Loaded) -> Vec<String> {
    let refused = loaded.prepared.identity.denials.left_out();
    refused.iter().map(|text| printable(text)).collect()
}

fn tool_report(tool: &ToolDefinition) -> ToolReport {
    ToolReport {
        address: tool.address.to_string(),
        title: tool.title.as_deref().map(printable),
        description: printable(&tool.description),
        effect: tool.effect,
        input_schema: tool.input_schema.clone(),
        output_schema: tool.output_schema.clone(),
        timeout_ms: tool.timeout_ms,
    }
}

fn route_report(route: &crate::routing::Route) -> RouteReport {
    RouteReport {
        method: route
            .method
            .as_ref()
            .map_or_else(|| "*".to_owned(), ToString::to_string),
        path: route.pattern.as_str().to_owned(),
        access: route.access.to_string(),
        streaming: route.streaming,
        description: printable(&route.description),
    }
}
