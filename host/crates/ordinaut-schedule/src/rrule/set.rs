//! A recurrence set: rules, single dates, and what is taken out of them.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::count::Counter;
use super::parse::{Parsed, Stamp, rule_set};
use super::rule::{Rule, midnight};
use super::run::{MAX_SHIFT, Run};
use super::spelling::normalized;
use crate::civil::{Date, FIRST_SECOND, LAST_SECOND, split};
use crate::error::{ScheduleError, Warning, check_length};
use crate::resolve::{DstPolicy, Exhausted, Fold, Gap, Hit, Remark, Resolver, elapsed_hit};
use crate::zone::Zone;

/// Consecutive occurrences that exceptions may remove before a search gives up. Excluded days are passed over at once
/// and count as one.
const MAX_EXCLUDED: u32 = 20_000;

/// A recurrence schedule.
#[derive(Debug, Clone)]
pub struct Recurrence {
    zone: Zone,
    resolver: Resolver,
    /// DTSTART in civil seconds of `zone`.
    start: i64,
    pub(crate) rules: Vec<Run>,
    ex_rules: Vec<Run>,
    /// RDATEs, ascending, each instant once.
    pub(crate) dates: Vec<Hit>,
    /// RDATEs in gaps that the policy skips.
    skipped_dates: Vec<Hit>,
    pub(crate) ex_instants: Vec<i64>,
    /// Whole days and the zone in which they are days.
    pub(crate) ex_days: Vec<(i64, Zone)>,
    normalized: String,
    fingerprint: u32,
    warnings: Vec<Warning>,
}

/// How far the rules with COUNT have been counted. Opaque; keep it beside the schedule and give it back to
/// [`Timetable::next_after`](crate::Timetable::next_after). One from another schedule, or a damaged one, is ignored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// Of the schedule's normalised text and policy.
    schedule: u32,
    /// Position and count of each rule with COUNT, by its place among rules and exception rules.
    counted: Vec<(usize, i64, u64)>,
}

/// Counters of all rules, exception rules after rules.
type Counters = Vec<Option<Counter>>;

impl Recurrence {
    pub(crate) fn parse(
        text: &str,
        anchor: DateTime<Utc>,
        zone: Zone,
        policy: DstPolicy,
    ) -> Result<Self, ScheduleError> {
        check_length(text)?;
        let parsed = rule_set(text)?;
        let anchor = anchor
            .timestamp()
            .clamp(FIRST_SECOND + MAX_SHIFT, LAST_SECOND - MAX_SHIFT);
        let (start, zone, mut warnings) = anchored(&parsed, anchor, zone);
        let resolver = Resolver::new(zone, policy);
        let run = |rule: &Rule| Run::new(rule.clone(), start, zone, resolver);
        let mut set = Self {
            zone,
            resolver,
            start,
            rules: parsed.rules.iter().map(run).collect(),
            ex_rules: parsed.ex_rules.iter().map(run).collect(),
            dates: Vec::new(),
            skipped_dates: Vec::new(),
            ex_instants: Vec::new(),
            ex_days: Vec::new(),
            normalized: normalized(&parsed, start, zone),
            fingerprint: 0,
            warnings: Vec::new(),
        };
        set.fingerprint = fingerprint(&set.normalized, policy);
        set.add_dates(&parsed);
        set.add_exceptions(&parsed);
        set.refuse_never(text, &parsed)?;
        set.warn(&parsed, &mut warnings);
        set.warnings = warnings;
        Ok(set)
    }

    pub(crate) fn zone(&self) -> Zone {
        self.zone
    }

    pub(crate) fn normalized(&self) -> &str {
        &self.normalized
    }

    pub(crate) fn warnings(&self) -> &[Warning] {
        &self.warnings
    }

    /// The first occurrence at or after an instant, and the counters afterwards.
    pub(crate) fn next(
        &self,
        from: i64,
        checkpoint: Option<&Checkpoint>,
    ) -> Result<Option<(Hit, Option<Checkpoint>)>, Exhausted> {
        let mut counters = self.counters(checkpoint);
        let found = self.next_counted(from, &mut counters)?;
        Ok(found.map(|hit| (hit, self.checkpoint(&counters))))
    }

