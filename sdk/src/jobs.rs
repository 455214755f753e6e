//! Work that nobody asked for just now: bounded jobs on a schedule that the host keeps.

use std::borrow::Cow;
use std::time::Duration;

use crate::{Describe, Error, host};

/// One run of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Occurrence {
    /// The job's name.
    pub name: String,
    /// When it was due, in milliseconds since 1970-01-01T00:00:00Z.
    pub scheduled_for_ms: u64,
    /// Counted from 1.
    pub attempt: u32,
}

/// What the host is told about a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Definition {
    /// 1 to 64 of `a-z`, `0-9`, `_`, `-`, starting with a letter.
    pub name: String,
    /// `every 30s` (units s, m, h, d), or a cron expression with 5 or 6 fields.
    pub schedule: String,
    /// IANA zone of a cron expression; the host's default otherwise.
    pub timezone: Option<String>,
    /// How long one run may take, in milliseconds; the host's limit for jobs otherwise.
    pub timeout_ms: Option<u32>,
}

type Handler = Box<dyn Fn(&Occurrence) -> Result<Option<String>, Error>>;

/// A job, as [`Describe::job`] adds it.
pub struct Job {
    name: Cow<'static, str>,
    schedule: Cow<'static, str>,
    timezone: Option<Cow<'static, str>>,
    timeout: Option<Duration>,
    handler: Handler,
}

impl Job {
    pub(crate) fn new(
        name: Cow<'static, str>,
        schedule: Cow<'static, str>,
        handler: impl Fn(&Occurrence) -> Result<Option<String>, Error> + 'static,
    ) -> Self {
        Self {
            name,
            schedule,
            timezone: None,
            timeout: None,
            handler: Box::new(handler),
        }
    }

    /// The IANA zone in which a cron expression is read.
    pub fn timezone(&mut self, zone: impl Into<Cow<'static, str>>) -> &mut Self {
        self.timezone = Some(zone.into());
        self
    }

    /// How long one run may take.
    pub fn timeout(&mut self, timeout: Duration) -> &mut Self {
        self.timeout = Some(timeout);
        self
    }

    /// What the host is told.
    pub fn definition(&self) -> Definition {
        Definition {
            name: self.name.to_string(),
            schedule: self.schedule.to_string(),
            timezone: self.timezone.as_ref().map(ToString::to_string),
            timeout_ms: self.timeout.map(crate::millis),
        }
    }
}

/// Tells the host about all jobs.
pub(crate) fn register(table: &Describe) -> Result<(), Error> {
    table
        .jobs
        .iter()
        .try_for_each(|job| host::register_job(&job.definition()))
}

/// Runs the job that an occurrence names.
pub(crate) fn run(table: &Describe, occurrence: &Occurrence) -> Result<Option<String>, Error> {
    let job = table
        .jobs
        .iter()
        .find(|job| job.name == occurrence.name)
        .ok_or_else(|| Error::not_found(format!("this extension has no job `{}`", occurrence.name)))?;
    (job.handler)(occurrence)
}
