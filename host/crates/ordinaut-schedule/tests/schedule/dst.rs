//! Clock changes, place by place.

use ordinaut_schedule::{DstPolicy, Fold, Gap, Remark, Timetable};

use crate::support::{after, at, cron, cron_with, remarked, rrule, rrule_with, shown, zone};

const SKIP: DstPolicy = DstPolicy {
    gap: Gap::Skip,
    fold: Fold::First,
};
const BOTH: DstPolicy = DstPolicy {
    gap: Gap::Shift,
    fold: Fold::Both,
};
const SECOND: DstPolicy = DstPolicy {
    gap: Gap::Shift,
    fold: Fold::Second,
};

fn daily(time: &str) -> String {
    format!("DTSTART:20200101T{time}\nRRULE:FREQ=DAILY")
}

#[test]
fn chisinau_spring_gap_under_every_policy() {
    // 2026-03-29: 02:00+02:00 becomes 03:00+03:00.
    let from = "2026-03-28T12:00:00Z";
    assert_eq!(
        remarked(&rrule(&daily("023000"), "Europe/Chisinau"), from, 2),
        ["2026-03-29 03:30+03:00 gap_shifted", "2026-03-30 02:30+03:00"]
    );
    assert_eq!(
        remarked(&cron("30 2 * * *", "Europe/Chisinau"), from, 2),
        ["2026-03-29 03:00+03:00 gap_first_after", "2026-03-30 02:30+03:00"]
    );
    let skipping = rrule_with(&daily("023000"), "Europe/Chisinau", SKIP);
    assert_eq!(remarked(&skipping, from, 1), ["2026-03-30 02:30+03:00"]);
    let listed = skipping.between(at(from), at("2026-03-30T12:00:00Z"), 9, true).unwrap();
    assert_eq!(listed.len(), 2);
    assert_eq!(listed[0].remark, Some(Remark::GapSkipped));
    assert_eq!(listed[0].nominal.to_string(), "2026-03-29 02:30:00");
    assert_eq!(
        skipping
            .skipped(at("2026-01-01T00:00:00Z"), at("2029-01-01T00:00:00Z"), 99)
            .unwrap()
            .len(),
        3
    );
}

#[test]
fn chisinau_autumn_fold_under_every_policy() {
    // 2026-10-25: 03:00+03:00 becomes 02:00+02:00.
    let from = "2026-10-24T12:00:00Z";
    let first = ["2026-10-25 02:30+03:00 fold_first", "2026-10-26 02:30+02:00"];
    let second = ["2026-10-25 02:30+02:00 fold_second", "2026-10-26 02:30+02:00"];
    assert_eq!(remarked(&rrule(&daily("023000"), "Europe/Chisinau"), from, 2), first);
    assert_eq!(remarked(&cron("30 2 * * *", "Europe/Chisinau"), from, 2), first);
    assert_eq!(
        remarked(&rrule_with(&daily("023000"), "Europe/Chisinau", SECOND), from, 2),
        second
    );
    let both = rrule_with(&daily("023000"), "Europe/Chisinau", BOTH);
    assert_eq!(remarked(&both, from, 3), [first[0], second[0], second[1]]);
    assert_eq!(
        shown(&both, &both.prev_before(at("2026-10-25T00:30:00Z")).unwrap().unwrap()),
        "2026-10-25 02:30+03:00"
    );
}

#[test]
fn new_york_follows_rfc_5545() {
    assert_eq!(
        remarked(&rrule(&daily("023000"), "America/New_York"), "2026-03-07T12:00:00Z", 2),
        ["2026-03-08 03:30-04:00 gap_shifted", "2026-03-09 02:30-04:00"]
    );
    assert_eq!(
        remarked(&rrule(&daily("013000"), "America/New_York"), "2026-10-31T12:00:00Z", 2),
        ["2026-11-01 01:30-04:00 fold_first", "2026-11-02 01:30-05:00"]
    );
}

#[test]
fn a_shifted_time_overtakes_and_merges_in_order() {
    // 02:30 is read as 03:30, after 03:00 and together with 03:30.
    let table = rrule(
        "DTSTART:20260307T020000\nRRULE:FREQ=DAILY;BYHOUR=2,3;BYMINUTE=0,15,30",
        "America/New_York",
    );
    assert_eq!(
        after(&table, "2026-03-08T05:00:00Z", 4),
        [
            "2026-03-08 03:00-04:00",
            "2026-03-08 03:15-04:00",
            "2026-03-08 03:30-04:00",
            "2026-03-09 02:00-04:00"
        ]
    );
}

