//! Calendar mathematics: when does a schedule occur?
//!
//! Pure: no I/O, no clock, no randomness; "now" is always an argument. A [`Timetable`] is parsed once and then answers
//! "what comes after this instant" by arithmetic, however long ago the schedule began.
//!
//! # How it works
//! Wall-clock times and instants are kept apart. A rule names *civil* times, numbers of seconds without a zone
//! (`civil`, `times`); one resolver (`resolve`) reads them in a zone, whose offset changes are a table (`zone`), and is
//! the only place that knows about gaps and folds. Cron expressions (`cron`), daily-and-coarser recurrence rules and single
//! times (`once`) differ only in how they find the next civil time. Hourly and finer recurrence rules follow elapsed
//! time instead and are filtered by its local reading (`rrule`).
//!
//! # What holds
//! - Occurrences are strictly ascending instants; no instant occurs twice. Occurrences have whole seconds (a single RFC 3339
//!   instant keeps its fraction).
//! - Every search is bounded. `Ok(None)` means that the schedule has ended; [`SearchExhausted`] means that nothing was found as
//!   far as was searched, about 400 years.
//! - A schedule without any occurrence is refused when it is parsed (`never_fires`).
//! - Nothing is dropped silently: a time that a clock change moves carries a [`Remark`], one that the policy skips is listed by
//!   [`Timetable::skipped`].
//! - Years 1 to 9999. The tz database's rules are known up to 2099; after that the last offset holds.
//!
//! Deliberately absent: business calendars, jitter, misfires, pauses. They decide what is done about an occurrence and
//! belong to whoever knows tasks.

mod civil;
mod cron;
mod describe;
mod error;
mod once;
mod resolve;
mod rrule;
mod text;
mod times;
mod timetable;
mod zone;

pub use cron::Cron;
pub use error::{MAX_TEXT_BYTES, ScheduleError, SearchExhausted, Warning};
pub use once::Once;
pub use resolve::{DstPolicy, Fold, Gap, Occurrence, Remark};
pub use rrule::{Checkpoint, Recurrence};
pub use timetable::{Next, Timetable};
pub use zone::Zone;
