//! The extension's own section of the operator's configuration (`[config]` in `plugins/<name>.toml`).

use std::fmt::Display;
use std::str::FromStr;

use crate::{Error, host};

/// The value under this key, if the operator set one.
pub fn get(key: &str) -> Result<Option<String>, Error> {
    host::config_get(key)
}

/// The value under this key, read as `T`. A value that does not fit is `invalid_argument` and names the key.
pub fn get_as<T>(key: &str) -> Result<Option<T>, Error>
where
    T: FromStr,
    T::Err: Display,
{
    let Some(text) = get(key)? else { return Ok(None) };
    let value = text.parse().map_err(|error| {
        Error::invalid_argument(format!("config key `{key}` is {text:?}, which cannot be used: {error}"))
    })?;
    Ok(Some(value))
}

/// All keys and values.
pub fn all() -> Result<Vec<(String, String)>, Error> {
    host::config_all()
}