    /// The last occurrence at or before an instant.
    pub(crate) fn prev(&self, to: i64) -> Result<Option<Hit>, Exhausted> {
        let mut counters = self.counters(None);
        let mut to = to;
        for _ in 0..MAX_EXCLUDED {
            let mut best: Option<Hit> = None;
            let mut exhausted = None;
            for (run, counter) in self.rules.iter().zip(&mut counters) {
                match run.prev(to, counter.as_mut()) {
                    Ok(Some(hit)) if best.is_none_or(|best| hit.at > best.at) => best = Some(hit),
                    Ok(_) => {}
                    Err(error) => exhausted = Some(error),
                }
            }
            let date = self
                .dates
                .partition_point(|date| date.at <= to)
                .checked_sub(1)
                .and_then(|i| self.dates.get(i));
            if let Some(date) = date.filter(|date| best.is_none_or(|best| date.at > best.at)) {
                best = Some(*date);
            }
            match (best, exhausted) {
                (Some(hit), _) => match self.excluded(hit.at, &mut counters) {
                    None => return Ok(Some(hit)),
                    Some(whole) => to = whole.start.min(hit.at) - 1,
                },
                (None, Some(error)) => return Err(error),
                (None, None) => return Ok(None),
            }
        }
        Err(Exhausted(to))
    }

    /// The occurrences that gaps swallow under `Gap::Skip`, over `from..to`, ascending.
    pub(crate) fn skipped(&self, from: i64, to: i64, limit: usize) -> Result<Vec<Hit>, Exhausted> {
        let mut skipped = Vec::new();
        let mut counters = self.counters(None);
        for (run, counter) in self.rules.iter().zip(&mut counters) {
            skipped.extend(run.skipped(from, to, limit, counter.as_mut())?);
        }
        skipped.extend(self.skipped_dates.iter().filter(|hit| (from..to).contains(&hit.at)));
        skipped.sort_unstable_by_key(|hit| hit.at);
        skipped.dedup_by_key(|hit| hit.at);
        skipped.retain(|hit| self.excluded(hit.at, &mut counters).is_none());
        skipped.truncate(limit);
        Ok(skipped)
    }

    fn next_counted(&self, from: i64, counters: &mut Counters) -> Result<Option<Hit>, Exhausted> {
        let mut from = from;
        for _ in 0..MAX_EXCLUDED {
            let mut best = self
                .dates
                .get(self.dates.partition_point(|date| date.at < from))
                .copied();
            let mut exhausted = None;
            for (run, counter) in self.rules.iter().zip(counters.iter_mut()) {
                match run.next(from, counter.as_mut()) {
                    Ok(Some(hit)) if best.is_none_or(|best| hit.at < best.at) => best = Some(hit),
                    Ok(_) => {}
                    Err(error) => exhausted = Some(error),
                }
            }
            match (best, exhausted) {
                (Some(hit), _) => match self.excluded(hit.at, counters) {
                    None => return Ok(Some(hit)),
                    Some(whole) => from = whole.end.max(hit.at + 1),
                },
                (None, Some(error)) => return Err(error),
                (None, None) => return Ok(None),
            }
        }
        Err(Exhausted(from))
    }

    /// The stretch of excluded time around an instant, if it is excluded: at least the instant itself.
    fn excluded(&self, at: i64, counters: &mut Counters) -> Option<std::ops::Range<i64>> {
        let excluded_day = self
            .ex_days
            .iter()
            .find(|(day, zone)| split(at + zone.offsets().offset_at(at)).0 == *day);
        if let Some((day, zone)) = excluded_day {
            let resolver = Resolver::new(*zone, DstPolicy::CRON);
            let begin = |day: i64| resolver.readings(midnight(day)).first().map_or(at, |hit| hit.at);
            return Some(begin(*day)..begin(day + 1));
        }
        let tail = counters.iter_mut().skip(self.rules.len());
        let is_excluded = self.ex_instants.binary_search(&at).is_ok()
            || self
                .ex_rules
                .iter()
                .zip(tail)
                .any(|(run, counter)| matches!(run.next(at, counter.as_mut()), Ok(Some(hit)) if hit.at == at));
        is_excluded.then_some(at..at + 1)
    }

