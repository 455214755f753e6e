//! Every zone, every clock change from 1970 to 2037: what daily, hourly and quarter-hourly schedules do around it, beside
//! an evaluator that walks minute by minute and knows nothing but the zone's offsets.
//!
//! What must hold, for RRULE and cron:
//! - occurrences ascend strictly, so none is doubled;
//! - a daily time occurs once for each day: on the wall clock as written where it exists, the first time where it exists
//!   twice, and in a gap where the documentation says (RFC 5545: as far after the gap as it was in it; cron: at the first
//!   instant after it);
//! - hourly and quarter-hourly schedules follow elapsed time.

use std::collections::BTreeMap;

use chrono::{DateTime, Duration, NaiveDateTime, NaiveTime, Offset as _, TimeZone, Utc};
use chrono_tz::Tz;
use ordinaut_schedule::{Timetable, Zone};

use crate::support::at;

/// A change of a zone's offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Change {
    /// The first instant with the new offset.
    at: DateTime<Utc>,
    /// Seconds east of UTC.
    before: i32,
    after: i32,
}

fn offset(tz: Tz, instant: DateTime<Utc>) -> i32 {
    tz.offset_from_utc_datetime(&instant.naive_utc())
        .fix()
        .local_minus_utc()
}

fn local(tz: Tz, instant: DateTime<Utc>) -> NaiveDateTime {
    instant.with_timezone(&tz).naive_local()
}

/// All changes from 1970 to 2037: looked for every three days, then halved down to the second. Two within three days are
/// not compared anyway (see [`stands_alone`]).
fn changes(tz: Tz) -> Vec<Change> {
    let end = at("2038-01-01T00:00:00Z");
    let mut found = Vec::new();
    let mut from = at("1970-01-01T00:00:00Z");
    while from < end {
        let to = from + Duration::days(3);
        let (before, after) = (offset(tz, from), offset(tz, to));
        if before != after {
            let (mut low, mut high) = (from, to);
            while high - low > Duration::seconds(1) {
                let middle = low + Duration::seconds((high - low).num_seconds() / 2);
                if offset(tz, middle) == before {
                    low = middle;
                } else {
                    high = middle;
                }
            }
            found.push(Change {
                at: high,
                before,
                after,
            });
        }
        from = to;
    }
    found
}

/// Zones with different changes, each once: most names are aliases of each other.
fn zones() -> Vec<(Tz, Vec<Change>)> {
    let mut different = BTreeMap::new();
    for tz in chrono_tz::TZ_VARIANTS {
        let found = changes(tz);
        different.entry(found).or_insert(tz);
    }
    different.into_iter().map(|(found, tz)| (tz, found)).collect()
}

/// Minutes of the wall clock around a change that lie in a gap (and beside it), in a fold, and at midnight.
fn interesting_times(change: &Change) -> Vec<NaiveTime> {
    let wall_before = (change.at + Duration::seconds(i64::from(change.before))).naive_utc();
    let wall_after = (change.at + Duration::seconds(i64::from(change.after))).naive_utc();
    let mut times = vec![NaiveTime::MIN, wall_before.time(), wall_after.time()];
    times.push((wall_before + (wall_after - wall_before) / 2).time());
    times.push((wall_before + Duration::minutes(15)).time());
    times.push((wall_after - Duration::minutes(1)).time());
    for time in &mut times {
        *time = whole_minute(*time);
    }
    times.sort();
    times.dedup();
    times
}

fn whole_minute(time: NaiveTime) -> NaiveTime {
    use chrono::Timelike as _;
    NaiveTime::from_hms_opt(time.hour(), time.minute(), 0).expect("a time")
}

enum Rule {
    Rfc5545,
    Debian,
}

/// When the wall clock shows `civil`, read without the code under test.
fn resolve(tz: Tz, civil: NaiveDateTime, change: &Change, rule: &Rule) -> DateTime<Utc> {
    let with = |offset: i32| (civil - Duration::seconds(i64::from(offset))).and_utc();
    // The earliest instant at which the clock shows it.
    let shown = [with(change.before), with(change.after)]
        .into_iter()
        .filter(|instant| local(tz, *instant) == civil)
        .min();
    match (shown, rule) {
        (Some(instant), _) => instant,
        (None, Rule::Rfc5545) => with(change.before),
        (None, Rule::Debian) => change.at,
    }
}

/// Occurrences in the day before and after the change.
fn found(table: &Timetable, from: DateTime<Utc>, to: DateTime<Utc>) -> Vec<DateTime<Utc>> {
    table
        .between(from, to, 1_000, false)
        .unwrap()
        .iter()
        .map(|occurrence| occurrence.at)
        .collect()
}

/// A daily schedule occurs on each of the days around a change as it should.
fn check_daily(tz: Tz, change: &Change, time: NaiveTime, table: &Timetable, rule: &Rule, what: &str) {
    let middle = (change.at + Duration::seconds(i64::from(change.before)))
        .naive_utc()
        .date();
    let days = [-2, -1, 0, 1, 2].map(|day| middle + Duration::days(day));
    let mut expected: Vec<DateTime<Utc>> = days
        .iter()
        .map(|day| resolve(tz, day.and_time(time), change, rule))
        .collect();
    // Two days' times may meet at the end of a gap: an instant is one occurrence.
    expected.sort();
    expected.dedup();
    let (first, last) = (expected[0], expected[expected.len() - 1]);
    let found = found(table, first, last + Duration::seconds(1));
    assert_eq!(found, expected, "{tz}, {change:?}, {what} at {time}");
}

