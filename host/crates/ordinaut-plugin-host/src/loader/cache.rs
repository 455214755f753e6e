//! Compiled components on disk.
//!
//! A compiled component is native code, and loading one is as dangerous as running a program. So the host loads only
//! what it wrote itself: each file carries a MAC under a key that is kept elsewhere. Whoever can write the folder but
//! does not have the key can make the host compile again, no more.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, Permissions},
    hash::{DefaultHasher, Hash, Hasher},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use wasmtime::{Engine, component::Component};

use super::read::{Artifact, hex};

const MAC_BYTES: usize = 32;
/// Old entries are removed beyond this many.
const MAX_ENTRIES: usize = 256;

/// The folder and its key.
pub(crate) struct Cache {
    dir: PathBuf,
    key: [u8; 32],
    /// What was compiled by another engine or under another configuration does not fit.
    engine_hash: u64,
}

impl Cache {
    /// Creates the folder if need be and closes it to everybody else.
    pub(crate) fn open(dir: &Path, key: [u8; 32], engine: &Engine) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
        fs::set_permissions(dir, Permissions::from_mode(0o700))?;
        let mut hasher = DefaultHasher::new();
        engine.precompile_compatibility_hash().hash(&mut hasher);
        Ok(Self {
            dir: dir.to_owned(),
            key,
            engine_hash: hasher.finish(),
        })
    }

    /// The compiled form of these bytes, if it is there and genuine.
    pub(crate) fn load(&self, engine: &Engine, artifact: &Artifact) -> Option<Component> {
        let name = self.entry_name(artifact);
        let path = self.dir.join(&name);
        let contents = fs::read(&path).ok()?;
        let Some(compiled) = self.authentic(&name, &contents) else {
            tracing::warn!(path = %path.display(), "a compiled component is not the host's own work; compiling anew");
            let _ = fs::remove_file(&path);
            return None;
        };
        match deserialize(engine, compiled) {
            Ok(component) => Some(component),
            Err(error) => {
                tracing::warn!(path = %path.display(), error = format!("{error:#}"), "a compiled component does not fit");
                let _ = fs::remove_file(&path);
                None
            }
        }
    }

    /// Keeps the compiled form. A failure costs time at the next start, nothing else.
    pub(crate) fn store(&self, artifact: &Artifact, component: &Component) {
        let result = component
            .serialize()
            .map_err(|error| io::Error::other(format!("{error:#}")))
            .and_then(|compiled| self.write(&self.entry_name(artifact), &compiled));
        if let Err(error) = result {
            tracing::warn!(%error, dir = %self.dir.display(), "a compiled component could not be kept");
        }
        self.prune();
    }

    fn entry_name(&self, artifact: &Artifact) -> String {
        format!("{}-{:016x}", hex(&artifact.hash), self.engine_hash)
    }

    /// The MAC covers the name too: entries cannot be exchanged.
    fn mac(&self, name: &str, compiled: &[u8]) -> Hmac<Sha256> {
        // A key shorter than SHA-256's block is padded with zeros (RFC 2104 §2).
        let mut block = [0_u8; 64];
        block[..self.key.len()].copy_from_slice(&self.key);
        let mut mac = <Hmac<Sha256> as KeyInit>::new(&block.into());
        mac.update(name.as_bytes());
        mac.update(compiled);
        mac
    }

    fn authentic<'a>(&self, name: &str, contents: &'a [u8]) -> Option<&'a [u8]> {
        let (tag, compiled) = contents.split_at_checked(MAC_BYTES)?;
        self.mac(name, compiled).verify_slice(tag).ok().map(|()| compiled)
    }

    fn write(&self, name: &str, compiled: &[u8]) -> io::Result<()> {
        let tag = self.mac(name, compiled).finalize().into_bytes();
        let temporary = self.dir.join(format!("{name}.{}.tmp", std::process::id()));
        let write = || -> io::Result<()> {
            let mut file: File = OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(true)
                .mode(0o600)
                .open(&temporary)?;
            file.write_all(&tag)?;
            file.write_all(compiled)?;
            file.sync_all()?;
            fs::rename(&temporary, self.dir.join(name))
        };
        write().inspect_err(|_| {
            let _ = fs::remove_file(&temporary);
        })
    }

    fn prune(&self) {
        let Ok(entries) = fs::read_dir(&self.dir) else { return };
        let mut files: Vec<_> = entries
            .filter_map(|entry| {
                let entry = entry.ok()?;
                let modified = entry.metadata().ok()?.modified().ok()?;
                Some((modified, entry.path()))
            })
            .collect();
        files.sort();
        for (_, path) in files.iter().take(files.len().saturating_sub(MAX_ENTRIES)) {
            let _ = fs::remove_file(path);
        }
    }
}

#[expect(
    unsafe_code,
    reason = "loads native code; the caller has checked the MAC, so the host itself produced it"
)]
fn deserialize(engine: &Engine, compiled: &[u8]) -> wasmtime::Result<Component> {
    // SAFETY: the bytes are the unmodified output of `Component::serialize` of this host, which the MAC over them
    // proves; engine version and configuration are part of the name that the MAC covers, and are checked again here.
    unsafe { Component::deserialize(engine, compiled) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn artifact() -> Artifact {
        Artifact::new(wat::parse_str("(component)").unwrap()).unwrap()
    }

    fn stored(dir: &Path, engine: &Engine) -> (Cache, PathBuf) {
        let cache = Cache::open(dir, [7; 32], engine).unwrap();
        let component = Component::new(engine, &artifact().bytes).unwrap();
        cache.store(&artifact(), &component);
        let path = dir.join(cache.entry_name(&artifact()));
        assert!(path.exists());
        (cache, path)
    }

    #[test]
    fn what_was_stored_is_loaded() {
        let dir = tempfile::tempdir().unwrap();
        let engine = Engine::default();
        let (cache, _) = stored(&dir.path().join("cache"), &engine);
        assert!(cache.load(&engine, &artifact()).is_some());
        let mode = fs::metadata(dir.path().join("cache")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
    }

    #[test]
    fn a_changed_or_forged_entry_is_removed_and_not_loaded() {
        let engine = Engine::default();
        let changes: [fn(&mut Vec<u8>); 4] = [
            |bytes| bytes[40] ^= 1,
            |bytes| bytes[0] ^= 1,
            |bytes| bytes.truncate(10),
            |bytes| *bytes = [vec![0; 32], bytes[32..].to_vec()].concat(),
        ];
        for change in changes {
            let dir = tempfile::tempdir().unwrap();
            let (cache, path) = stored(dir.path(), &engine);
            let mut bytes = fs::read(&path).unwrap();
            change(&mut bytes);
            fs::write(&path, bytes).unwrap();
            assert!(cache.load(&engine, &artifact()).is_none());
            assert!(!path.exists());
        }
    }

    #[test]
    fn an_entry_of_another_key_or_under_another_name_is_not_loaded() {
        let dir = tempfile::tempdir().unwrap();
        let engine = Engine::default();
        let (cache, path) = stored(dir.path(), &engine);
        let other_key = Cache {
            dir: dir.path().to_owned(),
            key: [8; 32],
            engine_hash: cache.engine_hash,
        };
        let contents = fs::read(&path).unwrap();
        assert!(other_key.authentic(&cache.entry_name(&artifact()), &contents).is_none());
        assert!(cache.authentic("another", &contents).is_none());
        assert!(cache.authentic(&cache.entry_name(&artifact()), &contents).is_some());
    }
}
