//! What a server offers, without a word of rmcp: [`crate::protocol`] asks here, and anything may answer.

use serde_json::{Map, Value};

use crate::failure::Failure;
use crate::outcome::Outcome;

/// What the server says of itself.
pub struct Identity {
    /// The machine-readable name.
    pub name: &'static str,
    /// The name for people.
    pub title: &'static str,
    /// The version.
    pub version: &'static str,
    /// How to use it; at most 1 KiB, as hosts put it into every conversation.
    pub instructions: &'static str,
}

/// What a call may do, as hosts show it before they ask their user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hints {
    /// It changes nothing.
    pub read_only: bool,
    /// It may remove or overwrite something.
    pub destructive: bool,
    /// A second call with the same arguments changes nothing more.
    pub idempotent: bool,
    /// It may reach what is outside of Ordinaut.
    pub open_world: bool,
}

impl Hints {
    /// For what only reads.
    pub const READ: Self = Self {
        read_only: true,
        destructive: false,
        idempotent: true,
        open_world: false,
    };
}

/// A tool, as it is listed.
pub struct ToolInfo {
    /// The name.
    pub name: &'static str,
    /// The name for people.
    pub title: &'static str,
    /// What it does and when to use it.
    pub description: &'static str,
    /// The schema of its arguments: a closed object without composition.
    pub input: Value,
    /// The schema of its structured content: an open object.
    pub output: Value,
    /// What it may do.
    pub hints: Hints,
}

/// Something to read.
pub struct ResourceInfo {
    /// Its address, or for a template the pattern (RFC 6570).
    pub uri: &'static str,
    /// The machine-readable name.
    pub name: &'static str,
    /// The name for people.
    pub title: &'static str,
    /// What it is.
    pub description: &'static str,
    /// Its media type.
    pub mime: &'static str,
}

/// What was read.
pub struct Content {
    /// The media type.
    pub mime: &'static str,
    /// The text.
    pub text: String,
}

/// An argument of a prompt.
pub struct PromptArgument {
    /// The name.
    pub name: &'static str,
    /// What it is.
    pub description: &'static str,
    /// Whether it must be given.
    pub required: bool,
}

/// A prompt, as it is listed.
pub struct PromptInfo {
    /// The name.
    pub name: &'static str,
    /// The name for people.
    pub title: &'static str,
    /// What it is for.
    pub description: &'static str,
    /// Its arguments.
    pub arguments: &'static [PromptArgument],
}

/// Why something was not read.
pub enum ReadError {
    /// There is nothing under this address, or the caller may not see it.
    NotFound,
    /// It could not be read.
    Failed(Failure),
}

/// Where a value is completed.
pub enum Reference<'a> {
    /// A variable of the template with this pattern.
    Template(&'a str),
    /// An argument of the prompt with this name.
    Prompt(&'a str),
}

/// What a server offers. Everything may depend on the caller's rights.
pub trait Registry: Send + Sync + 'static {
    /// Who the server is.
    fn identity(&self) -> Identity;
    /// The tools that the caller may use, always in the same order.
    fn tools(&self) -> Vec<ToolInfo>;
    /// The schema of a tool's arguments, whether or not the caller may use it.
    fn input_schema(&self, tool: &str) -> Option<Value>;
    /// Calls a tool; none when there is no such tool.
    fn call(&self, tool: &str, arguments: Map<String, Value>) -> Option<Result<Outcome, Failure>>;
    /// Names that a mistyped tool name may have meant.
    fn near(&self, tool: &str) -> Vec<&'static str>;
    /// What can be read under a fixed address.
    fn resources(&self) -> Vec<ResourceInfo>;
    /// What can be read under a pattern.
    fn templates(&self) -> Vec<ResourceInfo>;
    /// Reads.
    fn read(&self, uri: &str) -> Result<Content, ReadError>;
    /// The prompts.
    fn prompts(&self) -> Vec<PromptInfo>;
    /// A prompt's text; none when there is no such prompt, an error when arguments are missing.
    fn prompt(&self, name: &str, arguments: &Map<String, Value>) -> Option<Result<String, String>>;
    /// Values that begin as `typed` does.
    fn complete(&self, reference: &Reference<'_>, argument: &str, typed: &str) -> Vec<String>;
}
