//! A definition's schedule: from its text to a timetable.

use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use ordinaut_schedule::{DstPolicy, ScheduleError, Timetable, Zone};

use super::{ScheduleKind, Task, TaskDefinition};
use crate::Violation;

impl TaskDefinition {
    /// The timetable of a task that is driven by time. Fails only for kinds that have none, and for a definition
    /// that has not been validated.
    pub fn timetable(&self) -> Result<Timetable, Violation> {
        let zone = Zone::parse(&self.timezone).map_err(|error| violation("/timezone", &error))?;
        // Stored rules carry their DTSTART; the anchor only matters for those that were never validated.
        let anchor = self.starts_at.unwrap_or(DateTime::UNIX_EPOCH);
        read(self.schedule_kind, &self.schedule_expr, anchor, zone, self.dst)
    }
}

impl Task {
    /// See [`TaskDefinition::timetable`].
    pub fn timetable(&self) -> Result<Timetable, Violation> {
        self.definition.timetable()
    }
}

/// Whether two definitions have the same occurrences, so that a task that goes from one to the other keeps its place.
pub fn is_same_schedule(a: &TaskDefinition, b: &TaskDefinition) -> bool {
    let same_times = a.schedule_kind == b.schedule_kind
        && a.schedule_expr == b.schedule_expr
        && a.timezone == b.timezone
        && a.dst == b.dst;
    // A single time that has passed must not happen again because its limits were edited.
    let same_limits = a.starts_at == b.starts_at
        && a.ends_at == b.ends_at
        && a.max_runs == b.max_runs
        && a.jitter_seconds == b.jitter_seconds;
    same_times && (same_limits || a.schedule_kind == ScheduleKind::Once)
}

pub(super) fn read(
    kind: ScheduleKind,
    expr: &str,
    anchor: DateTime<Utc>,
    zone: Zone,
    dst: Option<DstPolicy>,
) -> Result<Timetable, Violation> {
    let timetable = match kind {
        ScheduleKind::Cron => Timetable::cron(expr, zone, dst),
        ScheduleKind::Rrule => Timetable::rrule(expr, anchor, zone, dst),
        ScheduleKind::Once => Timetable::once(expr, zone, dst),
        ScheduleKind::Event | ScheduleKind::Condition => {
            return Err(Violation::new("/schedule_kind", "not_supported_yet", NOT_YET));
        }
    };
    timetable.map_err(|error| violation("/schedule_expr", &error))
}

pub(super) const NOT_YET: &str =
    "tasks that are started by an event or a condition are not supported yet; use cron, rrule or once";

pub(super) fn violation(pointer: &str, error: &ScheduleError) -> Violation {
    Violation::new(pointer, error.code, error.to_string())
}

/// Whether a rule says where it begins.
pub(super) fn has_start(rule: &str) -> bool {
    lines(rule).any(|line| line.get(..7).is_some_and(|name| name.eq_ignore_ascii_case("DTSTART")))
}

/// The lines of a rule without those that say where it begins, for comparing rules that were anchored apart.
pub(super) fn without_start(rule: &str) -> Vec<String> {
    lines(rule)
        .filter(|line| !line.get(..7).is_some_and(|name| name.eq_ignore_ascii_case("DTSTART")))
        .map(str::to_ascii_uppercase)
        .map(|line| line.strip_prefix("RRULE:").map_or(line.clone(), str::to_owned))
        .collect()
}

fn lines(rule: &str) -> impl Iterator<Item = &str> {
    rule.split('\n')
        .flat_map(|line| line.split("\\n"))
        .map(str::trim)
        .filter(|line| !line.is_empty())
}

/// Where a rule without DTSTART begins when it is given at `now`: the next whole second, so that this first
/// occurrence is not past already. A rule that names an hour but no minute, or an hour or minute but no second, begins
/// with the next whole hour or minute: `FREQ=DAILY;BYHOUR=8` means 08:00:00, not the minute and second in which
/// somebody pressed a key.
pub fn anchor(rule: &str, now: DateTime<Utc>, zone: Zone) -> DateTime<Utc> {
    let upper = rule.to_ascii_uppercase();
    let unit = match (
        upper.contains("BYHOUR="),
        upper.contains("BYMINUTE="),
        upper.contains("BYSECOND="),
    ) {
        (true, false, _) => TimeDelta::hours(1),
        (_, true, false) => TimeDelta::minutes(1),
        _ => TimeDelta::seconds(1),
    };
    // Rounded by the local clock: some zones differ from UTC by parts of an hour.
    let local = now.with_timezone(&zone.tz());
    let floor = local
        .naive_local()
        .duration_trunc(unit)
        .unwrap_or_else(|_| local.naive_local());
    now - (local.naive_local() - floor) + unit
}
