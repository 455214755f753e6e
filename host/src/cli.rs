//! The command line. Human output by default, `--json` for machines; what was asked for goes to standard output,
//! everything else to standard error. Exit codes are in [`Failure`] and in `docs/reference/cli.md`.

mod agent;
mod client;
mod config;
mod openapi;
mod output;
mod plugin;
mod schedule;
mod serve;
mod token;

use std::{fmt, process::ExitCode};

use clap::{Args, Parser, Subcommand};

use crate::config::{Config, ConfigErrors, Loaded, Overrides, Sources};

/// Runs tasks when they are due, through tools that live in WebAssembly components.
#[derive(Parser)]
#[command(
    name = "ordinaut",
    version,
    about,
    propagate_version = true,
    arg_required_else_help = true
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Starts the server.
    Serve(serve::ServeArgs),
    /// Schedules.
    #[command(subcommand)]
    Schedule(schedule::ScheduleCommand),
    /// Extensions.
    #[command(subcommand)]
    Plugin(plugin::PluginCommand),
    /// Agents: who may sign in, and what they may do.
    #[command(subcommand)]
    Agent(agent::AgentCommand),
    /// Prints an access token for the API.
    Token(token::TokenArgs),
    /// The configuration.
    #[command(subcommand)]
    Config(config::ConfigCommand),
    /// Prints the OpenAPI description of the API.
    Openapi,
}

/// Where the configuration comes from.
#[derive(Args, Clone, Default)]
struct ConfigArgs {
    /// The configuration file [default: ordinaut.toml, if it exists].
    #[arg(long, value_name = "FILE", env = "ORDINAUT_CONFIG")]
    config: Option<std::path::PathBuf>,
}

impl ConfigArgs {
    fn load(&self, overrides: Overrides) -> Result<Loaded, ConfigErrors> {
        Config::load(&Sources::of_process(self.config.clone(), overrides))
    }
}

/// Why a command did not do what was asked. The discriminant is the exit code; 2 is also clap's for wrong usage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Failure {
    /// It could not be done.
    Failed = 1,
    /// The command line or the configuration is wrong.
    Usage = 2,
    /// No server answered.
    Unreachable = 3,
    /// The server refused.
    Refused = 4,
    /// What was to be checked is not right.
    Invalid = 5,
}

/// A failure and what to say about it.
#[derive(Debug)]
struct CliError {
    failure: Failure,
    message: String,
}

impl CliError {
    fn new(failure: Failure, message: impl Into<String>) -> Self {
        Self {
            failure,
            message: message.into(),
        }
    }

    /// Something that should not happen, such as a closed standard output.
    fn failed(context: &str, cause: impl fmt::Display) -> Self {
        Self::new(Failure::Failed, format!("{context}: {cause}"))
    }
}

impl From<ConfigErrors> for CliError {
    fn from(errors: ConfigErrors) -> Self {
        Self::new(Failure::Usage, errors.to_string())
    }
}

/// Runs the command that the process was started with.
pub fn run() -> ExitCode {
    let cli = Cli::parse();
    let result = match cli.command {
        Command::Serve(args) => serve::run(&args),
        Command::Schedule(command) => schedule::run(&command),
        Command::Plugin(command) => plugin::run(&command),
        Command::Agent(command) => agent::run(&command),
        Command::Token(args) => token::run(&args),
        Command::Config(command) => config::run(&command),
        Command::Openapi => openapi::run(),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            if !error.message.is_empty() {
                eprintln!("ordinaut: {}", error.message);
            }
            ExitCode::from(error.failure as u8)
        }
    }
}

/// A runtime for commands that wait for something.
fn block_on<T>(work: impl Future<Output = Result<T, CliError>>) -> Result<T, CliError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime
        .map_err(|error| CliError::failed("the runtime could not be started", error))?
        .block_on(work)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        <Cli as clap::CommandFactory>::command().debug_assert();
    }
}
