//! First step: the bytes. What is hashed is what is compiled, because the file is read once.

use std::{fs::File, io::Read, path::Path};

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
        let io = |error: std::io::Error| LoadError::Io(error.to_string());
        let file = File::open(path).map_err(io)?;
        if !file.metadata().map_err(io)?.is_file() {
            return Err(LoadError::Io("it is not a regular file".to_owned()));
        }
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