    fn counters(&self, checkpoint: Option<&Checkpoint>) -> Counters {
        let mut counters: Counters = self.rules.iter().chain(&self.ex_rules).map(Run::counter).collect();
        let known = checkpoint.filter(|checkpoint| checkpoint.schedule == self.fingerprint);
        for (index, position, used) in known.into_iter().flat_map(|checkpoint| &checkpoint.counted) {
            if let Some(Some(counter)) = counters.get_mut(*index)
                && *used <= counter.limit
                && (counter.position..=LAST_SECOND).contains(position)
            {
                (counter.position, counter.used) = (*position, *used);
            }
        }
        counters
    }

    fn checkpoint(&self, counters: &Counters) -> Option<Checkpoint> {
        let counted: Vec<(usize, i64, u64)> = counters
            .iter()
            .enumerate()
            .filter_map(|(index, counter)| counter.map(|counter| (index, counter.position, counter.used)))
            .collect();
        (!counted.is_empty()).then_some(Checkpoint {
            schedule: self.fingerprint,
            counted,
        })
    }

    fn add_dates(&mut self, parsed: &Parsed) {
        let start_time = i64::from(split(self.start).1);
        for stamp in &parsed.rdates {
            self.add_date(*stamp, start_time);
        }
        if parsed.rules.is_empty() && parsed.start.is_some() {
            self.add_date(Stamp::Local(self.start, Some(self.zone)), start_time);
        }
        self.dates.sort_by_key(|hit| hit.at);
        self.dates.dedup_by_key(|hit| hit.at);
    }

    fn add_date(&mut self, stamp: Stamp, start_time: i64) {
        let (civil, zone) = match stamp {
            Stamp::Utc(at) => return self.dates.push(elapsed_hit(self.zone.offsets(), at)),
            Stamp::Local(civil, zone) => (civil, zone.unwrap_or(self.zone)),
            Stamp::Day(day, zone) => (midnight(day) + start_time, zone.unwrap_or(self.zone)),
        };
        let readings = Resolver::new(zone, self.resolver.policy()).readings(civil);
        if readings.is_empty() {
            let policy = DstPolicy {
                gap: Gap::Shift,
                ..self.resolver.policy()
            };
            let skipped = Resolver::new(zone, policy).readings(civil).into_iter();
            self.skipped_dates.extend(skipped.map(|hit| Hit {
                remark: Some(Remark::GapSkipped),
                ..hit
            }));
        }
        self.dates.extend(readings);
    }

    fn add_exceptions(&mut self, parsed: &Parsed) {
        // An exception names all instants that its local time can mean here: the moved one and both of a fold.
        for stamp in &parsed.exdates {
            match *stamp {
                Stamp::Utc(at) => self.ex_instants.push(at),
                Stamp::Day(day, zone) => self.ex_days.push((day, zone.unwrap_or(self.zone))),
                Stamp::Local(civil, zone) => {
                    let zone = zone.unwrap_or(self.zone);
                    let gap = if self.resolver.policy().gap == Gap::Skip {
                        Gap::Shift
                    } else {
                        self.resolver.policy().gap
                    };
                    let readings = Resolver::new(zone, DstPolicy { gap, fold: Fold::Both }).readings(civil);
                    self.ex_instants.extend(readings.iter().map(|hit| hit.at));
                }
            }
        }
        self.ex_instants.sort_unstable();
        self.ex_instants.dedup();
    }

