//! Tools: what the steps of a pipeline call. A tool is a plain function from a serde type to a serde type. And calls of
//! the tools of other extensions: [`call`].

use std::borrow::Cow;
use std::time::Duration;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Call, Describe, Error, context, host, json, schema};

/// What happens when a call is made twice, for instance because a worker died before it could record the result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// It changes nothing outside.
    Pure,
    /// Twice is the same as once.
    Idempotent,
    /// Twice is the same as once as long as [`ToolContext::effect_key`] is the same.
    Keyed,
    /// Twice is wrong: the host never repeats a call whose outcome is unknown. The default, since it is the safe one.
    Once,
}

/// Arguments of a tool that takes none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
pub struct NoArguments {}

/// The call that a tool serves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolContext {
    /// The tool's name without the extension's.
    pub name: String,
    /// The same on every attempt and every worker: pass it on as an idempotency key.
    pub effect_key: String,
    /// Grows with every lease of the work: a receiver that has seen a larger one must refuse this call.
    pub fence: u64,
    /// Counted from 1.
    pub attempt: u32,
}

impl ToolContext {
    /// Who calls, in which run, until when.
    pub fn call(&self) -> Call {
        context::current()
    }
}

/// What the host is told about a tool.
#[derive(Debug, Clone, PartialEq)]
pub struct Definition {
    /// Without the extension's name: 1 to 64 of `a-z`, `0-9`, `_`, `-`, starting with a letter.
    pub name: String,
    /// For people.
    pub title: Option<String>,
    /// What it does, when to use it, and what it answers.
    pub description: String,
    /// JSON Schema (2020-12) of the arguments; its root is an object.
    pub input_schema: Value,
    /// JSON Schema of the result, where the result type says anything about it.
    pub output_schema: Option<Value>,
    /// What a second call does.
    pub effect: Effect,
    /// How long a call may take, in milliseconds, unless the step says otherwise.
    pub timeout_ms: Option<u32>,
}

type Handler = Box<dyn Fn(&str, &ToolContext) -> Result<String, Error>>;

/// A tool, as [`Describe::tool`] adds it.
pub struct Tool {
    name: Cow<'static, str>,
    title: Option<Cow<'static, str>>,
    description: Cow<'static, str>,
    effect: Effect,
    timeout: Option<Duration>,
    // Functions, not values: only `init` needs the schemas, and the table is built anew for each call.
    input_schema: fn() -> Value,
    output_schema: fn() -> Option<Value>,
    handler: Handler,
}

impl Tool {
    pub(crate) fn new<A, R>(
        name: Cow<'static, str>,
        description: Cow<'static, str>,
        handler: impl Fn(A, &ToolContext) -> Result<R, Error> + 'static,
    ) -> Self
    where
        A: DeserializeOwned + JsonSchema,
        R: Serialize + JsonSchema,
    {
        Self {
            name,
            title: None,
            description,
            effect: Effect::Once,
            timeout: None,
            input_schema: schema::of_input::<A>,
            output_schema: schema::of_output::<R>,
            handler: Box::new(move |arguments, context| {
                let arguments = json::read(arguments.as_bytes())
                    .map_err(|error| Error::invalid_argument(format!("arguments of `{}`: {error}", context.name)))?;
                let result = handler(arguments, context)?;
                json::write(&result)
            }),
        }
    }

    /// A short title for people.
    pub fn title(&mut self, title: impl Into<Cow<'static, str>>) -> &mut Self {
        self.title = Some(title.into());
        self
    }

    /// What a second call does; [`Effect::Once`] unless you say otherwise.
    pub fn effect(&mut self, effect: Effect) -> &mut Self {
        self.effect = effect;
        self
    }

    /// How long a call may take unless the step says otherwise.
    pub fn timeout(&mut self, timeout: Duration) -> &mut Self {
        self.timeout = Some(timeout);
        self
    }

