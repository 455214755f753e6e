//! Tools that the engine calls are those of extensions.

use std::sync::Arc;

use async_trait::async_trait;
use ordinaut_domain::{ToolAddress, ToolCall, ToolDefinition, ToolError};
use ordinaut_engine::ToolInvoker;
use ordinaut_plugin_host::PluginHost;
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

    fn catalogue(&self) -> Vec<Arc<ToolDefinition>> {
        self.0.tools()
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
