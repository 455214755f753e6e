//! What lies in the data folder before anything is made there.
//!
//! A first start makes three things: the store, the sealing key and the first agent's secret. They belong together, so
//! one of them without the others is no first start: something was lost, and what would be made in its place could
//! hide that, or destroy what is left. Everything here only looks; nothing is written before all of it is found right.

use std::{
    fs::{self, DirBuilder},
    io::{self, ErrorKind},
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
};

use super::StartError;
use crate::{
    auth::{bootstrap::default_file, seal::SealingKey},
    config::{Config, Role},
};

/// What was found.
pub(super) struct Found {
    /// The key under which stored keys are sealed, if its file exists.
    pub sealing: Option<SealingKey>,
    /// Whether the store has yet to be made.
    pub first_start: bool,
}

/// Looks whether a host can start with what is there.
pub(super) fn look(config: &Config, store: &Path) -> Result<Found, StartError> {
    let faults = misplaced(config, store);
    if !faults.is_empty() {
        return Err(StartError {
            message: faults.join("\n"),
        });
    }
    // The key before the store: another process that starts right now makes the store first.
    let key_file = config.storage.key_file();
    let sealing = if exists(&key_file)? {
        let key = SealingKey::load(&key_file);
        Some(key.map_err(|error| StartError::of("the sealing key cannot be used", &error))?)
    } else {
        None
    };
    let mut witnesses = vec![default_file(config.data_dir())];
    witnesses.extend(config.auth.bootstrap_file.clone());
    witnesses.push(key_file);
    witnesses.dedup();
    let left = existing(&witnesses)?;

    let loss = match fs::metadata(store) {
        Ok(found) if found.len() > 0 => None,
        Ok(_) => Some("is empty"),
        Err(error) if error.kind() == ErrorKind::NotFound => Some("is missing"),
        Err(error) => return Err(unreadable(store, &error)),
    };
    if let Some(loss) = loss
        && !left.is_empty()
    {
        return Err(lost_store(store, loss, &left));
    }
    Ok(Found {
        sealing,
        first_start: loss.is_some(),
    })
}

/// The data folder, which nobody else may look into.
pub(super) fn make(path: &Path) -> Result<(), StartError> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.map_err(|error| StartError::of(&format!("the folder {} cannot be used", path.display()), &error))
}

/// The store holds what only a lost key can open.
pub(super) fn lost_key(store: &Path, key_file: &Path) -> StartError {
    StartError {
        message: format!(
            "the store {} holds sealed keys, but the key file {} that opens them is missing, and a new one could not \
             open them: restore it from a backup, or say where it is with storage.key_file; if it is lost, begin anew \
             in another data folder. No key file was written",
            store.display(),
            key_file.display()
        ),
    }
}

fn lost_store(store: &Path, loss: &str, left: &[&Path]) -> StartError {
    let names: Vec<String> = left.iter().map(|path| path.display().to_string()).collect();
    let (show, them) = if left.len() == 1 {
        ("shows", "that file")
    } else {
        ("show", "those files")
    };
    StartError {
        message: format!(
            "the store {} {loss}, but {} {show} that there was one: restore the store from a backup, or remove {them} \
             to begin anew. Nothing was written",
            store.display(),
            names.join(" and "),
        ),
    }
}

/// Files where folders are expected and the other way round.
fn misplaced(config: &Config, store: &Path) -> Vec<String> {
    let parent = |file: &Path| file.parent().map(Path::to_owned);
    let key_file = config.storage.key_file();
    let bootstrap_file = config.auth.bootstrap_file.as_deref();
    let mut folders: Vec<(&str, Option<PathBuf>)> = vec![
        ("storage.data_dir", Some(config.data_dir().to_owned())),
        ("storage.url", parent(store)),
        ("storage.key_file", parent(&key_file)),
        ("auth.bootstrap_file", bootstrap_file.and_then(parent)),
    ];
    if config.server.has(Role::Extensions) {
        folders.push(("plugins.dir", Some(config.plugins.dir.clone())));
        folders.push(("plugins.shipped_dir", config.plugins.shipped_dir.clone()));
    }
    let files = [
        ("storage.url", Some(store)),
        ("storage.key_file", Some(key_file.as_path())),
        ("auth.bootstrap_file", bootstrap_file),
    ];

    let mut faults: Vec<String> = Vec::new();
    let mut named: Vec<PathBuf> = Vec::new();
    for (key, folder) in folders {
        // Of a path that is named twice, by itself and as a default's folder, the first name says enough.
        if let Some(file) = folder.as_deref().and_then(in_the_way)
            && !named.contains(&file)
        {
            faults.push(format!(
                "`{key}`: {} is a file, but a folder is needed there; name another folder, or move the file away",
                file.display()
            ));
            named.push(file);
        }
    }
    for (key, file) in files {
        if let Some(file) = file.filter(|file| file.is_dir()) {
            faults.push(format!(
                "`{key}`: {} is a folder, but a file is needed there; name a file in it",
                file.display()
            ));
        }
    }
    faults
}

/// What is in the place of a folder, or of one of those around it, and is none. Folders that are missing are made
/// later; what cannot be looked at is reported by whoever uses it.
fn in_the_way(folder: &Path) -> Option<PathBuf> {
    let ancestors = folder.ancestors().filter(|path| *path != Path::new(""));
    let mut found = ancestors.filter_map(|path| Some((path, fs::metadata(path).ok()?)));
    let (path, metadata) = found.next()?;
    (!metadata.is_dir()).then(|| path.to_owned())
}

fn existing(files: &[PathBuf]) -> Result<Vec<&Path>, StartError> {
    let mut found = Vec::new();
    for file in files {
        if exists(file)? {
            found.push(file.as_path());
        }
    }
    Ok(found)
}

fn exists(path: &Path) -> Result<bool, StartError> {
    path.try_exists().map_err(|error| unreadable(path, &error))
}

fn unreadable(path: &Path, error: &io::Error) -> StartError {
    StartError::of(&format!("{} cannot be looked at", path.display()), error)
}

#[cfg(test)]
mod tests;
