//! Last step: `init`, in an instance that may only register. What it registers is the manifest.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use ordinaut_domain::{CallOrigin, Scope};

use super::{LoadError, link::Provides};
use crate::{
    bindings::ordinaut::types::types::Error as GuestError,
    invoke::{CallSpec, Cpu, Limit, Prepared, Runner},
    manifest::{Access, Manifest},
    random,
    routing::{PathPattern, Route},
    state::Phase,
};

/// `init` only registers, so it needs little.
const INIT_WALL: Duration = Duration::from_secs(2);
const INIT_CPU: Duration = Duration::from_secs(1);

/// What `init` left behind.
pub(crate) struct Initialised {
    pub(crate) manifest: Manifest,
    /// What it logged.
    pub(crate) output: Vec<String>,
}

/// Runs `init` and checks that what was registered can be served.
pub(crate) async fn initialise(
    runner: &Runner,
    prepared: &Arc<Prepared>,
    provides: &Provides,
) -> Result<Initialised, LoadError> {
    let Some(lifecycle) = provides.lifecycle.clone() else {
        let manifest = without_lifecycle(&prepared.identity.name, provides)?;
        return Ok(Initialised {
            manifest,
            output: Vec::new(),
        });
    };
    let spec = CallSpec {
        export: "init".to_owned(),
        entry: "init",
        origin: origin(&prepared.identity.name, runner.services.inner.now()),
        attempt: 1,
        effect: None,
        hops: 0,
        wall: Limit {
            duration: INIT_WALL,
            key: "",
        },
        cpu: Cpu {
            budget: INIT_CPU,
            window: None,
            key: "",
        },
        phase: Phase::Registering(Box::default()),
        ends_with_extension: false,
    };
    let answer = runner
        .run(prepared.clone(), spec, move |store| {
            Box::pin(async move {
                let instance = lifecycle.instantiate_async(&mut *store).await?;
                instance.ordinaut_extension_lifecycle().call_init(&mut *store).await
            })
        })
        .await
        .map_err(|error| LoadError::Init(Box::new(error)))?;
    if let Err(GuestError { code, message, .. }) = answer.result {
        return Err(LoadError::InitRefused {
            code,
            message,
            stderr: answer.stderr,
        });
    }
    let manifest = match answer.phase {
        Phase::Registering(manifest) => *manifest,
        Phase::Serving => return Err(LoadError::Host("the phase changed during init".to_owned())),
    };
    complete(&manifest, provides)?;
    Ok(Initialised {
        manifest,
        output: answer.output,
    })
}

/// Nobody calls `init`; what is logged in it is found by these ids all the same.
fn origin(extension: &str, now: DateTime<Utc>) -> CallOrigin {
    CallOrigin {
        request_id: format!("{extension}.init@{}", now.timestamp_millis()),
        // Never zero, which would be no trace (W3C Trace Context §3.2.2.3).
        trace_id: format!("{:016x}{:016x}", random::number(), random::number() | 1),
        ..CallOrigin::default()
    }
}

/// An HTTP component that knows nothing of Ordinaut: all its paths, for those who hold `ext:<name>`.
fn without_lifecycle(name: &str, provides: &Provides) -> Result<Manifest, LoadError> {
    let mut manifest = Manifest::default();
    if provides.http.is_some() {
        let pattern = PathPattern::parse("/{*rest}").map_err(|error| LoadError::Host(error.to_string()))?;
        let route = Route {
            method: None,
            pattern,
            access: Access::Scope(Scope::extension(name)),
            streaming: false,
            description: "All requests of a component without registered routes".to_owned(),
        };
        manifest
            .routes
            .add(route)
            .map_err(|_| LoadError::Host("an empty table has a route".to_owned()))?;
    }
    if provides.tools.is_some() || provides.events.is_some() || provides.jobs.is_some() {
        return Err(LoadError::Incomplete {
            what: "nothing, although it exports handlers".to_owned(),
            export: "ordinaut:extension/lifecycle, whose `init` registers what they handle",
        });
    }
    Ok(manifest)
}

fn complete(manifest: &Manifest, provides: &Provides) -> Result<(), LoadError> {
    let parts = [
        (
            "tools",
            manifest.tools.len(),
            provides.tools.is_some(),
            "ordinaut:tools/handler",
        ),
        (
            "routes",
            manifest.routes.len(),
            provides.http.is_some(),
            "wasi:http/incoming-handler",
        ),
        (
            "subscriptions",
            manifest.subscriptions.len(),
            provides.events.is_some(),
            "ordinaut:events/handler",
        ),
        (
            "jobs",
            manifest.jobs.len(),
            provides.jobs.is_some(),
            "ordinaut:background/job",
        ),
    ];
    match parts
        .iter()
        .find(|(_, registered, exported, _)| *registered > 0 && !exported)
    {
        Some((what, _, _, export)) => Err(LoadError::Incomplete {
            what: (*what).to_owned(),
            export,
        }),
        None => Ok(()),
    }
}
