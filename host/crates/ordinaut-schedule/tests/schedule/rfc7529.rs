//! SKIP with RSCALE=GREGORIAN, with the examples of RFC 7529 §4.

use crate::support::{nominal, rrule};

fn days(start: &str, rule: &str, count: usize) -> Vec<String> {
    let table = rrule(&format!("DTSTART:{start}T090000Z\nRRULE:{rule}"), "UTC");
    nominal(&table, count)
        .into_iter()
        .map(|time| time.replace(" 09:00", ""))
        .collect()
}

#[test]
fn the_31st_can_fall_back_to_the_last_day_of_the_month() {
    assert_eq!(
        days("20140131", "RSCALE=GREGORIAN;FREQ=MONTHLY;SKIP=BACKWARD;COUNT=4", 9),
        ["2014-01-31", "2014-02-28", "2014-03-31", "2014-04-30"]
    );
    assert_eq!(
        days("20140131", "RSCALE=GREGORIAN;FREQ=MONTHLY;SKIP=FORWARD;COUNT=4", 9),
        ["2014-01-31", "2014-03-01", "2014-03-31", "2014-05-01"]
    );
    assert_eq!(
        days("20140131", "RSCALE=GREGORIAN;FREQ=MONTHLY;SKIP=OMIT;COUNT=4", 9),
        ["2014-01-31", "2014-03-31", "2014-05-31", "2014-07-31"]
    );
}

#[test]
fn leap_day_birthdays() {
    assert_eq!(
        days("20160229", "RSCALE=GREGORIAN;FREQ=YEARLY;SKIP=FORWARD", 5),
        ["2016-02-29", "2017-03-01", "2018-03-01", "2019-03-01", "2020-02-29"]
    );
    assert_eq!(
        days("20160229", "RSCALE=GREGORIAN;FREQ=YEARLY;SKIP=BACKWARD", 3),
        ["2016-02-29", "2017-02-28", "2018-02-28"]
    );
    assert_eq!(
        days("20160229", "FREQ=YEARLY", 3),
        ["2016-02-29", "2020-02-29", "2024-02-29"]
    );
}

#[test]
fn what_skips_forward_into_the_next_period_keeps_its_place_and_merges() {
    assert_eq!(
        days(
            "20260101",
            "RSCALE=GREGORIAN;FREQ=MONTHLY;BYMONTHDAY=1,31;SKIP=FORWARD",
            7
        ),
        [
            "2026-01-01",
            "2026-01-31",
            "2026-02-01",
            "2026-03-01",
            "2026-03-31",
            "2026-04-01",
            "2026-05-01"
        ]
    );
    // With an interval, the overflow falls between two periods.
    assert_eq!(
        days(
            "20260228",
            "RSCALE=GREGORIAN;FREQ=MONTHLY;INTERVAL=2;BYMONTHDAY=31;SKIP=FORWARD",
            4
        ),
        ["2026-03-01", "2026-05-01", "2026-07-01", "2026-08-31"]
    );
    assert_eq!(
        days(
            "20260101",
            "RSCALE=GREGORIAN;FREQ=MONTHLY;BYMONTHDAY=30,31;BYSETPOS=-1;SKIP=FORWARD",
            4
        ),
        ["2026-01-31", "2026-03-01", "2026-03-31", "2026-05-01"]
    );
}

#[test]
fn skipping_makes_the_impossible_possible() {
    assert_eq!(
        days(
            "20260101",
            "RSCALE=GREGORIAN;FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30;SKIP=BACKWARD",
            3
        ),
        ["2026-02-28", "2027-02-28", "2028-02-29"]
    );
}
