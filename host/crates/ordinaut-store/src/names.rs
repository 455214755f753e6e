//! The text under which enumerations are stored. The same words as in the schema's CHECKs and in the API, but kept
//! apart from the API's serialisation: renaming a thing there must not make old rows unreadable.

use ordinaut_domain::{AttemptOutcome, RunCause, RunState, ScheduleKind, StepState, TaskStatus};

/// An enumeration with a stored form.
pub(crate) trait Named: Sized + Copy {
    /// The stored form.
    fn name(self) -> &'static str;

    /// Reads the stored form.
    fn from_name(name: &str) -> Option<Self>;
}

macro_rules! named {
    ($($ty:ident { $($variant:ident = $name:literal),+ $(,)? })+) => {
        $(impl Named for $ty {
            fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }

            fn from_name(name: &str) -> Option<Self> {
                match name { $($name => Some(Self::$variant),)+ _ => None }
            }
        })+
    };
}

named! {
    TaskStatus { Active = "active", Paused = "paused", Canceled = "canceled", Completed = "completed" }
    ScheduleKind { Cron = "cron", Rrule = "rrule", Once = "once", Event = "event", Condition = "condition" }
    RunState {
        Queued = "queued",
        Running = "running",
        Succeeded = "succeeded",
        Failed = "failed",
        Canceled = "canceled",
        TimedOut = "timed_out",
        Skipped = "skipped",
    }
    RunCause {
        Schedule = "schedule",
        Manual = "manual",
        Event = "event",
        Condition = "condition",
        Backfill = "backfill",
        Retry = "retry",
    }
    AttemptOutcome {
        Succeeded = "succeeded",
        Failed = "failed",
        TimedOut = "timed_out",
        Canceled = "canceled",
        Released = "released",
        Abandoned = "abandoned",
    }
    StepState {
        Started = "started",
        Succeeded = "succeeded",
        Failed = "failed",
        Skipped = "skipped",
        Canceled = "canceled",
        Unknown = "unknown",
    }
}
