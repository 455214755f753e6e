//! First step: the bytes. What is hashed is what is compiled, because the file is read once.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, ErrorKind, Read},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use rustix::fs::OFlags;
use sha2::{Digest, Sha256};
use wasmtime::Engine;

use super::LoadError;

/// The contents of a `.wasm`.
pub(crate) struct Artifact {
    pub(crate) bytes: Vec<u8>,
    /// SHA-256.
    pub(crate) hash: [u8; 32],
}

impl Artifact {
    /// Reads a file of at most `limit` bytes and makes sure that it begins as a component does.
    pub(crate) fn read(path: &Path, limit: u64) -> Result<Self, LoadError> {
        let io = |error: io::Error| LoadError::Io(error.to_string());
        let file = open_regular(path).map_err(io)?;
        let mut bytes = Vec::new();
        file.take(limit + 1).read_to_end(&mut bytes).map_err(io)?;
        if bytes.len() as u64 > limit {
            return Err(LoadError::TooLarge { limit });
        }
        Self::new(bytes)
    }

    /// Hashes the bytes and makes sure that they begin as a component does.
    pub(crate) fn new(bytes: Vec<u8>) -> Result<Self, LoadError> {
        if Engine::detect_precompiled(&bytes).is_some() {
            return Err(LoadError::Precompiled);
        }
        if bytes.is_empty() {
            return Err(LoadError::Truncated("it is empty".to_owned()));
        }
        if b"\0asm".starts_with(&bytes) || (bytes.starts_with(b"\0asm") && bytes.len() < 8) {
            return Err(LoadError::Truncated(format!("it has only {} bytes", bytes.len())));
        }
        if !bytes.starts_with(b"\0asm") {
            return Err(LoadError::NotWasm);
        }
        if wasmparser::Parser::is_core_wasm(&bytes) {
            return Err(LoadError::CoreModule);
        }
        let hash = Sha256::digest(&bytes).into();
        Ok(Self { bytes, hash })
    }

    /// `sha256:<hex>`.
    pub(crate) fn digest(&self) -> String {
        format!("sha256:{}", hex(&self.hash))
    }
}

/// Opens a file for reading, and nothing else: opening a pipe would otherwise wait for its writer, for ever if need be.
pub(super) fn open_regular(path: &Path) -> io::Result<File> {
    let nonblocking = i32::try_from(OFlags::NONBLOCK.bits()).map_err(io::Error::other)?;
    let opened = OpenOptions::new().read(true).custom_flags(nonblocking).open(path);
    let file = opened.map_err(|error| {
        if error.kind() == ErrorKind::NotFound && fs::symlink_metadata(path).is_ok() {
            io::Error::other("it is a symbolic link to something that does not exist")
        } else {
            error
        }
    })?;
    let metadata = file.metadata()?;
    if metadata.is_dir() {
        Err(io::Error::other("it is a folder, not a file"))
    } else if metadata.is_file() {
        Ok(file)
    } else {
        Err(io::Error::other("it is not a regular file"))
    }
}

/// The text of a file of at most `limit` bytes, or none if there is no file.
pub(super) fn read_small(path: &Path, limit: u64) -> Result<Option<String>, String> {
    let file = match open_regular(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        other => other.map_err(|error| error.to_string())?,
    };
    let mut text = String::new();
    file.take(limit + 1)
        .read_to_string(&mut text)
        .map_err(|error| error.to_string())?;
    if text.len() as u64 > limit {
        return Err(format!("the file is larger than {limit} bytes"));
    }
    Ok(Some(text))
}

/// Lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;

    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
}
