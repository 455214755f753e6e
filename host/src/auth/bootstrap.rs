//! The first start of an empty store: one agent `admin` that may do everything, with a secret that is shown once.
//!
//! There is no default secret and no page on which the first visitor becomes the owner: an empty store is only
//! bootstrapped while the server listens on a loopback address.

use std::{
    fs::{self, OpenOptions},
    io::{self, IsTerminal as _, Write as _},
    net::SocketAddr,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use ordinaut_domain::{Agent, AgentId, Clock, Scopes};
use ordinaut_store::{Change, Entropy, Store, StoreError};
use serde_json::json;

use super::{seal::sync_folder, secret::ClientSecret};
use crate::clock::random_array;

/// The first agent's name.
const NAME: &str = "admin";

/// How the first secret reaches its owner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Handover {
    /// Printed on standard error, which is a terminal.
    Terminal,
    /// Written to this file, mode 0600.
    File(PathBuf),
}

impl Handover {
    /// A file that was asked for; otherwise the terminal if there is one; otherwise a file in the data folder.
    pub(crate) fn choose(asked_for: Option<&Path>, data_dir: &Path) -> Self {
        match asked_for {
            Some(file) => Self::File(file.to_owned()),
            None if io::stderr().is_terminal() => Self::Terminal,
            None => Self::File(default_file(data_dir)),
        }
    }
}

/// Where the secret is written when there is neither a file that was asked for nor a terminal.
pub(crate) fn default_file(data_dir: &Path) -> PathBuf {
    data_dir.join("bootstrap-admin.json")
}

/// Why the first agent could not be made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BootstrapError {
    #[error(
        "this is the first start of an empty store, which makes the first agent; it must listen on a loopback address (127.0.0.1 or [::1]) for that, not on {0}: start once with --bind 127.0.0.1:8080, keep the secret, then start on {0}"
    )]
    NotLoopback(SocketAddr),
    #[error(
        "the store has no agent yet, but the file {} for the first one's secret exists and is not overwritten, since what it holds may still be needed: move it away, or name another file with --bootstrap-file",
        .0.display()
    )]
    Exists(PathBuf),
    #[error("the secret of the first agent cannot be written to {path}: {source}")]
    File { path: PathBuf, source: io::Error },
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Makes the first agent unless there is one already, and hands its secret over.
pub(crate) async fn bootstrap(
    store: &dyn Store,
    clock: &dyn Clock,
    entropy: &dyn Entropy,
    bind: SocketAddr,
    handover: &Handover,
) -> Result<(), BootstrapError> {
    if store.has_agents().await? {
        return Ok(());
    }
    if !bind.ip().is_loopback() {
        return Err(BootstrapError::NotLoopback(bind));
    }
    let now = clock.now();
    let id = AgentId::new(now, random_array(entropy));
    let secret = ClientSecret::generate(id, entropy);
    let agent = Agent {
        id,
        name: NAME.to_owned(),
        scopes: Scopes::all(),
        secret_hash: secret.hash(),
        token_version: 1,
        created_at: now,
        disabled_at: None,
    };
    let change = Change {
        actor: None,
        action: "agent.bootstrapped",
        subject: id.to_string(),
        details: json!({ "name": NAME }),
        request_id: String::new(),
        at: now,
        events: Vec::new(),
        once: None,
    };
    // The file comes first: an agent whose secret nobody has would lock everybody out, while a file without an agent
    // is named at the next start.
    if let Handover::File(path) = handover {
        write(path, id, &secret)?;
    }
    if let Err(error) = store.create_agent(&agent, &change).await {
        if let Handover::File(path) = handover {
            // Nothing can be done if this fails too, and the file is of no use to anybody.
            let _ = fs::remove_file(path);
        }
        return Err(error.into());
    }
    match handover {
        Handover::Terminal => print(id, &secret),
        Handover::File(path) => {
            tracing::info!(path = %path.display(), client_id = %id, "made the first agent, `admin`; its secret is in this file");
        }
    }
    Ok(())
}

/// Writes a new file. One that exists is left alone, whatever it is: it may be all that is left of another secret.
fn write(path: &Path, id: AgentId, secret: &ClientSecret) -> Result<(), BootstrapError> {
    let fault = |source| BootstrapError::File {
        path: path.to_owned(),
        source,
    };
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(fault)?;
    }
    let opened = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    let mut file = opened.map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => BootstrapError::Exists(path.to_owned()),
        _ => fault(error),
    })?;
    let content = json!({ "client_id": id.to_string(), "client_secret": secret.expose() });
    let written = writeln!(file, "{content:#}")
        .and_then(|()| file.sync_all())
        .and_then(|()| sync_folder(path));
    written.map_err(|error| {
        // Half a secret would only be in the way of the next start.
        let _ = fs::remove_file(path);
        fault(error)
    })
}

/// To the terminal and past the log, so that the secret cannot end in a log file.
fn print(id: AgentId, secret: &ClientSecret) {
    let text = format!(
        "\n  The first agent, `admin`, was made. Its secret is shown only this once:\n\n    client_id      {id}\n    client_secret  {}\n\n",
        secret.expose()
    );
    // Whoever closed the terminal meanwhile has lost it; `create_agent` cannot be undone by that.
    let _ = io::stderr().write_all(text.as_bytes());
}
