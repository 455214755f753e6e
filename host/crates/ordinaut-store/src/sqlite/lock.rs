//! The lock file beside the database, which keeps a second process out.
//!
//! The lock is the operating system's (`flock`), so it ends with its process however that ends; the file stays behind
//! and means nothing by itself. It holds the number of the process that locked it last, for the message.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{Read, Seek, Write},
    path::{Path, PathBuf},
};

use crate::error::{Result, StoreError};

/// A lock that is held until this is dropped.
#[derive(Debug)]
pub(super) struct LockFile {
    _file: File,
}

impl LockFile {
    /// Locks the database at `database`.
    pub(super) fn acquire(database: &Path) -> Result<Self> {
        let path = path_of(database);
        let unavailable = |what: &str, error: &std::io::Error| {
            StoreError::Unavailable(format!("cannot {what} {}: {error}", path.display()))
        };
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(|e| unavailable("open the lock file", &e))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(held(database, &path, &mut file)),
            Err(TryLockError::Error(e)) => return Err(unavailable("lock", &e)),
        }
        let write_pid = |file: &mut File| {
            file.set_len(0)?;
            file.rewind()?;
            writeln!(file, "{}", std::process::id())
        };
        write_pid(&mut file).map_err(|e| unavailable("write to the lock file", &e))?;
        Ok(Self { _file: file })
    }
}

fn path_of(database: &Path) -> PathBuf {
    let mut path = database.as_os_str().to_owned();
    path.push(".lock");
    path.into()
}

fn held(database: &Path, lock: &Path, file: &mut File) -> StoreError {
    let mut content = String::new();
    // What cannot be read only makes the message poorer.
    let holder = match file.take(64).read_to_string(&mut content) {
        Ok(_) if !content.trim().is_empty() => format!("process {}", content.trim()),
        _ => String::from("another process"),
    };
    StoreError::Locked(format!(
        "the store {} is in use: {holder} holds {}. Stop that process first, or give this one another data \
         directory; several processes can share one store only with PostgreSQL",
        database.display(),
        lock.display(),
    ))
}
