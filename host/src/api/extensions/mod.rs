//! Extensions: what there is, and why something does not serve.

pub(super) mod get;
pub(super) mod list;

use ordinaut_plugin_host::{ExtensionReport, PluginHost};
use serde_json::Value;

use super::{
    caller::Caller,
    problem::{Problem, kind},
    state::ApiState,
};

/// The extension host, if this process has one.
pub(super) fn host(state: &ApiState) -> Result<&PluginHost, Problem> {
    state.plugins.as_deref().ok_or_else(|| {
        Problem::new(
            kind::UNAVAILABLE,
            "This process does not hold the role `extensions`; ask one that does.",
        )
    })
}

/// The report as this caller may see it: paths, standard error and backtraces are for administrators of extensions.
fn shown(report: &ExtensionReport, caller: &Caller) -> Result<Value, Problem> {
    let mut value = serde_json::to_value(report).map_err(|error| Problem::internal(&error))?;
    if !caller.allows("extensions:admin")
        && let Some(members) = value.as_object_mut()
    {
        members.remove("file");
        for error in ["last_error", "replacement_error"] {
            if let Some(error) = members.get_mut(error).and_then(Value::as_object_mut) {
                error.remove("stderr");
                error.remove("backtrace");
            }
        }
    }
    Ok(value)
}
