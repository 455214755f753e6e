//! `wasi:keyvalue/store`: state of the extension's own, kept by the product, with quotas.
//!
//! Buckets are named freely and belong to the extension: a name can never reach another extension's state, because
//! the extension's name is not part of what the guest says.

use wasmtime::component::Resource;

use crate::{
    bindings::wasi::keyvalue::store::{Error, Host, HostBucket, KeyResponse},
    services::{ServiceError, StateQuota},
    state::{GuestState, Phase},
};

const MAX_BUCKET_BYTES: usize = 64;
const MAX_KEY_BYTES: usize = 512;
const MAX_VALUE_BYTES: usize = 1 << 20;
/// Keys in one page of `list-keys`.
const PAGE_KEYS: usize = 500;

/// An open bucket.
#[expect(unreachable_pub, reason = "the generated bindings re-export it")]
pub struct Bucket {
    name: String,
}

impl From<ServiceError> for Error {
    fn from(error: ServiceError) -> Self {
        Self::Other(format!("{}: {}", error.code, error.message))
    }
}

impl GuestState {
    /// The extension's name and the bucket's.
    fn bucket(&self, bucket: &Resource<Bucket>) -> Result<(String, String), Error> {
        let bucket = self
            .table
            .get(bucket)
            .map_err(|error| Error::Other(error.to_string()))?;
        Ok((self.extension.name.to_string(), bucket.name.clone()))
    }
}

fn check_key(key: &str) -> Result<(), Error> {
    if (1..=MAX_KEY_BYTES).contains(&key.len()) {
        Ok(())
    } else {
        Err(Error::Other(format!(
            "invalid_argument: a key has 1 to {MAX_KEY_BYTES} bytes, this one has {}",
            key.len()
        )))
    }
}

impl Host for GuestState {
    async fn open(&mut self, identifier: String) -> Result<Resource<Bucket>, Error> {
        if let Phase::Registering(_) = self.phase {
            return Err(Error::Other("wrong_phase: state cannot be used in `init`".to_owned()));
        }
        let valid = identifier.len() <= MAX_BUCKET_BYTES
            && identifier
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'));
        if !valid {
            return Err(Error::NoSuchStore);
        }
        // wasi:keyvalue has no name for "the" bucket; an empty one is customary, and so is `default`.
        let name = if identifier.is_empty() {
            "default".to_owned()
        } else {
            identifier
        };
        self.table
            .push(Bucket { name })
            .map_err(|error| Error::Other(format!("limit_exceeded: {error}")))
    }
}

impl HostBucket for GuestState {
    async fn get(&mut self, bucket: Resource<Bucket>, key: String) -> Result<Option<Vec<u8>>, Error> {
        check_key(&key)?;
        let (extension, bucket) = self.bucket(&bucket)?;
        let work = self
            .services
            .read(|s| async move { s.state_get(&extension, &bucket, &key).await });
        Ok(work.await?)
    }

    async fn set(&mut self, bucket: Resource<Bucket>, key: String, value: Vec<u8>) -> Result<(), Error> {
        check_key(&key)?;
        if value.len() > MAX_VALUE_BYTES {
            return Err(Error::Other(format!(
                "limit_exceeded: a value has at most {MAX_VALUE_BYTES} bytes"
            )));
        }
        let (extension, bucket) = self.bucket(&bucket)?;
        let limits = &self.extension.limits;
        let quota = StateQuota {
            max_keys: limits.state_keys,
            max_bytes: limits.state_bytes,
        };
        let work = self
            .services
            .write(|s| async move { s.state_set(&extension, &bucket, &key, value, quota).await });
        Ok(work.await?)
    }

    async fn delete(&mut self, bucket: Resource<Bucket>, key: String) -> Result<(), Error> {
        check_key(&key)?;
        let (extension, bucket) = self.bucket(&bucket)?;
        let work = self
            .services
            .write(|s| async move { s.state_delete(&extension, &bucket, &key).await });
        Ok(work.await?)
    }

    async fn exists(&mut self, bucket: Resource<Bucket>, key: String) -> Result<bool, Error> {
        check_key(&key)?;
        let (extension, bucket) = self.bucket(&bucket)?;
        let work = self
            .services
            .read(|s| async move { s.state_exists(&extension, &bucket, &key).await });
        Ok(work.await?)
    }

    async fn list_keys(&mut self, bucket: Resource<Bucket>, cursor: Option<u64>) -> Result<KeyResponse, Error> {
        let (extension, bucket) = self.bucket(&bucket)?;
        let work = self
            .services
            .read(|s| async move { s.state_list(&extension, &bucket, cursor, PAGE_KEYS).await });
        let (keys, cursor) = work.await?;
        Ok(KeyResponse { keys, cursor })
    }

    async fn drop(&mut self, bucket: Resource<Bucket>) -> wasmtime::Result<()> {
        self.table.delete(bucket)?;
        Ok(())
    }
}
