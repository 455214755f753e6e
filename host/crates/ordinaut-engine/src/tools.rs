//! The seam to whatever provides tools, and the one door through which every call of a tool passes.
//!
//! [`ToolInvoker`] is what the engine needs; the host joins it to the extensions. [`ToolGateway`] stands before it:
//! pipelines and the API call tools through the gateway, so that arguments and results are always checked against the
//! tool's schemas, calls always end, and simulation means the same everywhere.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use ordinaut_domain::{ToolAddress, ToolCall, ToolDefinition, ToolError};
use serde_json::Value;

use crate::{EngineConfig, Timer, UnregisteredTools};

mod schemas;
mod simulate;

use schemas::Schemas;

/// Calls tools. Any number of calls may be under way at once. A call is broken off by dropping its future, and an
/// implementation should then stop the work.
#[async_trait]
pub trait ToolInvoker: Send + Sync + 'static {
    /// Calls a tool. `tool_not_found` when nobody provides it.
    async fn call(&self, call: ToolCall) -> Result<Value, ToolError>;

    /// What is known about a tool that is provided now. Cheap: it is asked on every call. The same definition comes
    /// as the same `Arc`, until the tool changes.
    fn definition(&self, address: &ToolAddress) -> Option<Arc<ToolDefinition>>;

    /// Why a tool is not provided now, where more is known than that nobody does: the error with which calls of it end.
    fn why_absent(&self, address: &ToolAddress) -> Option<ToolError> {
        let _ = address;
        None
    }

    /// All tools that are provided now, in the order of their addresses.
    fn catalogue(&self) -> Vec<Arc<ToolDefinition>>;
}

/// Codes of errors that the gateway itself makes.
pub mod code {
    /// No extension provides the tool.
    pub const TOOL_NOT_FOUND: &str = "tool_not_found";
    /// The arguments do not match the tool's input schema.
    pub const INVALID_ARGUMENTS: &str = "invalid_arguments";
    /// The result does not match the tool's output schema.
    pub const INVALID_RESULT: &str = "invalid_result";
    /// The tool took longer than it may.
    pub const TIMEOUT: &str = "timeout";
    /// A schema of the tool cannot be used.
    pub const INVALID_SCHEMA: &str = "invalid_schema";
}

/// What a call gave.
#[derive(Debug, Clone, PartialEq)]
pub struct ToolAnswer {
    pub result: Value,
    /// Whether the tool was not really called.
    pub simulated: bool,
}

/// The door to all tools.
pub struct ToolGateway {
    tools: Arc<dyn ToolInvoker>,
    timer: Arc<dyn Timer>,
    schemas: Schemas,
    unregistered: UnregisteredTools,
    default_timeout: Duration,
}

impl ToolGateway {
    pub fn new(tools: Arc<dyn ToolInvoker>, timer: Arc<dyn Timer>, config: &EngineConfig) -> Self {
        Self {
            tools,
            timer,
            schemas: Schemas::default(),
            unregistered: config.unregistered_tools,
            default_timeout: config.tool_timeout,
        }
    }

    /// Calls a tool, for `call.timeout_ms` at most. Arguments are checked before, the result after. With `simulate`,
    /// or when nobody provides the tool and the configuration says so, nothing is called and the answer is made up in
    /// the shape of the tool's output.
    pub async fn call(&self, call: ToolCall, simulate: bool) -> Result<ToolAnswer, ToolError> {
        let definition = self.tools.definition(&call.address);
        if let Some(definition) = &definition
            && let Some(error) = self.schemas.fault_in_arguments(definition, &call.arguments)
        {
            return Err(error);
        }
        match definition {
            Some(definition) if simulate => Ok(self.simulated(Some(&definition), &call)),
            None if simulate || self.unregistered == UnregisteredTools::Simulate => Ok(self.simulated(None, &call)),
            None => Err(self
                .tools
                .why_absent(&call.address)
                .unwrap_or_else(|| not_found(&call.address))),
            Some(definition) => {
                let result = self.bounded(call).await?;
                match self.schemas.fault_in_result(&definition, &result) {
                    Some(error) => Err(error),
                    None => Ok(ToolAnswer {
                        result,
                        simulated: false,
                    }),
                }
            }
        }
    }

    /// How long a call of the tool may take when the caller does not say.
    pub fn timeout(&self, address: &ToolAddress) -> Duration {
        let own = self
            .tools
            .definition(address)
            .and_then(|definition| definition.timeout_ms);
        own.map_or(self.default_timeout, |ms| Duration::from_millis(u64::from(ms)))
    }

    /// What is known about a tool that is provided now.
    pub fn definition(&self, address: &ToolAddress) -> Option<Arc<ToolDefinition>> {
        self.tools.definition(address)
    }

    /// All tools that are provided now.
    pub fn catalogue(&self) -> Vec<Arc<ToolDefinition>> {
        self.tools.catalogue()
    }

    async fn bounded(&self, call: ToolCall) -> Result<Value, ToolError> {
        let (address, timeout_ms) = (call.address.clone(), call.timeout_ms);
        let limit = Duration::from_millis(u64::from(timeout_ms));
        tokio::select! {
            biased;
            answer = self.tools.call(call) => answer,
            () = self.timer.sleep(limit) => Err(ToolError::transient(
                code::TIMEOUT,
                format!("`{address}` gave no answer within {timeout_ms} ms; a step may wait longer with `timeout_seconds`"),
            )),
        }
    }

    fn simulated(&self, definition: Option<&Arc<ToolDefinition>>, call: &ToolCall) -> ToolAnswer {
        let shaped = definition.and_then(|definition| {
            let value = simulate::example(definition.output_schema.as_ref()?);
            // A made-up value may miss what a schema says between the lines; then the plain answer is more honest.
            self.schemas
                .fault_in_result(definition, &value)
                .is_none()
                .then_some(value)
        });
        let result = shaped.unwrap_or_else(|| simulate::plain(&call.address, &call.arguments));
        ToolAnswer {
            result,
            simulated: true,
        }
    }
}

fn not_found(address: &ToolAddress) -> ToolError {
    ToolError::permanent(
        code::TOOL_NOT_FOUND,
        format!(
            "no extension provides the tool `{address}`: install the extension `{}`, or correct the step's `uses`; \
             `GET /tools` lists what there is",
            address.extension()
        ),
    )
}
