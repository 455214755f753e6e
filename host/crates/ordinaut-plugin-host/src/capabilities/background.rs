//! `ordinaut:background/registry`: jobs on a schedule that the host keeps.

use ordinaut_domain::tool::is_name;

use crate::{
    bindings::ordinaut::{
        background::{registry::Host, types::Definition},
        types::types::Error,
    },
    manifest::Job,
    schedule::JobSchedule,
    state::{GuestState, guest_error},
};

const MAX_JOBS: usize = 64;

impl crate::bindings::ordinaut::background::types::Host for GuestState {}

impl Host for GuestState {
    async fn register(&mut self, job: Definition) -> Result<(), Error> {
        let invalid = |message: String| guest_error("invalid_argument", message);
        let (manifest, extension) = self.registering()?;
        if manifest.jobs.len() >= MAX_JOBS {
            return Err(guest_error(
                "limit_exceeded",
                format!("an extension may have {MAX_JOBS} jobs"),
            ));
        }
        if !is_name(&job.name) || job.name == "service" {
            return Err(invalid(format!(
                "`{}` cannot name a job: expected 1 to 64 of a-z, 0-9, `_`, `-`, starting with a letter, and not \
                 `service`",
                job.name
            )));
        }
        if manifest.jobs.iter().any(|other| other.name == job.name) {
            return Err(invalid(format!("the job `{}` is registered twice", job.name)));
        }
        let schedule = JobSchedule::parse(&job.schedule, job.timezone.as_deref(), &extension.default_zone)
            .map_err(|error| invalid(format!("job `{}`: {error}", job.name)))?;
        manifest.jobs.push(Job {
            name: job.name,
            schedule,
            timeout_ms: job.timeout_ms,
        });
        Ok(())
    }
}
