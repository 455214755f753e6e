//! The one task that owns the extensions: it starts loads, decides what their outcome means, and publishes.
//!
//! All changes go through it one after the other, so there are no races between a file that changes, a reload that an
//! operator asked for, and the end of the host.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use tokio::{
    sync::{mpsc, oneshot},
    task::JoinSet,
};
use tokio_util::task::TaskTracker;

use crate::{
    grants::Settings,
    loader::{Inspection, LoadError, Loaded, Loader, Outcome, Source},
    registry::{Extension, Registry},
    report::ExtensionState,
    stats::Stats,
    supervise::Background,
};

/// How long a version that is replaced or removed may finish its calls.
const DRAIN: Duration = Duration::from_mins(1);

/// What the keeper is told.
pub(crate) enum Command {
    /// New or changed.
    Found(Source),
    Gone(String),
    /// These were there at the start.
    FirstScan(BTreeSet<String>),
    /// Load again, whatever the state; answered when that has ended (false: there is no such extension).
    Reload(String, oneshot::Sender<bool>),
    /// End everything; answered when that is done.
    Stop(Duration, oneshot::Sender<()>),
    /// From the keeper to itself: a removed extension has finished its last call.
    Drained(String, u64),
}

/// What the keeper knows about one extension.
struct Entry {
    source: Source,
    stats: Arc<Stats>,
    /// Counts loads: only the outcome of the latest one matters.
    ticket: u64,
    loading: bool,
    active: Option<Active>,
    shown: Extension,
    /// What the product was told last.
    told: Option<(ExtensionState, Option<String>)>,
    reloads: Vec<oneshot::Sender<bool>>,
}

/// The version that serves.
struct Active {
    loaded: Arc<Loaded>,
    inspection: Arc<Inspection>,
    background: Background,
}

pub(crate) struct Keeper {
    loader: Arc<Loader>,
    registry: Arc<Registry>,
    entries: BTreeMap<String, Entry>,
    loads: JoinSet<(String, u64, Outcome)>,
    /// Still without a verdict since the start; `None` once all have one.
    first: Option<BTreeSet<String>>,
    draining: TaskTracker,
    commands: mpsc::WeakSender<Command>,
    consumer: Arc<str>,
}

impl Keeper {
    pub(crate) fn new(
        loader: Arc<Loader>,
        registry: Arc<Registry>,
        commands: mpsc::WeakSender<Command>,
        consumer: Arc<str>,
    ) -> Self {
        Self {
            loader,
            registry,
            entries: BTreeMap::new(),
            loads: JoinSet::new(),
            first: None,
            draining: TaskTracker::new(),
            commands,
            consumer,
        }
    }

    /// Runs until it is told to stop.
    pub(crate) async fn run(mut self, mut commands: mpsc::Receiver<Command>) {
        loop {
            tokio::select! {
                command = commands.recv() => match command {
                    Some(Command::Stop(grace, done)) => {
                        self.stop(grace).await;
                        let _ = done.send(());
                        return;
                    }
                    Some(command) => self.obey(command),
                    None => return self.stop(Duration::ZERO).await,
                },
                Some(loaded) = self.loads.join_next() => match loaded {
                    Ok((name, ticket, outcome)) => self.loaded(&name, ticket, outcome),
                    Err(error) => tracing::error!(%error, "loading an extension failed"),
                },
            }
            self.check_first_scan();
        }
    }

    fn obey(&mut self, command: Command) {
        match command {
            Command::Found(source) => self.found(source),
            Command::Gone(name) => self.gone(&name),
            Command::FirstScan(names) => self.first = Some(names),
            Command::Reload(name, done) => match self.entries.get_mut(&name) {
                Some(entry) if entry.shown.state != ExtensionState::Draining => {
                    entry.reloads.push(done);
                    let source = entry.source.clone();
                    self.found(source);
                }
                _ => drop(done.send(false)),
            },
            Command::Drained(name, ticket) => {
                // Unless it came back meanwhile.
                if self.entries.get(&name).is_some_and(|entry| entry.ticket == ticket) {
                    self.entries.remove(&name);
                    self.publish();
                }
            }
            Command::Stop(..) => unreachable!("`run` handles it"),
        }
    }

