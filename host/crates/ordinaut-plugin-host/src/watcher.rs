//! Watches the folders: tells what is new or changed once it has stopped changing, and what is gone.
//!
//! Notifications only wake it up. What counts is what the folder holds when it is looked through, so lost
//! notifications cost time (the poll interval), never correctness, and file systems without notifications work too.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, Metadata},
    io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use notify::{RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::{
    sync::{Notify, mpsc},
    time::Instant,
};
use tokio_util::sync::CancellationToken;

use crate::{
    keeper::Command,
    loader::{Source, has_other_suffix},
    report::printable,
};

/// While something is changing, the folder is looked through this often.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// Which version of a file; another one differs in at least one of these.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl From<&Metadata> for Stamp {
    fn from(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

/// An extension's files.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Files {
    wasm: PathBuf,
    stamp: Stamp,
    /// The operator's, or those that ship with a shipped component.
    settings: Option<(PathBuf, Stamp)>,
}

/// The folders.
#[derive(Debug, Clone)]
pub(crate) struct Folders {
    pub(crate) dir: PathBuf,
    pub(crate) shipped: Option<PathBuf>,
}

impl Folders {
    /// All extensions by name.
    fn look_through(&self) -> io::Result<BTreeMap<String, Files>> {
        let mut found = BTreeMap::new();
        if let Some(shipped) = &self.shipped
            && let Err(error) = self.collect(shipped, &mut found)
            && error.kind() != io::ErrorKind::NotFound
        {
            return Err(error);
        }
        // The operator's folder comes last: its files win.
        self.collect(&self.dir, &mut found)?;
        Ok(found)
    }

    fn collect(&self, folder: &Path, found: &mut BTreeMap<String, Files>) -> io::Result<()> {
        let paths = fs::read_dir(folder)?
            .map(|entry| Ok(entry?.path()))
            .collect::<io::Result<Vec<_>>>()?;
        // `.wasm` after `.cwasm`, so that a precompiled file is only reported where it stands alone.
        for suffix in ["cwasm", "wasm"] {
            for path in &paths {
                let Some(name) = name(path, suffix) else { continue };
                // What is no file is found too, so that it is reported. It may be gone again.
                let Ok(metadata) = fs::metadata(path).or_else(|_| fs::symlink_metadata(path)) else {
                    continue;
                };
                let files = Files {
                    wasm: path.clone(),
                    stamp: Stamp::from(&metadata),
                    settings: self.settings_of(&name, folder),
                };
                found.insert(name, files);
            }
        }
        Ok(())
    }

    /// The settings that hold for the component `name` of `folder`: the operator's file; where there is none, the one
    /// that ships beside a shipped component. What an operator puts under that name inherits nothing from it.
    fn settings_of(&self, name: &str, folder: &Path) -> Option<(PathBuf, Stamp)> {
        let shipped = (folder != self.dir).then(|| folder.join(format!("{name}.toml")));
        [Some(self.settings(name)), shipped]
            .into_iter()
            .flatten()
            .find_map(|path| {
                let metadata = fs::metadata(&path).or_else(|_| fs::symlink_metadata(&path)).ok()?;
                Some((path, Stamp::from(&metadata)))
            })
    }

    fn settings(&self, name: &str) -> PathBuf {
        self.dir.join(format!("{name}.toml"))
    }
}

/// The name that a file with this ending gives to its extension, if it is meant as one. Names that no extension can have
/// stay visible, so that they are reported: not in Unicode, or with the ending in capitals (then they keep the ending, so
/// as not to stand in the way of the right one).
fn name(path: &Path, suffix: &str) -> Option<String> {
    let stem = path.file_stem()?;
    let text = if path.extension()? == suffix {
        stem
    } else if suffix == "wasm" && has_other_suffix(path) {
        path.file_name()?
    } else {
        return None;
    };
    let text = text.to_string_lossy();
    (!text.starts_with('.')).then(|| printable(&text))
}

/// What has been told, and what is still changing.
struct Watcher {
    folders: Folders,
    debounce: Duration,
    told: BTreeMap<String, Files>,
    changing: BTreeMap<String, (Option<Files>, Instant)>,
}

/// Looks through the folders until `stop`, and tells the keeper.
pub(crate) async fn watch(
    folders: Folders,
    debounce: Duration,
    poll_interval: Duration,
    follow: bool,
    keeper: mpsc::Sender<Command>,
    stop: CancellationToken,
) {
    let wake = Arc::new(Notify::new());
    let _notifier = follow.then(|| notifier(&folders, wake.clone()));
    let mut watcher = Watcher {
        folders,
        debounce,
        told: BTreeMap::new(),
        changing: BTreeMap::new(),
    };

    // What is there at the start is not being copied just now.
    let first = watcher.look_through().await;
    let names: BTreeSet<String> = first.keys().cloned().collect();
    let commands: Vec<_> = first
        .iter()
        .map(|(name, files)| Command::Found(watcher.source(name, files)))
        .collect();
    watcher.told = first;
    for command in commands.into_iter().chain([Command::FirstScan(names)]) {
        if keeper.send(command).await.is_err() {
            return;
        }
    }
    if !follow {
        return;
    }
    loop {
        let pause = if watcher.changing.is_empty() {
            poll_interval
        } else {
            LOOK_AGAIN.min(poll_interval)
        };
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            () = wake.notified() => {}
            () = tokio::time::sleep(pause) => {}
        }
        let found = watcher.look_through().await;
        for command in watcher.compare(found, Instant::now()) {
            if keeper.send(command).await.is_err() {
                return;
            }
        }
        // A burst of notifications is one reason to look, not many.
        tokio::time::sleep(LOOK_AGAIN / 5).await;
    }
}

