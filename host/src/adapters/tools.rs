//! Tools that the engine calls are those of extensions.

use std::sync::Arc;

use async_trait::async_trait;
use ordinaut_domain::{ToolAddress, ToolCall, ToolDefinition, ToolError};
use ordinaut_engine::ToolInvoker;
use ordinaut_plugin_host::{ExtensionReport, ExtensionState, PluginHost};
use serde_json::Value;

/// The tools of all extensions that serve.
pub(crate) struct ExtensionTools(pub Arc<PluginHost>);

#[async_trait]
impl ToolInvoker for ExtensionTools {
    async fn call(&self, call: ToolCall) -> Result<Value, ToolError> {
        self.0.call_tool(call).await
    }

    fn definition(&self, address: &ToolAddress) -> Option<Arc<ToolDefinition>> {
        self.0.tool(address)
    }

    fn why_absent(&self, address: &ToolAddress) -> Option<ToolError> {
        self.0
            .extension(address.extension())
            .and_then(|report| why_absent(&report, address))
    }

    fn catalogue(&self) -> Vec<Arc<ToolDefinition>> {
        self.0.tools()
    }
}

/// What keeps an extension that is there from providing its tools; none when it serves, and so has no such tool.
fn why_absent(report: &ExtensionReport, address: &ToolAddress) -> Option<ToolError> {
    let name = &report.name;
    let error = |retryable, code: &str, reason: String| {
        let message = format!("`{address}` cannot be called: the extension `{name}` {reason}");
        Some(ToolError {
            code: code.to_owned(),
            message,
            retryable,
            details: None,
        })
    };
    match report.state {
        ExtensionState::Ready => None,
        ExtensionState::Discovered | ExtensionState::Compiling | ExtensionState::Draining => {
            error(true, "not_ready", format!("is {} at present", report.state.as_str()))
        }
        ExtensionState::NeedsGrant => {
            let lines: Vec<&str> = report
                .missing
                .iter()
                .filter_map(|missing| missing.toml.as_deref())
                .collect();
            let lines = lines.join("\n");
            error(
                false,
                "needs_grant",
                format!("needs a grant; write into plugins/{name}.toml:\n[grant]\n{lines}"),
            )
        }
        ExtensionState::Disabled => error(
            false,
            "disabled",
            format!("is switched off (`enabled = false` in plugins/{name}.toml)"),
        ),
        ExtensionState::Incompatible | ExtensionState::Failed | ExtensionState::Quarantined => {
            let state = report.state.as_str();
            let because = report
                .last_error
                .as_ref()
                .map(|last| format!(": {}", last.message))
                .unwrap_or_default();
            error(
                false,
                "extension_failed",
                format!("is {state}{because}; see GET /extensions/{name}"),
            )
        }
    }
}

/// For processes that do not hold the role `extensions`.
pub(crate) struct NoTools;

#[async_trait]
impl ToolInvoker for NoTools {
    async fn call(&self, call: ToolCall) -> Result<Value, ToolError> {
        let message = format!(
            "`{}` cannot be called: this process does not hold the role `extensions`",
            call.address
        );
        Err(ToolError::permanent("tool_not_found", message))
    }

    fn definition(&self, _: &ToolAddress) -> Option<Arc<ToolDefinition>> {
        None
    }

    fn catalogue(&self) -> Vec<Arc<ToolDefinition>> {
        Vec::new()
    }
}
