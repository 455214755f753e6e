//! What an extension remembers between calls: keys and values of its own, kept by the host and bounded by its quota.
//!
//! Every call runs in a fresh instance, so a `static` forgets: this does not. Single operations are atomic; reading,
//! changing and writing back is not, so let one consumer (a job, a subscription) own a key.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{Error, host, json};

/// The bucket that the functions of this module use.
pub const DEFAULT_BUCKET: &str = "default";

/// The value under this key. `T` must be able to read what was written: a value of another shape is an
/// `internal` error that names the key.
pub fn get<T: DeserializeOwned>(key: &str) -> Result<Option<T>, Error> {
    let Some(bytes) = get_bytes(key)? else { return Ok(None) };
    let value = json::read(&bytes)
        .map_err(|error| Error::internal(format!("state key `{key}` holds something else than expected: {error}")))?;
    Ok(Some(value))
}

/// Writes a value as JSON.
pub fn set<T: Serialize + ?Sized>(key: &str, value: &T) -> Result<(), Error> {
    set_bytes(key, json::write(value)?.as_bytes())
}

/// The bytes under this key.
pub fn get_bytes(key: &str) -> Result<Option<Vec<u8>>, Error> {
    host::Bucket::open(DEFAULT_BUCKET)?.get(key)
}

/// Writes bytes.
pub fn set_bytes(key: &str, value: &[u8]) -> Result<(), Error> {
    host::Bucket::open(DEFAULT_BUCKET)?.set(key, value)
}

/// Removes a key; one that does not exist is no error.
pub fn delete(key: &str) -> Result<(), Error> {
    host::Bucket::open(DEFAULT_BUCKET)?.delete(key)
}

/// Whether a key exists.
pub fn exists(key: &str) -> Result<bool, Error> {
    host::Bucket::open(DEFAULT_BUCKET)?.exists(key)
}

/// All keys, in no particular order.
pub fn keys() -> Result<Vec<String>, Error> {
    let bucket = host::Bucket::open(DEFAULT_BUCKET)?;
    let mut all = Vec::new();
    let mut cursor = None;
    loop {
        let (mut page, next) = bucket.keys(cursor)?;
        all.append(&mut page);
        match next {
            Some(_) => cursor = next,
            None => return Ok(all),
        }
    }
}

/// `wasi:keyvalue` has no error codes; Ordinaut writes them before the text (`limit_exceeded: …`). A text without one
/// is a failure of the store.
#[cfg_attr(
    not(target_arch = "wasm32"),
    cfg_attr(not(test), expect(dead_code, reason = "only the real host needs it"))
)]
pub(crate) fn host_error(text: &str) -> Error {
    match text.split_once(": ") {
        Some(("unavailable", message)) => Error::unavailable(message),
        Some((code, message)) if !code.is_empty() && code.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'_')) => {
            Error::new(code.to_owned(), message)
        }
        _ => Error::unavailable(format!("state: {text}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::FakeHost;

    #[test]
    fn the_code_that_the_host_writes_into_the_text_is_found() {
        for (text, code, retryable) in [
            ("limit_exceeded: the quota is 10 MiB", "limit_exceeded", false),
            ("unavailable: the database is away", "unavailable", true),
            ("Disk full: no space", "unavailable", true),
            ("broken", "unavailable", true),
        ] {
            let error = host_error(text);
            assert_eq!((error.code(), error.is_retryable()), (code, retryable), "{text}");
        }
    }

    #[test]
    fn what_is_written_can_be_read_listed_and_removed() {
        let _host = FakeHost::new("demo");
        set("a", &vec![1, 2]).unwrap();
        set_bytes("b", b"\xff").unwrap();
        assert_eq!(get::<Vec<u8>>("a").unwrap(), Some(vec![1, 2]));
        assert_eq!(get::<Vec<u8>>("b").unwrap_err().code(), "internal");
        assert_eq!(keys().unwrap(), ["a", "b"]);
        delete("a").unwrap();
        assert_eq!((exists("a").unwrap(), get::<u8>("a").unwrap()), (false, None));
    }

    #[test]
    fn without_a_host_the_error_says_what_to_do() {
        assert!(get_bytes("a").unwrap_err().message().contains("FakeHost"));
    }
}
