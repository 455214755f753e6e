//! `ordinaut openapi`: the description of the API, as `GET /openapi.json` answers it.

use super::{CliError, output};
use crate::api::openapi;

pub(super) fn run() -> Result<(), CliError> {
    let text = openapi::written().map_err(|error| CliError::failed("the description could not be made", error))?;
    output::text(text.trim_end())
}
