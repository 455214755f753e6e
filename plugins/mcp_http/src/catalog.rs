//! What Ordinaut offers to assistants: the registry of the shipped server.

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::failure::{Failure, holds};
use crate::host::Host;
use crate::outcome::Outcome;
use crate::registry::{Content, Identity, PromptInfo, ReadError, Reference, Registry, ResourceInfo, ToolInfo};
use crate::tools::{Entry, TOOLS};
use crate::{prompts, resources};

/// The shipped server's registry.
pub struct Catalog {
    host: Arc<dyn Host>,
}

/// How to use the server. It stands in every conversation, so it is short.
const INSTRUCTIONS: &str = "Ordinaut schedules pipelines of tool calls.\n\
    - Time zones: schedules are local times of the task's timezone (IANA). Ask the user for it rather than guess; answers \
    carry `local` times.\n\
    - Schedules: RRULE (FREQ=WEEKLY;BYDAY=TU;BYHOUR=9;BYMINUTE=0), 5-field cron (0 9 * * 2), an ISO time for once, \
    \"every 15m\", \"in 30 minutes\".\n\
    - Before creating: ordinaut_preview_schedule shows when it would run, ordinaut_validate_pipeline checks the steps; \
    ordinaut://catalog/tools lists the tools that steps can call, ordinaut://docs/pipeline-language explains them.\n\
    - Repeating a write after an error: send the same idempotency_key.\n\
    - When something failed: ordinaut_explain_failure first.";

impl Catalog {
    /// A registry over this host.
    pub fn new(host: Arc<dyn Host>) -> Self {
        Self { host }
    }

    fn find(name: &str) -> Option<&'static Entry> {
        TOOLS.iter().find(|tool| tool.name == name)
    }
}

impl Registry for Catalog {
    fn identity(&self) -> Identity {
        Identity {
            name: "ordinaut",
            title: "Ordinaut",
            version: env!("CARGO_PKG_VERSION"),
            instructions: INSTRUCTIONS,
        }
    }

    fn tools(&self) -> Vec<ToolInfo> {
        let scopes = self.host.scopes();
        let usable = TOOLS
            .iter()
            .filter(|tool| tool.scope.is_none_or(|scope| holds(&scopes, scope)));
        usable
            .map(|tool| ToolInfo {
                name: tool.name,
                title: tool.title,
                description: tool.description,
                input: (tool.input)(),
                output: (tool.output)(),
                hints: tool.hints,
            })
            .collect()
    }

    fn input_schema(&self, tool: &str) -> Option<Value> {
        Self::find(tool).map(|tool| (tool.input)())
    }

    fn call(&self, tool: &str, arguments: Map<String, Value>) -> Option<Result<Outcome, Failure>> {
        Self::find(tool).map(|tool| (tool.call)(&*self.host, arguments))
    }

    fn near(&self, tool: &str) -> Vec<&'static str> {
        let words: Vec<String> = tool
            .to_ascii_lowercase()
            .split(|c: char| !c.is_ascii_alphanumeric())
            .filter(|word| word.len() > 2 && *word != "ordinaut")
            .map(|word| word.trim_end_matches('s').to_owned())
            .collect();
        let shared = |name: &str| words.iter().filter(|word| name.contains(word.as_str())).count();
        let mut near: Vec<&'static str> = TOOLS
            .iter()
            .map(|tool| tool.name)
            .filter(|name| shared(name) > 0)
            .collect();
        near.sort_by_key(|name| std::cmp::Reverse(shared(name)));
        near.truncate(3);
        near
    }

    fn resources(&self) -> Vec<ResourceInfo> {
        resources::fixed()
    }

    fn templates(&self) -> Vec<ResourceInfo> {
        resources::templates()
    }

    fn read(&self, uri: &str) -> Result<Content, ReadError> {
        resources::read(&*self.host, uri)
    }

    fn prompts(&self) -> Vec<PromptInfo> {
        prompts::all()
    }

    fn prompt(&self, name: &str, arguments: &Map<String, Value>) -> Option<Result<String, String>> {
        prompts::text(name, arguments)
    }

    fn complete(&self, reference: &Reference<'_>, argument: &str, typed: &str) -> Vec<String> {
        match reference {
            Reference::Template(pattern) => resources::complete(&*self.host, pattern, argument, typed),
            Reference::Prompt(name) => prompts::complete(&*self.host, name, argument, typed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_instructions_are_short() {
        assert!(INSTRUCTIONS.len() <= 1024, "{}", INSTRUCTIONS.len());
    }

    #[test]
    fn a_scope_for_everybody_is_one_for_oneself_too() {
        let held = |scope: &str| vec![scope.to_owned()];
        assert!(holds(&held("tasks:read"), "tasks:read"));
        assert!(holds(&held("tasks:read:any"), "tasks:read"));
        assert!(!holds(&held("tasks:write"), "tasks:read"));
    }
}
