//! `ordinaut plugin check|list`.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use ordinaut_domain::Clock as _;
use ordinaut_plugin_host::{CheckOptions, CheckReport, check};
use serde_json::Value;

use super::{CliError, ConfigArgs, Failure, block_on, client::ServerArgs, output};
use crate::{
    clock::SystemClock,
    compose::default_grant,
    config::{Overrides, PluginsConfig},
};

#[derive(Subcommand)]
pub(super) enum PluginCommand {
    /// Says whether a component would serve: what it needs, whether it initialises, what it registers.
    Check(CheckArgs),
    /// Lists the extensions of a running server.
    List(ListArgs),
}

#[derive(Args)]
pub(super) struct CheckArgs {
    #[command(flatten)]
    config: ConfigArgs,
    /// The component, a `.wasm` file.
    file: PathBuf,
    /// Its settings and grants [default: the `.toml` beside it].
    #[arg(long, value_name = "FILE")]
    settings: Option<PathBuf>,
    /// The name under which it would be mounted [default: the file's].
    #[arg(long)]
    name: Option<String>,
    /// Prints JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub(super) struct ListArgs {
    #[command(flatten)]
    server: ServerArgs,
    /// Prints JSON.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(command: &PluginCommand) -> Result<(), CliError> {
    match command {
        PluginCommand::Check(args) => run_check(args),
        PluginCommand::List(args) => run_list(args),
    }
}

fn run_check(args: &CheckArgs) -> Result<(), CliError> {
    let config = args.config.load(Overrides::default())?.config;
    let chosen = args.chosen_settings(&config.plugins);
    let options = CheckOptions {
        settings: chosen.clone(),
        name: args.name.clone(),
        default_grants: default_grant(&config.plugins),
        default_zone: config.defaults.timezone,
        now: SystemClock.now(),
        ..CheckOptions::default()
    };
    // Guests need a runtime with more than one thread beside theirs, as in the server.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build();
    let runtime = runtime.map_err(|error| CliError::failed("the runtime could not be started", error))?;
    let mut report = runtime
        .block_on(check(&args.file, options))
        .map_err(|error| CliError::new(Failure::Failed, error.to_string()))?;
    let settings = chosen.unwrap_or_else(|| args.settings_beside(&report.extension.name));
    name_settings(&mut report, &settings);
    if args.json {
        output::json(&report)?;
    } else {
        output::text(&verdict(&report, &settings))?;
    }
    // The report has said everything.
    if report.ok {
        Ok(())
    } else {
        Err(CliError::new(Failure::Invalid, ""))
    }
}

impl CheckArgs {
    /// The settings beside the component, which hold unless others were chosen.
    fn settings_beside(&self, name: &str) -> PathBuf {
        self.file.with_file_name(format!("{name}.toml"))
    }

    /// The settings that were named, or those of an extension that ships with Ordinaut: a server reads these from the
    /// operator's folder, and beside the component only where there are none.
    fn chosen_settings(&self, plugins: &PluginsConfig) -> Option<PathBuf> {
        if self.settings.is_some() {
            return self.settings.clone();
        }
        let folder = self.file.parent()?.canonicalize().ok()?;
        let shipped = plugins.shipped_dir()?.canonicalize().ok()?;
        let name = self.name.as_deref().or_else(|| self.file.file_stem()?.to_str())?;
        if folder != shipped {
            return None;
        }
        let own = plugins.dir.join(format!("{name}.toml"));
        let beside = self.settings_beside(name);
        Some(if !own.exists() && beside.exists() { beside } else { own })
    }
}

/// Names the file that was read, where messages speak of the place that it has in a host.
fn name_settings(report: &mut CheckReport, settings: &Path) {
    let extension = &mut report.extension;
    let (there, here) = (
        format!("plugins/{}.toml", extension.name),
        settings.display().to_string(),
    );
    if let Some(error) = &mut extension.last_error {
        error.message = error.message.replace(&there, &here);
    }
    for missing in &mut extension.missing {
        missing.reason = missing.reason.replace(&there, &here);
    }
}

