//! Reading and writing JSON, always the same way: every other way of `serde_json` would add its own copy of the parser
//! or the printer to each component.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::Error;

pub(crate) fn read<T: DeserializeOwned>(text: &[u8]) -> Result<T, serde_json::Error> {
    serde_json::from_slice(text)
}

/// Fails where a type's `Serialize` does, or where a map has keys that are not text: a fault of the extension.
pub(crate) fn write<T: Serialize + ?Sized>(value: &T) -> Result<String, Error> {
    serde_json::to_string(value).map_err(Error::internal)
}

/// A value as text, which cannot fail.
pub(crate) fn of_value(value: &Value) -> String {
    write(value).unwrap_or_default()
}