/// Wakes up on any change in the folders; without it only polling is left.
fn notifier(folders: &Folders, wake: Arc<Notify>) -> Option<RecommendedWatcher> {
    let mut watcher = notify::recommended_watcher(move |_event| wake.notify_one())
        .inspect_err(|error| tracing::warn!(%error, "changes in the plugin folders are only found by looking"))
        .ok()?;
    for folder in [Some(&folders.dir), folders.shipped.as_ref()].into_iter().flatten() {
        if let Err(error) = watcher.watch(folder, RecursiveMode::NonRecursive) {
            tracing::debug!(%error, folder = %folder.display(), "changes are only found by looking");
        }
    }
    Some(watcher)
}

impl Watcher {
    async fn look_through(&self) -> BTreeMap<String, Files> {
        let folders = self.folders.clone();
        let looked = tokio::task::spawn_blocking(move || folders.look_through()).await;
        match looked.unwrap_or_else(|error| Err(io::Error::other(error))) {
            Ok(found) => found,
            // A folder that cannot be read is not an empty one: what serves goes on.
            Err(error) => {
                tracing::warn!(%error, folder = %self.folders.dir.display(), "the plugin folder cannot be looked through");
                self.told.clone()
            }
        }
    }

    /// What to tell. A difference is told when it has been the same for the debounce time.
    fn compare(&mut self, mut found: BTreeMap<String, Files>, now: Instant) -> Vec<Command> {
        let names: BTreeSet<String> = found.keys().chain(self.told.keys()).cloned().collect();
        let mut commands = Vec::new();
        for name in names {
            let current = found.remove(&name);
            if current.as_ref() == self.told.get(&name) {
                self.changing.remove(&name);
                continue;
            }
            match self.changing.get(&name) {
                Some((seen, since)) if *seen == current => {
                    if now.duration_since(*since) < self.debounce {
                        continue;
                    }
                }
                _ => {
                    self.changing.insert(name, (current, now));
                    continue;
                }
            }
            self.changing.remove(&name);
            if let Some(files) = current {
                commands.push(Command::Found(self.source(&name, &files)));
                self.told.insert(name, files);
            } else {
                self.told.remove(&name);
                commands.push(Command::Gone(name));
            }
        }
        commands
    }