    fn refuse_never(&self, text: &str, parsed: &Parsed) -> Result<(), ScheduleError> {
        let span = 0..text.len();
        if self.dates.is_empty()
            && let [only] = parsed.rules.as_slice()
            && let Some(reason) = only.impossible_date()
        {
            return Err(
                ScheduleError::new("never_fires", format!("the rule never fires: {reason}"))
                    .at(span)
                    .suggest(
                        "BYMONTHDAY=-1 is the last day of a month; RSCALE=GREGORIAN with SKIP=BACKWARD moves to it",
                    ),
            );
        }
        let mut counters = self.counters(None);
        let error = match self.next_counted(FIRST_SECOND, &mut counters) {
            Ok(Some(_)) => return Ok(()),
            Ok(None) if self.rules.iter().any(|run| run.ends_before_start(self.start)) => {
                ScheduleError::new("never_fires", "the rule never fires: UNTIL is before DTSTART")
                    .suggest("choose a later UNTIL")
            }
            Ok(None) => ScheduleError::new(
                "never_fires",
                "the rule never fires: no date up to its end matches all of its parts",
            ),
            Err(Exhausted(until)) => ScheduleError::new(
                "never_fires",
                format!(
                    "the rule never fires: nothing before the year {} matches all of its parts",
                    Date::from_days(split(until).0).year
                ),
            ),
        };
        Err(error.at(span))
    }

    fn warn(&self, parsed: &Parsed, warnings: &mut Vec<Warning>) {
        if parsed.start.is_some() && !parsed.rules.is_empty() && self.resolver.policy().gap != Gap::Skip {
            let starts: Vec<i64> = self.resolver.readings(self.start).iter().map(|hit| hit.at).collect();
            let first = starts.first().copied().unwrap_or(self.start);
            let mut counters = self.counters(None);
            let rules = self.rules.iter().zip(&mut counters);
            let matches = rules
                .map(|(run, counter)| run.next(first, counter.as_mut()))
                .any(|next| matches!(next, Ok(Some(hit)) if hit.at == first));
            if !matches {
                warnings.push(Warning::new(
                    "dtstart_not_an_occurrence",
                    "DTSTART does not match the rule, so it is not an occurrence itself.",
                ));
            }
        }
        if self.rules.iter().any(Run::fires_more_than_once_a_minute) {
            warnings.push(Warning::new(
                "fires_more_than_once_a_minute",
                "The rule fires more than once a minute.",
            ));
        }
        for run in &self.rules {
            if let Some(day) = run.sometimes_missing_day() {
                warnings.push(Warning::new(
                    "skips_short_months",
                    format!(
                        "Some months have no day {day}, and the rule does not fire in them. BYMONTHDAY=-1 is the last day of \
                         every month; RSCALE=GREGORIAN with SKIP=BACKWARD moves to it."
                    ),
                ));
            }
        }
    }
}

/// DTSTART in civil seconds, the zone of the rules, and what is noteworthy about them.
fn anchored(parsed: &Parsed, anchor: i64, zone: Zone) -> (i64, Zone, Vec<Warning>) {
    let mut warnings = Vec::new();
    let mut replaced = |by: Zone| {
        if by != zone {
            let message = format!("DTSTART is in {by}; the rule follows that zone and not {zone}.");
            warnings.push(Warning::new("zone_from_dtstart", message));
        }
        by
    };
    let (start, zone) = match parsed.start {
        None => (anchor + zone.offsets().offset_at(anchor), zone),
        Some(Stamp::Utc(at)) => (at, replaced(Zone::UTC)),
        Some(Stamp::Local(civil, own)) => (civil, own.map_or(zone, &mut replaced)),
        Some(Stamp::Day(day, own)) => (midnight(day), own.map_or(zone, &mut replaced)),
    };
    (start, zone, warnings)
}

/// FNV-1a of the text and the policy: enough to notice that a checkpoint belongs to something else.
fn fingerprint(text: &str, policy: DstPolicy) -> u32 {
    let policy = [policy.gap as u8, policy.fold as u8];
    text.bytes().chain(policy).fold(0x811c_9dc5, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    })
}
