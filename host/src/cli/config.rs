//! `ordinaut config check|show|schema`.

use clap::Subcommand;

use super::{CliError, ConfigArgs, output};
use crate::config::{Config, Overrides};

#[derive(Subcommand)]
pub(super) enum ConfigCommand {
    /// Says whether the configuration can be used, and what is wrong with it.
    Check(ConfigArgs),
    /// Shows the settings in force: defaults, file and environment together.
    Show {
        #[command(flatten)]
        config: ConfigArgs,
        /// Prints JSON instead of TOML.
        #[arg(long)]
        json: bool,
    },
    /// Prints the JSON Schema of ordinaut.toml.
    Schema,
}

pub(super) fn run(command: &ConfigCommand) -> Result<(), CliError> {
    match command {
        ConfigCommand::Check(config) => {
            let loaded = config.load(Overrides::default())?;
            let file = loaded
                .file
                .map_or_else(|| "no file, defaults".to_owned(), |file| file.display().to_string());
            output::text(&format!("The configuration can be used ({file})."))
        }
        ConfigCommand::Show { config, json } => {
            let mut shown = config.load(Overrides::default())?.config;
            shown.storage = shown.storage.redacted();
            if *json {
                return output::json(&shown);
            }
            let text =
                toml::to_string(&shown).map_err(|error| CliError::failed("the settings cannot be shown", error))?;
            output::text(text.trim_end())
        }
        ConfigCommand::Schema => output::json(&Config::schema()),
    }
}