    fn source(&self, name: &str, files: &Files) -> Source {
        Source {
            name: name.to_owned(),
            wasm: files.wasm.clone(),
            settings: match &files.settings {
                Some((path, _)) => path.clone(),
                None => self.folders.settings(name),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{ffi::OsStr, os::unix::ffi::OsStrExt};

    use super::*;

    const DEBOUNCE: Duration = Duration::from_millis(250);

    fn watcher(dir: &Path, shipped: Option<&Path>) -> Watcher {
        Watcher {
            folders: Folders {
                dir: dir.to_owned(),
                shipped: shipped.map(Path::to_owned),
            },
            debounce: DEBOUNCE,
            told: BTreeMap::new(),
            changing: BTreeMap::new(),
        }
    }

    fn told(commands: &[Command]) -> Vec<String> {
        commands
            .iter()
            .map(|command| match command {
                Command::Found(source) => format!("found {}", source.wasm.display()),
                Command::Gone(name) => format!("gone {name}"),
                _ => "other".to_owned(),
            })
            .collect()
    }

    #[test]
    fn a_file_is_told_once_and_only_when_it_has_stopped_changing() {
        let dir = tempfile::tempdir().unwrap();
        let mut watcher = watcher(dir.path(), None);
        let file = dir.path().join("echo.wasm");
        let start = Instant::now();
        let mut look = |after_ms: u64| {
            let found = watcher.folders.look_through().unwrap();
            told(&watcher.compare(found, start + Duration::from_millis(after_ms)))
        };
        let found = vec![format!("found {}", file.display())];

        fs::write(&file, "1").unwrap();
        assert_eq!(look(0), [""; 0]);
        fs::write(&file, "12").unwrap();
        assert_eq!(look(200), [""; 0], "it changed");
        assert_eq!(look(400), [""; 0], "200 ms are not enough");
        assert_eq!(look(450), found);
        assert_eq!(look(900), [""; 0]);

        fs::write(dir.path().join("echo.toml"), "").unwrap();
        assert_eq!(look(1_000), [""; 0]);
        assert_eq!(look(1_250), found, "other settings are a change");

        fs::remove_file(&file).unwrap();
        assert_eq!(look(2_000), [""; 0]);
        assert_eq!(look(2_250), ["gone echo"]);
        assert_eq!(look(3_000), [""; 0]);
    }

    #[test]
    fn the_operators_file_wins_over_the_shipped_one_and_gives_way_again() {
        let (dir, shipped) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let mut watcher = watcher(dir.path(), Some(shipped.path()));
        let (own, theirs) = (dir.path().join("http.wasm"), shipped.path().join("http.wasm"));
        let start = Instant::now();
        let mut look = |after_ms: u64| {
            let found = watcher.folders.look_through().unwrap();
            told(&watcher.compare(found, start + Duration::from_millis(after_ms)))
        };
        fs::write(&theirs, "shipped").unwrap();
        look(0);
        assert_eq!(look(300), [format!("found {}", theirs.display())]);
        fs::write(&own, "own").unwrap();
        look(1_000);
        assert_eq!(look(1_300), [format!("found {}", own.display())]);
        fs::remove_file(&own).unwrap();
        look(2_000);
        assert_eq!(look(2_300), [format!("found {}", theirs.display())]);
    }

    #[test]
    fn shipped_settings_hold_for_the_shipped_file_until_the_operator_has_a_file_of_either_kind() {
        let (dir, shipped) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let watcher = watcher(dir.path(), Some(shipped.path()));
        let settings = || {
            let found = watcher.folders.look_through().unwrap();
            watcher.source("webui", &found["webui"]).settings
        };
        let (own, theirs) = (dir.path().join("webui.toml"), shipped.path().join("webui.toml"));
        fs::write(shipped.path().join("webui.wasm"), "shipped").unwrap();
        assert_eq!(settings(), own);
        fs::write(&theirs, "").unwrap();
        assert_eq!(settings(), theirs);
        let before = watcher.folders.look_through().unwrap();
        fs::write(&theirs, "# changed").unwrap();
        assert_ne!(watcher.folders.look_through().unwrap(), before, "it is watched");
        fs::write(&own, "").unwrap();
        assert_eq!(settings(), own);
        fs::remove_file(&own).unwrap();
        fs::write(dir.path().join("webui.wasm"), "own").unwrap();
        assert_eq!(settings(), own, "what the operator put there inherits nothing");
    }

    #[test]
    fn what_is_meant_as_a_component_is_found_and_a_precompiled_file_where_it_stands_alone() {
        let dir = tempfile::tempdir().unwrap();
        for name in [
            "a.wasm",
            "a.cwasm",
            "b.cwasm",
            ".hidden.wasm",
            "c.wasm.tmp",
            "d.toml",
            "README",
        ] {
            fs::write(dir.path().join(name), "x").unwrap();
        }
        fs::create_dir(dir.path().join("e.wasm")).unwrap();
        std::os::unix::fs::symlink("nowhere", dir.path().join("f.wasm")).unwrap();
        fs::write(dir.path().join("a.WASM"), "x").unwrap();
        fs::write(dir.path().join(OsStr::from_bytes(b"\xff.wasm")), "x").unwrap();
        let found = watcher(dir.path(), None).folders.look_through().unwrap();
        let names: Vec<_> = found
            .iter()
            .map(|(name, f)| {
                (
                    name.as_str(),
                    f.wasm.file_name().unwrap().to_string_lossy().into_owned(),
                )
            })
            .collect();
        let expected = [
            ("a", "a.wasm"),
            ("a.WASM", "a.WASM"),
            ("b", "b.cwasm"),
            ("e", "e.wasm"),
            ("f", "f.wasm"),
            ("\u{fffd}", "\u{fffd}.wasm"),
        ];
        assert_eq!(names, expected.map(|(name, file)| (name, file.to_owned())));
    }
}
