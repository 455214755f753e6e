//! Sealing of what is stored: XChaCha20-Poly1305 under a key that is kept outside the store.
//!
//! Whoever reads the database (or a backup of it) learns nothing that signs tokens; whoever reads the key file alone
//! does not either. A sealed value is bound to the name under which it is stored, so that values cannot be swapped.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read as _, Write as _},
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
    path::Path,
};

use chacha20poly1305::{
    KeyInit, XChaCha20Poly1305, XNonce,
    aead::{Aead, Payload},
};
use ordinaut_store::Entropy;

use crate::mac::hmac_sha256;

/// First byte of every sealed value, so that the method can change.
const VERSION: u8 = 1;
const NONCE_BYTES: usize = 24;
const KEY_BYTES: usize = 32;

/// The key under which others are sealed.
pub(crate) struct SealingKey([u8; KEY_BYTES]);

/// Why the key file cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeyFileError {
    #[error("the key file {path} cannot be {action}: {source}")]
    Io {
        path: String,
        action: &'static str,
        source: io::Error,
    },
    #[error(
        "the key file {path} holds {found} bytes instead of 32: restore it from a backup, since without it the stored signing keys are lost"
    )]
    Damaged { path: String, found: usize },
    #[error("the key file {path} can be read by others (mode {mode:o}); run: chmod 600 {path}")]
    Exposed { path: String, mode: u32 },
}

/// A sealed value that does not open.
#[derive(Debug, thiserror::Error)]
#[error(
    "the stored value `{name}` does not open with this key file: it was sealed under another key, or was changed; restore the key file that belongs to this store"
)]
pub(crate) struct Unsealable {
    name: String,
}

impl SealingKey {
    /// Reads the key file, or makes one with mode 0600.
    pub(crate) fn load_or_create(path: &Path, entropy: &dyn Entropy) -> Result<Self, KeyFileError> {
        let io = |action| {
            move |source| KeyFileError::Io {
                path: path.display().to_string(),
                action,
                source,
            }
        };
        match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
            Ok(mut file) => {
                let mut key = [0; KEY_BYTES];
                entropy.fill(&mut key);
                file.write_all(&key)
                    .and_then(|()| file.sync_all())
                    .map_err(io("written"))?;
                sync_folder(path).map_err(io("written"))?;
                Ok(Self(key))
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Self::load(path),
            Err(error) => Err(io("created")(error)),
        }
    }

    /// Reads the key file.
    pub(crate) fn load(path: &Path) -> Result<Self, KeyFileError> {
        let name = || path.display().to_string();
        let io = |source| KeyFileError::Io {
            path: name(),
            action: "read",
            source,
        };
        let mode = fs::metadata(path).map_err(io)?.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(KeyFileError::Exposed { path: name(), mode });
        }
        let mut bytes = Vec::new();
        // One byte more than fits shows that the file is too long without reading all of it.
        File::open(path)
            .and_then(|file| file.take(KEY_BYTES as u64 + 1).read_to_end(&mut bytes))
            .map_err(io)?;
        let found = bytes.len();
        bytes
            .try_into()
            .map(Self)
            .map_err(|_| KeyFileError::Damaged { path: name(), found })
    }

    /// Seals a value that will be stored under `name`.
    pub(crate) fn seal(&self, name: &str, clear: &[u8], entropy: &dyn Entropy) -> Vec<u8> {
        let mut nonce = [0; NONCE_BYTES];
        entropy.fill(&mut nonce);
        let payload = Payload {
            msg: clear,
            aad: name.as_bytes(),
        };
        #[expect(clippy::expect_used, reason = "fails only beyond 256 GiB")]
        let sealed = self
            .cipher()
            .encrypt(&XNonce::from(nonce), payload)
            .expect("a key fits into memory");
        [&[VERSION], &nonce[..], &sealed].concat()
    }

    /// Opens what [`seal`](Self::seal) made under the same name.
    pub(crate) fn open(&self, name: &str, sealed: &[u8]) -> Result<Vec<u8>, Unsealable> {
        let unsealable = || Unsealable { name: name.to_owned() };
        let (nonce, sealed) = sealed
            .strip_prefix(&[VERSION])
            .and_then(<[u8]>::split_first_chunk::<NONCE_BYTES>)
            .ok_or_else(unsealable)?;
        let payload = Payload {
            msg: sealed,
            aad: name.as_bytes(),
        };
        self.cipher()
            .decrypt(&XNonce::from(*nonce), payload)
            .map_err(|_| unsealable())
    }

    /// A key of its own for another purpose, from which nothing about this one follows.
    pub(crate) fn derive(&self, purpose: &str) -> [u8; 32] {
        hmac_sha256(&self.0, &[purpose.as_bytes()])
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(&self.0.into())
    }
}

/// Makes a new file's name as durable as its content.
pub(crate) fn sync_folder(file: &Path) -> io::Result<()> {
    let folder = file.parent().filter(|p| *p != Path::new("")).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU8, Ordering};

    use super::*;

    /// Never the same bytes twice in a row.
    struct Counting(AtomicU8);

    impl Entropy for Counting {
        fn fill(&self, out: &mut [u8]) {
            out.fill(self.0.fetch_add(1, Ordering::Relaxed));
        }
    }

    fn entropy() -> Counting {
        Counting(AtomicU8::new(1))
    }

    #[test]
    fn a_sealed_value_opens_only_with_its_key_its_name_and_unchanged() {
        let (key, other) = (SealingKey([1; 32]), SealingKey([2; 32]));
        let sealed = key.seal("signing", b"secret", &entropy());
        assert_eq!(key.open("signing", &sealed).unwrap(), b"secret");
        assert!(other.open("signing", &sealed).is_err());
        assert!(key.open("other", &sealed).is_err());
        for place in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[place] ^= 1;
            assert!(key.open("signing", &changed).is_err(), "byte {place}");
            assert!(key.open("signing", &sealed[..place]).is_err(), "cut at {place}");
        }
    }

    #[test]
    fn derived_keys_differ_by_purpose() {
        let key = SealingKey([1; 32]);
        assert_eq!(key.derive("a"), key.derive("a"));
        assert_ne!(key.derive("a"), key.derive("b"));
        assert_ne!(key.derive("a"), SealingKey([2; 32]).derive("a"));
    }

    #[test]
    fn the_key_file_is_private_and_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sealing.key");
        let made = SealingKey::load_or_create(&path, &entropy()).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let read = SealingKey::load_or_create(&path, &entropy()).unwrap();
        assert_eq!(made.0, read.0);
    }

    #[test]
    fn a_damaged_or_exposed_key_file_is_refused_and_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sealing.key");
        for content in [&[7_u8; 31][..], &[7; 33], &[]] {
            fs::write(&path, content).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
            let error = SealingKey::load_or_create(&path, &entropy()).err().unwrap();
            assert!(matches!(error, KeyFileError::Damaged { .. }), "{error}");
            assert_eq!(fs::read(&path).unwrap(), content);
        }
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        let error = SealingKey::load_or_create(&path, &entropy()).err().unwrap();
        assert!(error.to_string().contains("chmod 600"), "{error}");
    }
}