    fn found(&mut self, source: Source) {
        let name = source.name.clone();
        let file = source.wasm.display().to_string();
        let entry = self.entries.entry(name.clone()).or_insert_with(|| {
            let stats = Arc::new(Stats::default());
            Entry {
                source: source.clone(),
                stats: stats.clone(),
                ticket: 0,
                loading: false,
                active: None,
                shown: Extension {
                    name: name.clone(),
                    state: ExtensionState::Discovered,
                    file,
                    inspection: None,
                    error: None,
                    missing: Vec::new(),
                    loaded: None,
                    replacement_error: None,
                    stats,
                },
                told: None,
                reloads: Vec::new(),
            }
        });
        entry.source = source.clone();
        entry.ticket += 1;
        entry.loading = true;
        if entry.active.is_none() {
            entry.shown.file = source.wasm.display().to_string();
            entry.shown.state = ExtensionState::Compiling;
            entry.shown.error = None;
            entry.shown.missing.clear();
        }
        let (ticket, loader) = (entry.ticket, self.loader.clone());
        self.loads.spawn(async move {
            let outcome = loader.load(&source).await;
            (source.name, ticket, outcome)
        });
        self.announce(&name);
    }

    fn loaded(&mut self, name: &str, ticket: u64, outcome: Outcome) {
        let Some(entry) = self.entries.get_mut(name) else {
            return;
        };
        if entry.ticket != ticket {
            return;
        }
        entry.loading = false;
        let inspection = Arc::new(outcome.inspection);
        let retired = match outcome.result {
            Ok(loaded) => {
                tracing::info!(
                    extension = name,
                    digest = inspection.digest,
                    compile_ms = inspection
                        .compile
                        .map(|d| u64::try_from(d.as_millis()).unwrap_or(u64::MAX)),
                    from_cache = inspection.from_cache,
                    "extension ready"
                );
                let retired = entry.active.take();
                if let Some(retired) = &retired {
                    retired.background.stop();
                }
                let before = retired.as_ref().map(|retired| &retired.background);
                let background = Background::start(&self.loader.runner, &loaded, &entry.stats, &self.consumer, before);
                entry.show_ready(&loaded, &inspection);
                entry.active = Some(Active {
                    loaded,
                    inspection,
                    background,
                });
                retired
            }
            Err(error) => {
                tracing::warn!(extension = name, kind = error.kind(), "{}", error.report(name).message);
                entry.failed(&error, inspection)
            }
        };
        for done in entry.reloads.drain(..) {
            let _ = done.send(true);
        }
        self.announce(name);
        if let Some(retired) = retired {
            self.drain(retired, None);
        }
    }

    fn gone(&mut self, name: &str) {
        let Some(entry) = self.entries.get_mut(name) else {
            return;
        };
        entry.ticket += 1;
        entry.loading = false;
        for done in entry.reloads.drain(..) {
            let _ = done.send(false);
        }
        entry.shown.state = ExtensionState::Draining;
        entry.shown.loaded = None;
        entry.shown.error = None;
        let ticket = entry.ticket;
        let retired = entry.active.take();
        tracing::info!(extension = name, "extension removed");
        self.announce(name);
        match retired {
            Some(retired) => self.drain(retired, Some((name.to_owned(), ticket))),
            None => self.obey(Command::Drained(name.to_owned(), ticket)),
        }
    }

    /// Lets a version finish what it is doing, and tells when a removed one has.
    fn drain(&self, retired: Active, removed: Option<(String, u64)>) {
        let commands = self.commands.clone();
        self.draining.spawn(async move {
            finish(&retired, DRAIN).await;
            if let (Some((name, ticket)), Some(commands)) = (removed, commands.upgrade()) {
                let _ = commands.send(Command::Drained(name, ticket)).await;
            }
        });
    }

    async fn stop(&mut self, grace: Duration) {
        self.loads.abort_all();
        let retired: Vec<Active> = self
            .entries
            .values_mut()
            .filter_map(|entry| entry.active.take())
            .collect();
        for entry in self.entries.values_mut() {
            entry.shown.state = ExtensionState::Draining;
            entry.shown.loaded = None;
        }
        self.publish();
        futures::future::join_all(retired.iter().map(|retired| finish(retired, grace))).await;
        self.draining.close();
        let _ = tokio::time::timeout(grace, self.draining.wait()).await;
        self.entries.clear();
        self.publish();
        self.registry.first_scan.send_replace(true);
    }

    fn check_first_scan(&mut self) {
        let Some(names) = &self.first else { return };
        let settled = |name: &String| self.entries.get(name).is_none_or(|entry| !entry.loading);
        if names.iter().all(settled) {
            self.first = None;
            self.registry.first_scan.send_replace(true);
        }
    }