fn verdict(report: &CheckReport, settings: &Path) -> String {
    let extension = &report.extension;
    let mut lines = vec![format!(
        "{} {}: {}",
        extension.name,
        extension.version.as_deref().unwrap_or("(no version)"),
        if report.ok { "would serve" } else { "would not serve" }
    )];
    let mut list = |heading: &str, items: Vec<String>| {
        if !items.is_empty() {
            lines.push(format!("\n{heading}"));
            lines.extend(items.into_iter().map(|item| format!("  {item}")));
        }
    };
    let note = if settings.exists() { "" } else { " (does not exist)" };
    list("settings", vec![format!("{}{note}", settings.display())]);
    list("imports", extension.imports.clone());
    list(
        "tools",
        extension
            .tools
            .iter()
            .map(|tool| format!("{}  {}", tool.address, tool.description))
            .collect(),
    );
    list(
        "routes",
        extension
            .routes
            .iter()
            .map(|r| format!("{} /ext/{}{} ({})", r.method, extension.name, r.path, r.access))
            .collect(),
    );
    list(
        "subscriptions",
        extension
            .subscriptions
            .iter()
            .map(|s| format!("{}  {}", s.name, s.topics.join(", ")))
            .collect(),
    );
    list(
        "background work",
        extension
            .jobs
            .iter()
            .map(|job| format!("{}  {}", job.name, job.schedule))
            .collect(),
    );
    list(
        "missing",
        extension
            .missing
            .iter()
            .map(|m| format!("{}: {}", m.capability, m.reason))
            .collect(),
    );
    let grants: Vec<String> = extension.missing.iter().filter_map(|m| m.toml.clone()).collect();
    if !grants.is_empty() {
        let lines = std::iter::once("[grant]".to_owned()).chain(grants).collect();
        list(&format!("to grant it, write into {}", settings.display()), lines);
    }
    // What is missing has been said.
    if let Some(error) = extension.last_error.as_ref().filter(|_| extension.missing.is_empty()) {
        list(
            &format!("error ({})", error.kind),
            error.message.lines().map(ToOwned::to_owned).collect(),
        );
        let backtrace = error
            .backtrace
            .iter()
            .flat_map(|text| text.lines().map(ToOwned::to_owned).collect::<Vec<_>>());
        list("backtrace", backtrace.collect());
    }
    list("left out", extension.left_out.clone());
    list("output of init", report.output.clone());
    lines.join("\n")
}

fn run_list(args: &ListArgs) -> Result<(), CliError> {
    let server = args.server.server()?;
    let answer = block_on(server.get("/extensions"))?;
    if args.json {
        return output::json(&answer);
    }
    let empty = Vec::new();
    let extensions = answer["data"].as_array().unwrap_or(&empty);
    if extensions.is_empty() {
        return output::text("There are no extensions.");
    }
    let mut rows = vec![
        ["NAME", "VERSION", "STATE", "TOOLS", "ROUTES", ""]
            .map(ToOwned::to_owned)
            .to_vec(),
    ];
    rows.extend(extensions.iter().map(row));
    output::text(&output::table(&rows))
}

fn row(extension: &Value) -> Vec<String> {
    let text = |name: &str| extension[name].as_str().unwrap_or_default().to_owned();
    let count = |name: &str| extension[name].as_array().map_or(0, Vec::len).to_string();
    vec![
        text("name"),
        text("version"),
        text("state"),
        count("tools"),
        count("routes"),
        reason(extension),
    ]
}

/// Why it does not serve, in one line.
fn reason(extension: &Value) -> String {
    let missing = extension["missing"].as_array().map(Vec::as_slice).unwrap_or_default();
    let needs: Vec<&str> = missing.iter().filter_map(|m| m["capability"].as_str()).collect();
    if !needs.is_empty() {
        return format!("needs {}", needs.join(", "));
    }
    let serves = extension["state"] == "ready";
    let error = if serves {
        &extension["replacement_error"]
    } else {
        &extension["last_error"]
    };
    error["message"]
        .as_str()
        .and_then(|text| text.lines().next())
        .unwrap_or_default()
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_check_names_the_settings_that_it_read() {
        let folder = tempfile::tempdir().unwrap();
        let (wasm, toml) = (folder.path().join("h.wasm"), folder.path().join("h.toml"));
        std::fs::write(&wasm, "").unwrap();
        std::fs::write(&toml, "[grnt]\n").unwrap();
        let args = CheckArgs {
            config: ConfigArgs::default(),
            file: wasm.clone(),
            settings: None,
            name: None,
            json: false,
        };
        let mut report = check(&wasm, CheckOptions::default()).await.unwrap();
        let settings = args.settings_beside(&report.extension.name);
        name_settings(&mut report, &settings);
        assert_eq!(settings, toml);
        let text = verdict(&report, &settings);
        assert!(!text.contains("plugins/"), "{text}");
        let error = &report.extension.last_error.as_ref().unwrap().message;
        assert!(error.contains(toml.to_str().unwrap()), "{error}");
    }
}