    /// What the host is told.
    pub fn definition(&self) -> Definition {
        Definition {
            name: self.name.to_string(),
            title: self.title.as_ref().map(ToString::to_string),
            description: self.description.to_string(),
            input_schema: (self.input_schema)(),
            output_schema: (self.output_schema)(),
            effect: self.effect,
            timeout_ms: self.timeout.map(crate::millis),
        }
    }
}

/// Tells the host about all tools.
pub(crate) fn register(table: &Describe) -> Result<(), Error> {
    table
        .tools
        .iter()
        .try_for_each(|tool| host::register_tool(&tool.definition()))
}

/// Calls a tool of another extension and answers its result. Needs the grant `tools.call`.
///
/// While somebody is served, the tool is called for them, and they need the scope `tools:call`; in jobs, services and
/// event handlers for the extension itself. The call takes no longer than what is left of the present one. Errors:
/// `denied`, `invalid_arguments`, `tool_not_found`, `depth_limit`, `timeout`, `wrong_phase` in `init`, or the tool's own.
///
/// ```no_run
/// # use ordinaut_sdk::{tools, Error};
/// # use serde_json::json;
/// # fn f() -> Result<(), Error> {
/// let page = tools::call("http.request", &json!({ "url": "https://example.org/" }))?;
/// # let _ = page; Ok(()) }
/// ```
pub fn call(tool: &str, arguments: &(impl Serialize + ?Sized)) -> Result<Value, Error> {
    Outgoing::new(tool).arguments(arguments)?.send()
}

/// A call of another extension's tool in the making.
#[derive(Debug, Clone, PartialEq)]
pub struct Outgoing {
    /// `<extension>.<tool>`.
    pub tool: String,
    /// A JSON object.
    pub arguments: Value,
    /// The same text for the same effect.
    pub key: Option<String>,
    /// How long it may take.
    pub timeout: Option<Duration>,
}

impl Outgoing {
    /// A call without arguments.
    pub fn new(tool: &str) -> Self {
        Self {
            tool: tool.to_owned(),
            arguments: Value::Object(serde_json::Map::new()),
            key: None,
            timeout: None,
        }
    }

    /// Sets the arguments.
    pub fn arguments(mut self, arguments: &(impl Serialize + ?Sized)) -> Result<Self, Error> {
        self.arguments = serde_json::to_value(arguments)?;
        Ok(self)
    }

    /// Names the effect: a call that is made again under the same key, within the same call of this extension, has its
    /// effect once if the tool can tell. Without it, the call's place in the order names it.
    pub fn key(mut self, key: &str) -> Self {
        self.key = Some(key.to_owned());
        self
    }

    /// How long it may take; never longer than what is left of the present call.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Makes the call.
    pub fn send(&self) -> Result<Value, Error> {
        host::call_tool(self)
    }
}

/// Serves one call: JSON in, JSON out.
pub(crate) fn serve(table: &Describe, arguments: &str, context: &ToolContext) -> Result<String, Error> {
    let tool = table
        .tools
        .iter()
        .find(|tool| tool.name == context.name)
        .ok_or_else(|| Error::not_found(format!("this extension has no tool `{}`", context.name)))?;
    (tool.handler)(arguments, context)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::FakeHost;

    #[test]
    fn a_tool_of_another_extension_is_called_with_its_arguments_and_its_error_comes_back() {
        let host = FakeHost::new("demo");
        assert_eq!(call("echo.say", &json!({})).unwrap_err().code(), "tool_not_found");
        host.on_tool(|call| match call.tool.as_str() {
            "echo.say" => Ok(call.arguments["text"].clone()),
            _ => Err(Error::denied("not granted")),
        });
        assert_eq!(call("echo.say", &json!({ "text": "hi" })).unwrap(), "hi");
        let keyed = Outgoing::new("http.request").key("k").timeout(Duration::from_secs(2));
        assert_eq!(keyed.send().unwrap_err().code(), "denied");
        assert_eq!(host.tool_calls().last(), Some(&keyed));
    }
}