/// A schedule that follows elapsed time occurs at each minute that `matches` its local reading.
fn check_elapsed(tz: Tz, change: &Change, table: &Timetable, matches: impl Fn(NaiveDateTime) -> bool, what: &str) {
    let around = Duration::seconds(i64::from((change.after - change.before).abs())) + Duration::hours(2);
    let around = around.min(Duration::hours(5));
    let (from, to) = (change.at - around, change.at + around);
    let mut expected = Vec::new();
    let mut minute = DateTime::from_timestamp(from.timestamp().div_euclid(60) * 60, 0).expect("a time");
    while minute < to {
        if minute >= from && matches(local(tz, minute)) {
            expected.push(minute);
        }
        minute += Duration::minutes(1);
    }
    assert_eq!(found(table, from, to), expected, "{tz}, {change:?}, {what}");
}

/// Two changes within a few days (Ramadan in Morocco is a month apart; some wartime rules and mistakes are not) would need
/// an evaluator that knows both.
fn stands_alone(all: &[Change], index: usize) -> bool {
    let apart = |a: Change, b: Change| (b.at - a.at) > Duration::days(4);
    (index == 0 || apart(all[index - 1], all[index])) && (index + 1 == all.len() || apart(all[index], all[index + 1]))
}

fn is_whole_minutes(change: &Change) -> bool {
    change.at.timestamp() % 60 == 0 && change.before % 60 == 0 && change.after % 60 == 0
}

/// One of `SHARDS` parts of all zones.
fn each_change(shard: usize, check: impl Fn(Tz, Zone, &Change)) {
    let (mut checked, mut left_out) = (0, 0);
    for (tz, all) in zones().into_iter().skip(shard).step_by(SHARDS) {
        let zone = Zone::parse(tz.name()).unwrap();
        for (index, change) in all.iter().enumerate() {
            if stands_alone(&all, index) && is_whole_minutes(change) {
                check(tz, zone, change);
                checked += 1;
            } else {
                left_out += 1;
            }
        }
    }
    eprintln!("{checked} changes of clocks; {left_out} that are seconds or days apart left to the other tests");
    assert!(
        checked > 500 && left_out * 20 < checked,
        "{checked} checked, {left_out} left out"
    );
}

const SHARDS: usize = 4;

fn daily_schedules(shard: usize) {
    each_change(shard, |tz, zone, change| {
        for time in interesting_times(change) {
            let start = (local(tz, change.at) - Duration::days(40)).date().and_time(time);
            let text = format!("DTSTART:{}\nRRULE:FREQ=DAILY", start.format("%Y%m%dT%H%M%S"));
            let rrule = Timetable::rrule(&text, at("1970-01-01T00:00:00Z"), zone, None).unwrap();
            check_daily(tz, change, time, &rrule, &Rule::Rfc5545, "RRULE");
            let cron = Timetable::cron(&time.format("%-M %-H * * *").to_string(), zone, None).unwrap();
            check_daily(tz, change, time, &cron, &Rule::Debian, "cron");
        }
    });
}

fn elapsed_schedules(shard: usize) {
    use chrono::Timelike as _;
    each_change(shard, |tz, zone, change| {
        for (expr, every) in [("0 * * * *", 60), ("*/15 * * * *", 15)] {
            let cron = Timetable::cron(expr, zone, None).unwrap();
            check_elapsed(tz, change, &cron, |clock| clock.minute() % every == 0, expr);
        }
        // Elapsed time from DTSTART: the wall clock's minute may be another after a change by half an hour.
        let start = change.at - Duration::days(3);
        for (rule, minutes) in [("FREQ=HOURLY", 60), ("FREQ=MINUTELY;INTERVAL=15", 15)] {
            let rrule = Timetable::rrule(rule, start, zone, None).unwrap();
            let (from, to) = (change.at - Duration::hours(5), change.at + Duration::hours(5));
            let expected: Vec<DateTime<Utc>> = (0..)
                .map(|n| start + Duration::minutes(minutes * n))
                .skip_while(|instant| *instant < from)
                .take_while(|instant| *instant < to)
                .collect();
            assert_eq!(found(&rrule, from, to), expected, "{tz}, {change:?}, {rule}");
        }
    });
}

macro_rules! shards {
    ($($name:ident = $check:ident($shard:literal);)*) => {
        $(#[test] fn $name() { $check($shard); })*
    };
}

shards! {
    daily_schedules_in_a_quarter_of_all_zones_a = daily_schedules(0);
    daily_schedules_in_a_quarter_of_all_zones_b = daily_schedules(1);
    daily_schedules_in_a_quarter_of_all_zones_c = daily_schedules(2);
    daily_schedules_in_a_quarter_of_all_zones_d = daily_schedules(3);
    elapsed_schedules_in_a_quarter_of_all_zones_a = elapsed_schedules(0);
    elapsed_schedules_in_a_quarter_of_all_zones_b = elapsed_schedules(1);
    elapsed_schedules_in_a_quarter_of_all_zones_c = elapsed_schedules(2);
    elapsed_schedules_in_a_quarter_of_all_zones_d = elapsed_schedules(3);
}
