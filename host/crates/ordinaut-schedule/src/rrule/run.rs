//! One rule, anchored at DTSTART in a zone, as a row of occurrences.

use super::count::{Counted, Counter, elapsed_at_or_after, elapsed_at_or_before};
use super::elapsed::ElapsedRule;
use super::rule::{Freq, Rule, Skip, Until, midnight};
use super::seek::CivilRule;
use crate::civil::{DAY, Date, days_in_month, split};
use crate::resolve::{DstPolicy, Exhausted, Fold, Gap, Hit, Resolver, elapsed_hit};
use crate::times::Times;
use crate::zone::Zone;

/// No offset, and no gap, is longer than this many seconds: a civil time is within it of its reading as UTC.
pub(super) const MAX_SHIFT: i64 = 2 * DAY;

/// One anchored rule.
#[derive(Debug, Clone)]
pub(crate) struct Run {
    pub(crate) rule: Rule,
    /// The times of day of a daily-or-coarser rule.
    pub(crate) times: Times,
    /// DTSTART's day, which an unnamed day is taken from.
    pub(crate) start: i64,
    engine: Engine,
    resolver: Resolver,
    /// UNTIL as an instant; no occurrence is later.
    until: i64,
    /// The position before the first member, for counting.
    count_from: i64,
}

#[derive(Debug, Clone)]
enum Engine {
    Civil(CivilRule),
    Elapsed(ElapsedRule, Zone),
}

impl Run {
    pub(crate) fn new(rule: Rule, start: i64, zone: Zone, resolver: Resolver) -> Self {
        let second_of_day = split(start).1;
        let or = |mask: u64, otherwise: u32| if mask == 0 { 1 << otherwise } else { mask };
        let times = Times {
            hours: or(rule.by_hour, second_of_day / 3600),
            minutes: or(rule.by_minute, second_of_day / 60 % 60),
            seconds: or(rule.by_second, second_of_day % 60),
        };
        // The elapsed grid begins at an instant: DTSTART read as RFC 5545 says, whatever the policy for occurrences.
        let readings = Resolver::new(zone, DstPolicy::RFC5545).readings(start);
        let start_at = readings.first().map_or(start, |hit| hit.at);
        let last_civil = match rule.until {
            Some(Until::Local(civil)) => Some(civil),
            Some(Until::Day(day)) => Some(midnight(day) + DAY - 1),
            // Only a bound: the instant itself decides.
            Some(Until::Utc(at)) => Some(at + MAX_SHIFT),
            None => None,
        };
        let (engine, until, count_from) = match rule.freq.seconds() {
            None => {
                let until = if let Some(Until::Utc(at)) = rule.until {
                    at
                } else {
                    i64::MAX
                };
                (
                    Engine::Civil(CivilRule::new(&rule, start, times, last_civil)),
                    until,
                    start,
                )
            }
            Some(unit) => {
                let until = match (rule.until, last_civil) {
                    (Some(Until::Utc(at)), _) => at,
                    (_, Some(civil)) => {
                        let policy = DstPolicy {
                            gap: Gap::FirstAfter,
                            fold: Fold::Second,
                        };
                        Resolver::new(zone, policy)
                            .readings(civil)
                            .first()
                            .map_or(civil, |hit| hit.at)
                    }
                    _ => i64::MAX,
                };
                let local = elapsed_hit(zone.offsets(), start_at).civil;
                (
                    Engine::Elapsed(ElapsedRule::new(&rule, unit, start_at, local, zone), zone),
                    until,
                    start_at,
                )
            }
        };
        Self {
            rule,
            times,
            start,
            engine,
            resolver,
            until,
            count_from,
        }
    }

    pub(crate) fn counter(&self) -> Option<Counter> {
        self.rule.count.map(|limit| Counter::new(limit, self.count_from))
    }

    pub(crate) fn next(&self, from: i64, counter: Option<&mut Counter>) -> Result<Option<Hit>, Exhausted> {
        if from > self.until {
            return Ok(None);
        }
        let found = match &self.engine {
            Engine::Civil(rule) => self.resolver.at_or_after(
                &mut Counted {
                    rule,
                    resolver: &self.resolver,
                    counter,
                },
                from,
            )?,
            Engine::Elapsed(rule, zone) => {
                elapsed_at_or_after(rule, counter, from)?.map(|at| elapsed_hit(zone.offsets(), at))
            }
        };
        Ok(found.filter(|hit| hit.at <= self.until))
    }

    pub(crate) fn prev(&self, to: i64, counter: Option<&mut Counter>) -> Result<Option<Hit>, Exhausted> {
        let to = to.min(self.until);
        match &self.engine {
            Engine::Civil(rule) => self.resolver.at_or_before(
                &mut Counted {
                    rule,
                    resolver: &self.resolver,
                    counter,
                },
                to,
            ),
            Engine::Elapsed(rule, zone) => {
                Ok(elapsed_at_or_before(rule, counter, to)?.map(|at| elapsed_hit(zone.offsets(), at)))
            }
        }
    }

    /// The occurrences that gaps swallow under `Gap::Skip`.
    pub(crate) fn skipped(
        &self,
        from: i64,
        to: i64,
        limit: usize,
        counter: Option<&mut Counter>,
    ) -> Result<Vec<Hit>, Exhausted> {
        let Engine::Civil(rule) = &self.engine else {
            return Ok(Vec::new());
        };
        let mut source = Counted {
            rule,
            resolver: &self.resolver,
            counter,
        };
        self.resolver
            .skipped(&mut source, from, to.min(self.until.saturating_add(1)), limit)
    }

    pub(crate) fn ends_before_start(&self, start: i64) -> bool {
        match self.rule.until {
            Some(Until::Local(civil)) => civil < start,
            Some(Until::Day(day)) => midnight(day) + DAY <= start,
            Some(Until::Utc(at)) => at < self.resolver.readings(start).first().map_or(start, |hit| hit.at),
            None => false,
        }
    }

    pub(crate) fn fires_more_than_once_a_minute(&self) -> bool {
        let one_second_of_minute = self.rule.by_second.is_power_of_two();
        match self.rule.freq {
            Freq::Secondly => self.rule.interval < 60 && !one_second_of_minute,
            _ => self.rule.by_second.count_ones() > 1 && self.rule.by_set_pos.len() != 1,
        }
    }

    /// The one day of the month that the rule names and that not all of its months have.
    pub(crate) fn sometimes_missing_day(&self) -> Option<i32> {
        if self.rule.freq != Freq::Monthly || self.rule.skip != Skip::Omit || !self.rule.by_day.is_empty() {
            return None;
        }
        let day = match self.rule.by_month_day.as_slice() {
            [] => Date::from_days(split(self.start).0).day as i32,
            [day] => *day,
            _ => return None,
        };
        let shortest = |month: u32| days_in_month(2001, month) as i32;
        let missing = (1..=12)
            .any(|month| (self.rule.by_month == 0 || self.rule.by_month >> month & 1 == 1) && shortest(month) < day);
        missing.then_some(day)
    }
}
