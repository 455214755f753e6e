//! `ordinaut:tools/registry`: the tools that an extension offers.

use std::sync::Arc;

use ordinaut_domain::{Effect, ToolAddress, ToolDefinition, ToolSchema};
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
    ToolSchema::check_definition(&input_schema).map_err(|reason| format!("the tool `{address}`: {reason}"))?;
    let output_schema = tool
        .output_schema
        .map(|text| schema(&address, "output", &text))
        .transpose()?;
    if let Some(output_schema) = &output_schema {
        ToolSchema::compile(output_schema).map_err(|reason| format!("the output of the tool `{address}`: {reason}"))?;
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn tool(input: &str, output: Option<&str>) -> Result<ToolDefinition, String> {
        let tool = Definition {
            name: "say".to_owned(),
            title: None,
            description: "Says something.".to_owned(),
            input_schema: input.to_owned(),
            output_schema: output.map(str::to_owned),
            effect: GuestEffect::Pure,
            timeout_ms: None,
        };
        definition("echo", tool)
    }

    #[test]
    fn a_schema_against_which_no_call_could_be_checked_is_refused_with_the_tool_and_the_reason() {
        let object = r#"{"type":"object"}"#;
        assert!(tool(object, Some(r#"{"type":"string"}"#)).is_ok());
        for (input, output, part) in [
            ("{}", None, "\"type\": \"object\""),
            (r#"{"type":["object"]}"#, None, "\"type\": \"object\""),
            ("[]", None, "not a JSON object"),
            (
                r#"{"type":"object","$ref":"https://example.org/s.json"}"#,
                None,
                "echo.say",
            ),
            (r#"{"type":"object","$ref":"file:///etc/passwd"}"#, None, "echo.say"),
            (r##"{"type":"object","$ref":"#"}"##, None, "echo.say"),
            (
                r#"{"type":"object","properties":{"a":{"pattern":"("}}}"#,
                None,
                "echo.say",
            ),
            (object, Some(r#"{"type":"wrong"}"#), "output"),
            (object, Some("1"), "output"),
        ] {
            let error = tool(input, output).unwrap_err();
            assert!(
                error.contains(part) && error.contains("echo.say"),
                "{input} {output:?}: {error}"
            );
        }
    }
}
