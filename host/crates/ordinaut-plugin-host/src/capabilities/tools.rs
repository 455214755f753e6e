//! `ordinaut:tools/registry`: the tools that an extension offers.

use std::sync::Arc;

use ordinaut_domain::{Effect, ToolAddress, ToolDefinition};
use serde_json::Value;

use crate::{
    bindings::ordinaut::{
        tools::{
            registry::Host,
            types::{Definition, Effect as GuestEffect},
        },
        types::types::Error,
    },
    state::{GuestState, guest_error},
};

const MAX_TOOLS: usize = 256;
const MAX_TITLE_BYTES: usize = 200;
const MAX_DESCRIPTION_BYTES: usize = 16 << 10;
const MAX_SCHEMA_BYTES: usize = 256 << 10;

impl crate::bindings::ordinaut::tools::types::Host for GuestState {}

impl Host for GuestState {
    async fn register(&mut self, tool: Definition) -> Result<(), Error> {
        let (manifest, extension) = self.registering()?;
        if manifest.tools.len() >= MAX_TOOLS {
            return Err(guest_error(
                "limit_exceeded",
                format!("an extension may offer {MAX_TOOLS} tools"),
            ));
        }
        let tool = definition(&extension.name, tool).map_err(|message| guest_error("invalid_argument", message))?;
        if manifest.tools.iter().any(|other| other.address == tool.address) {
            return Err(guest_error(
                "invalid_argument",
                format!("the tool `{}` is registered twice", tool.address),
            ));
        }
        manifest.tools.push(Arc::new(tool));
        Ok(())
    }
}

fn definition(extension: &str, tool: Definition) -> Result<ToolDefinition, String> {
    let address = ToolAddress::new(extension, &tool.name).map_err(|error| error.to_string())?;
    if tool.description.trim().is_empty() {
        return Err(format!(
            "the tool `{address}` has no description; say what it does, when to use it, what it answers"
        ));
    }
    if tool.description.len() > MAX_DESCRIPTION_BYTES {
        return Err(format!(
            "the description of `{address}` is longer than {MAX_DESCRIPTION_BYTES} bytes"
        ));
    }
    if tool.title.as_ref().is_some_and(|title| title.len() > MAX_TITLE_BYTES) {
        return Err(format!(
            "the title of `{address}` is longer than {MAX_TITLE_BYTES} bytes"
        ));
    }
    let input_schema = schema(&address, "input", &tool.input_schema)?;
    if input_schema.get("type").is_some_and(|kind| kind != "object") {
        return Err(format!(
            "the input schema of `{address}` must describe an object (\"type\": \"object\")"
        ));
    }
    let output_schema = tool
        .output_schema
        .map(|text| schema(&address, "output", &text))
        .transpose()?;
    Ok(ToolDefinition {
        address,
        title: tool.title,
        description: tool.description,
        input_schema,
        output_schema,
        effect: match tool.effect {
            GuestEffect::Pure => Effect::Pure,
            GuestEffect::Idempotent => Effect::Idempotent,
            GuestEffect::Keyed => Effect::Keyed,
            GuestEffect::Once => Effect::Once,
        },
        timeout_ms: tool.timeout_ms,
    })
}

fn schema(address: &ToolAddress, which: &str, text: &str) -> Result<Value, String> {
    if text.len() > MAX_SCHEMA_BYTES {
        return Err(format!(
            "the {which} schema of `{address}` is longer than {MAX_SCHEMA_BYTES} bytes"
        ));
    }
    let schema: Value = serde_json::from_str(text)
        .map_err(|error| format!("the {which} schema of `{address}` is not JSON: {error}"))?;
    if !schema.is_object() {
        return Err(format!("the {which} schema of `{address}` is not a JSON object"));
    }
    Ok(schema)
}
