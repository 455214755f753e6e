//! `ordinaut agent`: who may sign in at a running server.

use clap::{Args, Subcommand};
use http::Method;
use serde_json::{Value, json};

use super::{
    CliError, Failure, block_on,
    client::{Server, ServerArgs},
    output,
};

/// The pages of a list that are read at most; each has up to 200 agents.
const PAGES_MAX: usize = 100;

#[derive(Subcommand)]
pub(super) enum AgentCommand {
    /// Lists agents with what they may do.
    List(ListArgs),
    /// Makes an agent and prints its secret, which is shown only here.
    Create(CreateArgs),
    /// Makes a new secret for an agent and prints it. The old one, and all tokens and sessions, end.
    Rotate(OneArgs),
    /// Ends all tokens and sessions of an agent and lets it sign in no more.
    Disable(OneArgs),
}

#[derive(Args)]
pub(super) struct ListArgs {
    #[command(flatten)]
    server: ServerArgs,
    /// Prints JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub(super) struct CreateArgs {
    #[command(flatten)]
    server: ServerArgs,
    /// The agent's name.
    name: String,
    /// What it may do, for instance `--scope tasks:read,tasks:write`.
    #[arg(long = "scope", value_name = "SCOPE", value_delimiter = ',')]
    scopes: Vec<String>,
    /// Prints JSON, which other commands take as --client-secret-file.
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub(super) struct OneArgs {
    #[command(flatten)]
    server: ServerArgs,
    /// The agent's name or id.
    agent: String,
    /// Prints JSON.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(command: &AgentCommand) -> Result<(), CliError> {
    match command {
        AgentCommand::List(args) => {
            let server = args.server.server()?;
            let agents = block_on(agents(&server))?;
            if args.json {
                output::json(&agents)
            } else {
                output::text(&output::table(&rows(&agents)))
            }
        }
        AgentCommand::Create(args) => {
            let server = args.server.server()?;
            let document = json!({ "name": args.name, "scopes": args.scopes });
            let made = block_on(server.request(Method::POST, "/agents", Some(&document)))?;
            secret(&made, args.json)
        }
        AgentCommand::Rotate(args) => {
            let server = args.server.server()?;
            let made = block_on(async {
                let id = id_of(&server, &args.agent).await?;
                let path = format!("/agents/{id}/credentials");
                server.request(Method::POST, &path, Some(&json!({}))).await
            })?;
            secret(&made, args.json)
        }
        AgentCommand::Disable(args) => {
            let server = args.server.server()?;
            let agent = block_on(async {
                let id = id_of(&server, &args.agent).await?;
                let path = format!("/agents/{id}");
                server
                    .request(Method::PATCH, &path, Some(&json!({ "disabled": true })))
                    .await
            })?;
            if args.json {
                output::json(&agent)
            } else {
                output::text(&format!("{} is disabled", text(&agent, "name")))
            }
        }
    }
}

/// All agents, page after page.
async fn agents(server: &Server) -> Result<Vec<Value>, CliError> {
    let mut all = Vec::new();
    let mut path = "/agents?limit=200".to_owned();
    for _ in 0..PAGES_MAX {
        let page = server.get(&path).await?;
        all.extend(page["data"].as_array().cloned().unwrap_or_default());
        match page["next_cursor"].as_str() {
            Some(cursor) => path = format!("/agents?limit=200&cursor={cursor}"),
            None => break,
        }
    }
    Ok(all)
}

/// The id of the agent with this name or id.
async fn id_of(server: &Server, agent: &str) -> Result<String, CliError> {
    let named = agents(server)
        .await?
        .into_iter()
        .find(|found| found["name"] == agent || found["id"] == agent);
    match named {
        Some(found) => Ok(text(&found, "id").to_owned()),
        None => Err(CliError::new(
            Failure::Refused,
            format!("there is no agent `{agent}`; `ordinaut agent list` shows them"),
        )),
    }
}

/// The credentials, in the form in which other commands read them.
fn secret(made: &Value, as_json: bool) -> Result<(), CliError> {
    let credentials = json!({ "client_id": made["id"], "client_secret": made["client_secret"] });
    if as_json {
        return output::json(&credentials);
    }
    output::text(&format!(
        "agent          {}\nclient_id      {}\nclient_secret  {}",
        text(made, "name"),
        text(made, "id"),
        text(made, "client_secret")
    ))
}

fn rows(agents: &[Value]) -> Vec<Vec<String>> {
    let mut rows = vec![["NAME", "ID", "STATE", "SCOPES"].map(str::to_owned).to_vec()];
    rows.extend(agents.iter().map(|agent| {
        let state = if agent["disabled_at"].is_null() {
            "enabled"
        } else {
            "disabled"
        };
        let scopes: Vec<&str> = agent["scopes"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        vec![
            text(agent, "name").to_owned(),
            text(agent, "id").to_owned(),
            state.to_owned(),
            scopes.join(" "),
        ]
    }));
    rows
}

fn text<'a>(value: &'a Value, member: &str) -> &'a str {
    value[member].as_str().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_says_who_may_do_what() {
        let agents = [
            json!({ "name": "a", "id": "1", "scopes": ["tasks:read", "runs:read"], "disabled_at": null }),
            json!({ "name": "b", "id": "2", "scopes": [], "disabled_at": "2026-03-29T08:00:00Z" }),
        ];
        let rows = rows(&agents);
        assert_eq!(rows[1], ["a", "1", "enabled", "tasks:read runs:read"]);
        assert_eq!(rows[2], ["b", "2", "disabled", ""]);
    }
}