#[test]
fn lord_howe_moves_by_half_an_hour() {
    // 2026-10-04: 02:00+10:30 becomes 02:30+11:00. 2026-04-05: 02:00+11:00 becomes 01:30+10:30.
    let spring = "2026-10-03T00:00:00Z";
    let autumn = "2026-04-04T00:00:00Z";
    let name = "Australia/Lord_Howe";
    assert_eq!(
        remarked(&rrule(&daily("021500"), name), spring, 1),
        ["2026-10-04 02:45+11:00 gap_shifted"]
    );
    assert_eq!(
        remarked(&cron("15 2 * * *", name), spring, 1),
        ["2026-10-04 02:30+11:00 gap_first_after"]
    );
    assert_eq!(
        after(&cron("*/15 * * * *", name), "2026-10-03T15:10:00Z", 4),
        [
            "2026-10-04 01:45+10:30",
            "2026-10-04 02:30+11:00",
            "2026-10-04 02:45+11:00",
            "2026-10-04 03:00+11:00"
        ]
    );
    assert_eq!(
        remarked(&cron("*/15 1,2 * * *", name), "2026-04-04T14:25:00Z", 5),
        [
            "2026-04-05 01:30+11:00 fold_first",
            "2026-04-05 01:45+11:00 fold_first",
            "2026-04-05 01:30+10:30 fold_second",
            "2026-04-05 01:45+10:30 fold_second",
            "2026-04-05 02:00+10:30"
        ]
    );
    assert_eq!(
        remarked(&rrule(&daily("014500"), name), autumn, 1),
        ["2026-04-05 01:45+11:00 fold_first"]
    );
}

#[test]
fn midnight_gaps_do_not_lose_a_day() {
    for (name, from, shifted, first_after) in [
        (
            "Africa/Cairo",
            "2026-04-23T12:00:00Z",
            "2026-04-24 01:30+03:00",
            "2026-04-24 01:00+03:00",
        ),
        (
            "Asia/Beirut",
            "2026-03-28T12:00:00Z",
            "2026-03-29 01:30+03:00",
            "2026-03-29 01:00+03:00",
        ),
        (
            "America/Santiago",
            "2026-09-05T12:00:00Z",
            "2026-09-06 01:30-03:00",
            "2026-09-06 01:00-03:00",
        ),
        (
            "America/Havana",
            "2026-03-07T12:00:00Z",
            "2026-03-08 01:30-04:00",
            "2026-03-08 01:00-04:00",
        ),
    ] {
        assert_eq!(after(&rrule(&daily("003000"), name), from, 1), [shifted]);
        assert_eq!(after(&cron("30 0 * * *", name), from, 1), [first_after]);
        assert_eq!(after(&cron("@daily", name), from, 1), [first_after]);
        // COUNT is not prolonged by the moved day.
        let counted = rrule(
            &format!(
                "DTSTART:{}T003000\nRRULE:FREQ=DAILY;COUNT=60",
                from[..10].replace('-', "")
            ),
            name,
        );
        assert_eq!(counted.occurrences(at("2026-01-01T00:00:00Z")).count(), 60);
    }
}

#[test]
fn midnight_folds_happen_once() {
    assert_eq!(
        remarked(&rrule(&daily("003000"), "America/Havana"), "2026-10-31T12:00:00Z", 2),
        ["2026-11-01 00:30-04:00 fold_first", "2026-11-02 00:30-05:00"]
    );
    assert_eq!(
        remarked(&cron("30 0 * * *", "America/Havana"), "2026-10-31T12:00:00Z", 2),
        ["2026-11-01 00:30-04:00 fold_first", "2026-11-02 00:30-05:00"]
    );
}