    /// Publishes, and tells the product if another state or content of the extension is to be told.
    fn announce(&mut self, name: &str) {
        self.publish();
        let Some(entry) = self.entries.get_mut(name) else {
            return;
        };
        let report = entry.shown.report();
        let news = Some((report.state, report.digest.clone()));
        if entry.told != news {
            entry.told = news;
            self.loader.runner.services.inner.extension_changed(&report);
        }
    }

    fn publish(&self) {
        let extensions = self
            .entries
            .iter()
            .map(|(name, entry)| (name.clone(), Arc::new(entry.shown.clone())))
            .collect();
        self.registry.publish(extensions);
    }
}

impl Entry {
    fn show_ready(&mut self, loaded: &Arc<Loaded>, inspection: &Arc<Inspection>) {
        self.shown.state = ExtensionState::Ready;
        self.shown.file = inspection.file.display().to_string();
        self.shown.inspection = Some(inspection.clone());
        self.shown.error = None;
        self.shown.missing.clear();
        self.shown.loaded = Some(loaded.clone());
        self.shown.replacement_error = None;
    }

    /// Notes a failure, and answers the version that may not go on because of it.
    fn failed(&mut self, error: &LoadError, inspection: Arc<Inspection>) -> Option<Active> {
        let report = error.report(&self.source.name);
        let goes_on = self.active.as_ref().is_some_and(|active| {
            may_go_on(
                active.inspection.settings.as_ref(),
                inspection.settings.as_ref(),
                active.inspection.digest.as_deref(),
            )
        });
        if goes_on {
            self.shown.replacement_error = Some(report);
            return None;
        }
        let retired = self.active.take();
        if let Some(retired) = &retired {
            retired.background.stop();
        }
        self.stats.replace_background(Vec::new(), Vec::new());
        self.shown.state = error.state();
        self.shown.file = inspection.file.display().to_string();
        self.shown.inspection = Some(inspection);
        self.shown.missing = error.missing();
        self.shown.error = Some(report);
        self.shown.loaded = None;
        self.shown.replacement_error = None;
        retired
    }
}

/// Whether the version that serves may go on although its replacement failed: it may unless the operator has taken
/// something from it. A settings file that cannot be read says nothing, so it takes nothing.
fn may_go_on(in_force: Option<&Settings>, now: Option<&Settings>, digest: Option<&str>) -> bool {
    match (in_force, now) {
        (_, None) => true,
        (None, Some(_)) => false,
        (Some(in_force), Some(now)) => {
            now.enabled
                && now.grant == in_force.grant
                && now.digest.as_deref().is_none_or(|pinned| Some(pinned) == digest)
        }
    }
}

/// Ends a version: nothing new, streams closed, calls waited for.
async fn finish(retired: &Active, grace: Duration) {
    retired.background.stop();
    // Streams and services end at once: their readers come back to the new version.
    retired.loaded.prepared.ending.cancel();
    retired.loaded.under_way.close();
    let finished = async {
        retired.background.stopped().await;
        retired.loaded.under_way.wait().await;
    };
    if tokio::time::timeout(grace, finished).await.is_err() {
        tracing::warn!(
            extension = &**retired.loaded.name(),
            ?grace,
            "calls were still under way and are left behind"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Grant, Limits};

    fn settings(text: &str) -> Settings {
        Settings::parse(text, Settings::defaults(&Grant::default(), &Limits::default())).unwrap()
    }

    #[test]
    fn a_failed_replacement_leaves_the_old_version_unless_the_operator_took_something_away() {
        let in_force = settings("[grant]\nevents.publish = [\"orders.*\"]");
        let pin = format!("sha256:{}", "a".repeat(64));
        for (now, expected) in [
            (Some(in_force.clone()), true),
            (None, true),
            (
                Some(settings(
                    "[grant]\nevents.publish = [\"orders.*\"]\n[config]\na = \"b\"",
                )),
                true,
            ),
            (Some(settings("")), false),
            (
                Some(settings("enabled = false\n[grant]\nevents.publish = [\"orders.*\"]")),
                false,
            ),
            (
                Some(settings(&format!(
                    "digest = \"{pin}\"\n[grant]\nevents.publish = [\"orders.*\"]"
                ))),
                false,
            ),
        ] {
            assert_eq!(
                may_go_on(Some(&in_force), now.as_ref(), Some("sha256:b")),
                expected,
                "{now:?}"
            );
        }
    }
}
