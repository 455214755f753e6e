//! Recurrence rules (RFC 5545 §3.3.10, RFC 7529).
//!
//! Text becomes [`lines`], lines become dates and [`parts`] of rules; an anchored [`rule`] is either *civil*
//! ([`seek`], daily and coarser: civil times, read in the zone afterwards) or *elapsed* ([`elapsed`], hourly and finer:
//! instants, filtered by their local reading). [`set`] joins rules, dates and exceptions.
//!
//! Decisions where the RFC is silent or implementations differ:
//! - DTSTART that does not match its rule is not an occurrence; a warning says so. Without any RRULE, DTSTART is one.
//! - `YEARLY;BYWEEKNO` and the other combinations of day parts: see [`expand`].
//! - A numbered BYDAY beside BYMONTHDAY limits.
//! - An occurrence that a gap moves counts towards COUNT; one that a policy skips does not.
//! - BYSETPOS counts within the whole period, also in the one that DTSTART lies in.
//! - BYHOUR, BYMINUTE, BYSECOND that are absent come from DTSTART; second 60 is read as 59.
//! - UNTIL as a date ends with that day, as a local time in the rule's zone, always inclusive.
//! - EXDATE removes equal instants; EXDATE;VALUE=DATE removes whole days. EXRULE is understood.
//! - Combinations that the RFC forbids are refused, not guessed at.

mod count;
mod elapsed;
mod expand;
mod lines;
mod parse;
mod parts;
mod rule;
mod run;
mod seek;
mod set;
mod spelling;

pub(crate) use rule::{Freq, MONTH_NAMES, Rule, Skip, Until, WeekdayNum};
pub(crate) use run::Run;
pub use set::{Checkpoint, Recurrence};