#[test]
fn apia_skipped_a_whole_day() {
    // 2011-12-30 did not exist: 29th 24:00-10:00 became 31st 00:00+14:00.
    let from = "2011-12-29T00:00:00Z";
    assert_eq!(
        remarked(
            &rrule("DTSTART:20110101T083000\nRRULE:FREQ=DAILY", "Pacific/Apia"),
            from,
            3
        ),
        [
            "2011-12-29 08:30-10:00",
            "2011-12-31 08:30+14:00",
            "2012-01-01 08:30+14:00"
        ]
    );
    assert_eq!(
        remarked(&cron("30 8 * * *", "Pacific/Apia"), from, 3),
        [
            "2011-12-29 08:30-10:00",
            "2011-12-31 00:00+14:00 gap_first_after",
            "2011-12-31 08:30+14:00"
        ]
    );
    assert_eq!(
        remarked(&cron("30 8 30 12 *", "Pacific/Apia"), from, 1),
        ["2011-12-31 00:00+14:00 gap_first_after"]
    );
}

#[test]
fn wildcard_cron_jobs_follow_elapsed_time() {
    let hourly = cron("@hourly", "America/New_York");
    assert_eq!(
        after(&hourly, "2026-03-08T05:30:00Z", 3),
        [
            "2026-03-08 01:00-05:00",
            "2026-03-08 03:00-04:00",
            "2026-03-08 04:00-04:00"
        ]
    );
    assert_eq!(
        after(&hourly, "2026-11-01T04:30:00Z", 3),
        [
            "2026-11-01 01:00-04:00",
            "2026-11-01 01:00-05:00",
            "2026-11-01 02:00-05:00"
        ]
    );
    // Nothing is lost in a gap when every hour has its run; something is when the hour is fixed.
    let (from, to) = (at("2026-03-08T00:00:00Z"), at("2026-03-09T00:00:00Z"));
    assert!(hourly.skipped(from, to, 9).unwrap().is_empty());
    let two = cron("*/20 2 * * *", "America/New_York");
    assert_eq!(two.skipped(from, to, 9).unwrap().len(), 3);
    assert_eq!(after(&two, "2026-03-08T05:30:00Z", 1), ["2026-03-09 02:00-04:00"]);
}

#[test]
fn lists_and_ranges_are_fixed_times_as_in_debian() {
    let from = "2026-03-28T22:00:00Z";
    assert_eq!(
        remarked(&cron("5,6 2 * * SUN", "Europe/Chisinau"), from, 2),
        ["2026-03-29 03:00+03:00 gap_first_after", "2026-04-05 02:05+03:00"]
    );
    assert_eq!(
        remarked(&cron("30 0-3 * * *", "Europe/Chisinau"), from, 4),
        [
            "2026-03-29 00:30+02:00",
            "2026-03-29 01:30+02:00",
            "2026-03-29 03:00+03:00 gap_first_after",
            "2026-03-29 03:30+03:00"
        ]
    );
}

#[test]
fn an_explicit_policy_governs_wildcard_cron_jobs() {
    let table = cron_with("0 * * * *", "America/New_York", DstPolicy::RFC5545);
    assert_eq!(
        after(&table, "2026-11-01T04:30:00Z", 2),
        ["2026-11-01 01:00-04:00", "2026-11-01 02:00-05:00"]
    );
}

#[test]
fn historic_offsets_and_far_years_are_read() {
    // Amsterdam kept +00:19:32 (today the zone follows Brussels); use a zone with its own local mean time.
    let table = rrule("DTSTART:18900101T120000\nRRULE:FREQ=YEARLY;COUNT=2", "Europe/Chisinau");
    let first = table.next_after(at("1800-01-01T00:00:00Z"), None).unwrap().unwrap();
    assert_eq!(first.occurrence.at, at("1890-01-01T10:05:00Z"));
    let far = rrule("DTSTART:20260101T120000\nRRULE:FREQ=DAILY", "Europe/Chisinau");
    assert_eq!(after(&far, "9000-06-01T00:00:00Z", 1), ["9000-06-01 12:00+02:00"]);
    let last = Timetable::cron("0 12 * * *", zone("UTC"), None).unwrap();
    assert!(last.next_after(at("9999-12-31T12:00:00Z"), None).is_err());
    assert_eq!(
        last.next_after(chrono::DateTime::<chrono::Utc>::MAX_UTC, None),
        Ok(None)
    );
    assert!(last.prev_before(chrono::DateTime::<chrono::Utc>::MIN_UTC).is_ok());
}
