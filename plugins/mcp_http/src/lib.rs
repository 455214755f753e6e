//! A Model Context Protocol server over Streamable HTTP: assistants schedule, run and diagnose tasks.
//!
//! A request passes four hands. [`door`] decides whether it may come in and brings it into a form that every library
//! reads in the same way; [`protocol`] speaks MCP, with rmcp, in both of its eras; behind the trait
//! [`registry::Registry`], where rmcp ends, [`catalog`] knows the tools, resources and prompts; and these reach
//! Ordinaut through the trait [`host::Host`], with the rights of whoever asks.
//!
//! There are no sessions: every request has an instance of this component for itself and says all that is needed.

pub mod ask;
pub mod bridge;
pub mod catalog;
pub mod door;
pub mod failure;
pub mod host;
pub mod moment;
pub mod outcome;
pub mod prompts;
pub mod protocol;
pub mod registry;
pub mod resources;
pub mod rpc;
pub mod schedule;
pub mod settings;
pub mod tools;
pub mod views;

use ordinaut_sdk::prelude::*;

/// The extension.
pub struct McpHttp;

impl Extension for McpHttp {
    fn describe(ext: &mut Describe) {
        // GET and DELETE belong to sessions and streams, which there are none of: the SDK answers them with 405 and
        // `Allow: POST`.
        ext.route(POST, "/", Access::Authenticated, bridge::serve)
            .about("Model Context Protocol, Streamable HTTP: one JSON-RPC message.");
    }
}

ordinaut_sdk::extension!(McpHttp: routes; requests {
    "scheduler.scopes": [
        "tasks:read", "tasks:read:any", "tasks:write", "tasks:write:any", "tasks:delete", "tasks:delete:any",
        "runs:read", "runs:read:any", "runs:trigger", "runs:trigger:any", "runs:cancel", "runs:cancel:any",
        "events:publish", "tools:call", "extensions:read",
    ],
});

#[cfg(test)]
mod tests;
