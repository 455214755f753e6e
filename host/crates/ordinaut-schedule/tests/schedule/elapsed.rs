//! Hourly, minutely and secondly rules.

use crate::support::{after, at, nominal, remarked, rrule};

#[test]
fn hourly_rules_keep_their_distance_over_clock_changes() {
    let table = rrule("DTSTART:20260101T003000\nRRULE:FREQ=HOURLY", "Europe/London");
    assert_eq!(
        remarked(&table, "2026-03-29T00:00:00Z", 3),
        [
            "2026-03-29 00:30+00:00",
            "2026-03-29 02:30+01:00",
            "2026-03-29 03:30+01:00"
        ]
    );
    assert_eq!(
        remarked(&table, "2026-10-25T00:00:00Z", 3),
        [
            "2026-10-25 01:30+01:00 fold_first",
            "2026-10-25 01:30+00:00 fold_second",
            "2026-10-25 02:30+00:00"
        ]
    );
}

#[test]
fn half_hours_over_a_gap_neither_repeat_nor_run_backwards() {
    let table = rrule(
        "DTSTART:20260101T000000\nRRULE:FREQ=MINUTELY;INTERVAL=30",
        "America/New_York",
    );
    assert_eq!(
        after(&table, "2026-03-08T06:15:00Z", 4),
        [
            "2026-03-08 01:30-05:00",
            "2026-03-08 03:00-04:00",
            "2026-03-08 03:30-04:00",
            "2026-03-08 04:00-04:00"
        ]
    );
}

#[test]
fn minutes_of_an_hour_are_those_of_the_wall_clock_also_in_lord_howe() {
    let table = rrule(
        "DTSTART:20260101T000000\nRRULE:FREQ=HOURLY;BYMINUTE=0,30",
        "Australia/Lord_Howe",
    );
    assert_eq!(
        after(&table, "2026-10-03T14:45:00Z", 4),
        [
            "2026-10-04 01:30+10:30",
            "2026-10-04 02:30+11:00",
            "2026-10-04 03:00+11:00",
            "2026-10-04 03:30+11:00"
        ]
    );
    assert_eq!(
        after(&table, "2026-04-04T14:15:00Z", 4),
        [
            "2026-04-05 01:30+11:00",
            "2026-04-05 01:30+10:30",
            "2026-04-05 02:00+10:30",
            "2026-04-05 02:30+10:30"
        ]
    );
}

#[test]
fn the_minutely_rules_that_others_get_wrong() {
    // Every answer must be a multiple of seven minutes from DTSTART.
    let table = rrule(
        "DTSTART:20260101T081500Z\nRRULE:FREQ=MINUTELY;INTERVAL=7;BYHOUR=1,12,16",
        "UTC",
    );
    let start = at("2026-01-01T08:15:00Z");
    for occurrence in table.occurrences(start).take(200) {
        assert_eq!((occurrence.at - start).num_minutes() % 7, 0);
        assert!([1, 12, 16].contains(&(occurrence.nominal.and_utc().timestamp() / 3600 % 24)));
    }
    assert_eq!(nominal(&table, 1), ["2026-01-01 12:06"]);
    let weekly = rrule(
        "DTSTART:20260101T000000Z\nRRULE:FREQ=MINUTELY;BYDAY=SU,SA,MO,TH;BYHOUR=11;BYMINUTE=0",
        "UTC",
    );
    assert_eq!(
        nominal(&weekly, 3),
        ["2026-01-01 11:00", "2026-01-03 11:00", "2026-01-04 11:00"]
    );
}

#[test]
fn positions_apply_within_the_hour_or_minute() {
    let table = rrule(
        "DTSTART:20260101T000000Z\nRRULE:FREQ=HOURLY;BYMINUTE=5,10,50;BYSETPOS=-1,1",
        "UTC",
    );
    assert_eq!(
        nominal(&table, 3),
        ["2026-01-01 00:05", "2026-01-01 00:50", "2026-01-01 01:05"]
    );
    let second = rrule(
        "DTSTART:20260101T000010Z\nRRULE:FREQ=MINUTELY;INTERVAL=2;BYSECOND=10,20;BYSETPOS=2",
        "UTC",
    );
    assert_eq!(
        after(&second, "2026-01-01T00:00:00Z", 2),
        ["2026-01-01 00:00:20+00:00", "2026-01-01 00:02:20+00:00"]
    );
}

#[test]
fn counts_end_where_they_should() {
    for (rule, count, last) in [
        ("FREQ=SECONDLY;COUNT=1000000", 1, "2026-01-12T13:46:39Z"),
        ("FREQ=MINUTELY;INTERVAL=10;COUNT=1000", 1, "2026-01-07T22:30:00Z"),
        ("FREQ=HOURLY;BYHOUR=9,17;COUNT=100", 100, "2026-02-19T17:00:00Z"),
    ] {
        let table = rrule(&format!("DTSTART:20260101T000000Z\nRRULE:{rule}"), "UTC");
        let found = table.prev_before(at("2030-01-01T00:00:00Z")).unwrap().unwrap();
        assert_eq!(found.at, at(last), "{rule}");
        assert_eq!(table.next_after(at(last), None), Ok(None));
        if count > 1 {
            assert_eq!(table.occurrences(at("2025-01-01T00:00:00Z")).count(), count);
        }
    }
}

#[test]
fn counting_whole_days_agrees_with_walking() {
    for (rule, zone) in [
        ("FREQ=MINUTELY;INTERVAL=20;BYHOUR=1,2,3;COUNT=3000", "America/New_York"),
        (
            "FREQ=HOURLY;BYMINUTE=0,30;BYDAY=SU,SA;COUNT=5000",
            "Australia/Lord_Howe",
        ),
        ("FREQ=MINUTELY;INTERVAL=7;BYHOUR=1,2,3;COUNT=3000", "America/New_York"),
        ("FREQ=SECONDLY;INTERVAL=90;BYMONTH=3,11;COUNT=20000", "Africa/Cairo"),
    ] {
        let table = rrule(&format!("DTSTART:20260101T003000\nRRULE:{rule}"), zone);
        // The iterator carries a checkpoint and steps; the look back counts days.
        let last = table.occurrences(at("2025-01-01T00:00:00Z")).last();
        assert_eq!(table.prev_before(at("2100-01-01T00:00:00Z")).unwrap(), last, "{rule}");
        let last = last.unwrap().at;
        let before = table
            .next_after(last - chrono::Duration::seconds(1), None)
            .unwrap()
            .map(|next| next.occurrence.at);
        assert_eq!((before, table.next_after(last, None)), (Some(last), Ok(None)), "{rule}");
    }
}

#[test]
fn until_as_a_local_time_ends_an_hourly_rule() {
    let table = rrule(
        "DTSTART:20260329T000000\nRRULE:FREQ=HOURLY;UNTIL=20260329T040000",
        "Europe/Chisinau",
    );
    assert_eq!(
        after(&table, "2026-01-01T00:00:00Z", 9),
        [
            "2026-03-29 00:00+02:00",
            "2026-03-29 01:00+02:00",
            "2026-03-29 03:00+03:00",
            "2026-03-29 04:00+03:00"
        ]
    );
    let whole_day = rrule(
        "DTSTART:20260101T000000Z\nRRULE:FREQ=HOURLY;INTERVAL=8;UNTIL=20260102",
        "UTC",
    );
    assert_eq!(nominal(&whole_day, 9).len(), 6);
}
