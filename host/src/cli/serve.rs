//! `ordinaut serve`.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use clap::Args;
use figment::value::Value;

use super::{CliError, ConfigArgs, Failure};
use crate::{
    compose::{Environment, Host},
    config::{Config, Overrides, Role},
    shutdown::Shutdown,
    telemetry,
};

#[derive(Args)]
pub(super) struct ServeArgs {
    #[command(flatten)]
    config: ConfigArgs,
    /// Address and port to listen on; port 0 takes a free one.
    #[arg(long, value_name = "ADDRESS")]
    bind: Option<SocketAddr>,
    /// Folder for the embedded store, keys and caches.
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Folder into which extensions are dropped.
    #[arg(long, value_name = "DIR")]
    plugins_dir: Option<PathBuf>,
    /// What this process does, separated by commas [default: all].
    #[arg(long, value_delimiter = ',', value_name = "ROLES")]
    roles: Option<Vec<Role>>,
    /// Simulates tools that no extension provides.
    #[arg(long)]
    simulate: bool,
    /// File for the secret of the first agent, instead of the terminal.
    #[arg(long, value_name = "FILE")]
    bootstrap_file: Option<PathBuf>,
}

impl ServeArgs {
    fn overrides(&self) -> Overrides {
        let path = |path: &Option<PathBuf>| path.as_ref().map(|path| path.to_string_lossy().into_owned());
        let mut overrides = Overrides::default();
        overrides.set("server.bind", self.bind.map(|bind| bind.to_string()));
        overrides.set("storage.data_dir", path(&self.data_dir));
        overrides.set("plugins.dir", path(&self.plugins_dir));
        overrides.set("auth.bootstrap_file", path(&self.bootstrap_file));
        overrides.set("pipeline.unregistered_tools", self.simulate.then_some("simulate"));
        let role = |role: &Role| match role {
            Role::Api => "api",
            Role::Scheduler => "scheduler",
            Role::Worker => "worker",
            Role::Extensions => "extensions",
        };
        let roles = self
            .roles
            .as_ref()
            .map(|roles| roles.iter().map(role).map(Value::from).collect::<Vec<_>>());
        overrides.set("server.roles", roles);
        overrides
    }
}

pub(super) fn run(args: &ServeArgs) -> Result<(), CliError> {
    let loaded = args.config.load(args.overrides())?;
    telemetry::start(&loaded.config.log);
    let file = loaded.file.as_deref().map(|file| file.display().to_string());
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        config = file.as_deref().unwrap_or("defaults"),
        "starting"
    );
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_name("ordinaut")
        .build()
        .map_err(|error| CliError::failed("the runtime could not be started", error))?;
    let result = runtime.block_on(serve(&loaded.config));
    // Whatever still runs has had its grace.
    runtime.shutdown_timeout(Duration::from_millis(500));
    result
}

async fn serve(config: &Config) -> Result<(), CliError> {
    let shutdown = Shutdown::on_signals().map_err(|error| CliError::failed("signals cannot be listened to", error))?;
    let starting = Host::start(config, Environment::of_system());
    let host = tokio::select! {
        started = starting => started.map_err(|error| CliError::new(Failure::Failed, error.to_string()))?,
        () = shutdown.gently.cancelled() => return Ok(()),
    };
    shutdown.gently.cancelled().await;
    let grace = Duration::from_secs(config.server.shutdown_grace_seconds);
    tokio::select! {
        () = host.stop(grace) => Ok(()),
        () = shutdown.now.cancelled() => Err(CliError::new(Failure::Failed, "stopped at once, as asked")),
    }
}
