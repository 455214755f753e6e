//! Rule sets: anchors, dates, exceptions, counting and phase.

use ordinaut_schedule::{Checkpoint, Timetable};

use crate::support::{after, at, nominal, rrule, the_beginning, zone};

#[test]
fn a_bare_rule_is_anchored_in_the_zone_and_stays_there_when_it_is_normalised() {
    let anchor = at("2026-11-21T20:12:55.7Z");
    let table = Timetable::rrule("FREQ=DAILY;INTERVAL=3", anchor, zone("Europe/Chisinau"), None).unwrap();
    let text = table.normalized();
    assert_eq!(
        text,
        "DTSTART;TZID=Europe/Chisinau:20261121T221255\nRRULE:FREQ=DAILY;INTERVAL=3"
    );
    assert_eq!(nominal(&table, 2), ["2026-11-21 22:12", "2026-11-24 22:12"]);
    let later = Timetable::rrule(&text, at("2030-01-01T00:00:00Z"), zone("UTC"), None).unwrap();
    assert_eq!(nominal(&later, 99), nominal(&table, 99));
    assert_eq!(later.zone(), zone("Europe/Chisinau"));
    assert_eq!(later.normalized(), text);
}

#[test]
fn the_zone_comes_from_dtstart_and_a_floating_one_takes_the_tasks() {
    let utc = rrule("DTSTART:20260101T083000Z\nFREQ=DAILY", "Europe/Chisinau");
    assert_eq!(
        (utc.zone().name(), utc.warnings()[0].code),
        ("UTC", "zone_from_dtstart")
    );
    let own = rrule(
        "DTSTART;TZID=America/New_York:20260101T083000\nFREQ=DAILY",
        "Europe/Chisinau",
    );
    assert_eq!(after(&own, "2026-06-30T23:00:00Z", 1), ["2026-07-01 08:30-04:00"]);
    let floating = rrule("DTSTART:20260101T083000\nFREQ=DAILY", "Europe/Chisinau");
    assert_eq!(after(&floating, "2026-06-30T23:00:00Z", 1), ["2026-07-01 08:30+03:00"]);
    assert!(floating.warnings().is_empty());
    let day = rrule("DTSTART;VALUE=DATE:20260101\nFREQ=DAILY", "Europe/Chisinau");
    assert_eq!(nominal(&day, 1), ["2026-01-01 00:00"]);
}

#[test]
fn all_notations_of_a_set_are_equal() {
    let expected = "DTSTART;TZID=Europe/Chisinau:20260105T083000\nRRULE:FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,FR";
    for text in [
        expected,
        r"DTSTART;TZID=Europe/Chisinau:20260105T083000\nRRULE:FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,FR",
        "dtstart;tzid=\"Europe/Chisinau\":20260105T083000\r\nrrule:freq=weekly;byday=fr,mo;interval=02;",
        "DTSTART;TZID=Europe/Chisinau:20260105T083000\nFREQ=WEEKLY; INTERVAL=2; BYDAY=MO, FR, MO",
        "RRULE:FREQ=WEEKLY;INTER\n VAL=2;BYDAY=MO,FR\nDTSTART;TZID=Europe/Chisinau;VALUE=DATE-TIME:20260105T083000",
    ] {
        assert_eq!(rrule(text, "UTC").normalized(), expected, "{text}");
    }
}

#[test]
fn rules_and_dates_are_merged_and_exceptions_removed() {
    let table = rrule(
        "DTSTART:20260101T080000Z\n\
         RRULE:FREQ=DAILY;COUNT=5\n\
         RRULE:FREQ=DAILY;INTERVAL=2;COUNT=5\n\
         RDATE:20260103T080000Z,20260120T120000Z\n\
         RDATE;VALUE=DATE:20260121\n\
         RDATE;VALUE=PERIOD:20260122T100000Z/PT1H,20260123T100000Z/20260123T110000Z\n\
         EXDATE:20260102T080000Z\n\
         EXDATE;VALUE=DATE:20260107\n\
         EXRULE:FREQ=DAILY;INTERVAL=3;COUNT=2",
        "UTC",
    );
    assert_eq!(
        nominal(&table, 99),
        [
            "2026-01-03 08:00",
            "2026-01-05 08:00",
            "2026-01-09 08:00",
            "2026-01-20 12:00",
            "2026-01-21 08:00",
            "2026-01-22 10:00",
            "2026-01-23 10:00"
        ]
    );
    let again = rrule(&table.normalized(), "UTC");
    assert_eq!(nominal(&again, 99), nominal(&table, 99));
    assert_eq!(again.normalized(), table.normalized());
}

#[test]
fn an_excluded_day_is_passed_over_whole_even_by_the_second() {
    let table = rrule(
        "DTSTART;TZID=America/Havana:20261031T000000\nRRULE:FREQ=SECONDLY\nEXDATE;VALUE=DATE:20261101,20261102",
        "UTC",
    );
    assert_eq!(
        after(&table, "2026-11-01T03:59:58Z", 2),
        ["2026-10-31 23:59:59-04:00", "2026-11-03 00:00-05:00"]
    );
    let previous = table.prev_before(at("2026-11-03T05:00:00Z")).unwrap().unwrap();
    assert_eq!(previous.at, at("2026-11-01T03:59:59Z"));
}

#[test]
fn exceptions_compare_instants_across_zones() {
    let table = rrule(
        "DTSTART;TZID=Europe/Chisinau:20260105T083000\nRRULE:FREQ=DAILY;COUNT=3\nEXDATE;TZID=America/New_York:20260106T013000",
        "UTC",
    );
    assert_eq!(nominal(&table, 9), ["2026-01-05 08:30", "2026-01-07 08:30"]);
}

#[test]
fn single_dates_need_no_rule() {
    let with_start = rrule("DTSTART:20260105T083000Z\nRDATE:20260110T000000Z", "UTC");
    assert_eq!(nominal(&with_start, 9), ["2026-01-05 08:30", "2026-01-10 00:00"]);
    let alone = rrule("RDATE:20260110T000000,20260111T000000Z", "Europe/Chisinau");
    assert_eq!(nominal(&alone, 9), ["2026-01-10 00:00", "2026-01-11 02:00"]);
    let again = rrule(&alone.normalized(), "UTC");
    assert_eq!(
        again.occurrences(the_beginning()).map(|o| o.at).collect::<Vec<_>>(),
        alone.occurrences(the_beginning()).map(|o| o.at).collect::<Vec<_>>()
    );
}

#[test]
fn intervals_keep_their_phase_however_far_one_looks() {
    let table = rrule("DTSTART:20260101T080000Z\nRRULE:FREQ=DAILY;INTERVAL=7", "UTC");
    assert_eq!(after(&table, "2525-06-01T00:00:00Z", 1).len(), 1);
    let found = table
        .next_after(at("2525-06-01T00:00:00Z"), None)
        .unwrap()
        .unwrap()
        .occurrence
        .at;
    assert_eq!((found - at("2026-01-01T08:00:00Z")).num_days() % 7, 0);
    for (rule, expected) in [
        (
            "FREQ=WEEKLY;INTERVAL=3;BYDAY=MO,SU",
            ["2026-01-04 08:00", "2026-01-19 08:00", "2026-01-25 08:00"],
        ),
        (
            "FREQ=MONTHLY;INTERVAL=5",
            ["2026-01-01 08:00", "2026-06-01 08:00", "2026-11-01 08:00"],
        ),
        (
            "FREQ=YEARLY;INTERVAL=100",
            ["2026-01-01 08:00", "2126-01-01 08:00", "2226-01-01 08:00"],
        ),
        (
            "FREQ=YEARLY;INTERVAL=1000",
            ["2026-01-01 08:00", "3026-01-01 08:00", "4026-01-01 08:00"],
        ),
    ] {
        assert_eq!(
            nominal(&rrule(&format!("DTSTART:20260101T080000Z\nRRULE:{rule}"), "UTC"), 3),
            expected,
            "{rule}"
        );
    }
}

#[test]
fn a_dtstart_that_does_not_match_is_no_occurrence_and_is_warned_about() {
    let table = rrule("DTSTART:20260101T080000Z\nRRULE:FREQ=WEEKLY;BYDAY=MO;COUNT=2", "UTC");
    assert_eq!(nominal(&table, 9), ["2026-01-05 08:00", "2026-01-12 08:00"]);
    assert_eq!(table.warnings()[0].code, "dtstart_not_an_occurrence");
    let bare = rrule("FREQ=WEEKLY;BYDAY=MO;BYSECOND=0,30", "UTC");
    assert_eq!(
        bare.warnings().iter().map(|w| w.code).collect::<Vec<_>>(),
        ["fires_more_than_once_a_minute"]
    );
    let short = rrule("DTSTART:20260131T080000Z\nFREQ=MONTHLY", "UTC");
    assert_eq!(short.warnings()[0].code, "skips_short_months");
}

#[test]
fn a_checkpoint_saves_counting_and_never_changes_the_answer() {
    for rule in [
        "FREQ=DAILY;COUNT=40;BYHOUR=8,20",
        "FREQ=MONTHLY;COUNT=40;BYDAY=MO,TU;BYSETPOS=1,-1",
        "FREQ=HOURLY;COUNT=40;BYHOUR=1,2,3",
        "FREQ=MINUTELY;INTERVAL=45;COUNT=40",
    ] {
        let table = rrule(
            &format!("DTSTART;TZID=Europe/Chisinau:20260320T010000\nRRULE:{rule}"),
            "UTC",
        );
        let (mut now, mut checkpoint): (_, Option<Checkpoint>) = (the_beginning(), None);
        let mut found = Vec::new();
        while let Some(next) = table.next_after(now, checkpoint.as_ref()).unwrap() {
            assert_eq!(
                table.next_after(now, None).unwrap().unwrap().occurrence,
                next.occurrence,
                "{rule}"
            );
            now = next.occurrence.at;
            found.push(next.occurrence);
            // Through JSON, as a store keeps it.
            let json = serde_json::to_string(&next.checkpoint.unwrap()).unwrap();
            checkpoint = Some(serde_json::from_str(&json).unwrap());
        }
        assert_eq!(found.len(), 40, "{rule}");
        // A checkpoint at the end does not disturb a look back, or another schedule.
        let early = table.next_after(the_beginning(), checkpoint.as_ref()).unwrap().unwrap();
        assert_eq!(early.occurrence, found[0]);
        let other = rrule("DTSTART:20270101T000000Z\nRRULE:FREQ=DAILY;COUNT=3", "UTC");
        assert!(
            other
                .next_after(the_beginning(), checkpoint.as_ref())
                .unwrap()
                .is_some()
        );
        assert_eq!(
            table.prev_before(at("2100-01-01T00:00:00Z")).unwrap(),
            found.last().copied(),
            "{rule}"
        );
    }
}

#[test]
fn a_window_lists_from_its_start_up_to_before_its_end() {
    let table = rrule("DTSTART:20260101T080000Z\nRRULE:FREQ=DAILY", "UTC");
    let (from, to) = (at("2026-01-03T08:00:00Z"), at("2026-01-06T08:00:00Z"));
    let days: Vec<u32> = table
        .between(from, to, 99, false)
        .unwrap()
        .iter()
        .map(|o| chrono::Datelike::day(&o.nominal))
        .collect();
    assert_eq!(days, [3, 4, 5]);
    assert_eq!(table.between(from, to, 2, false).unwrap().len(), 2);
    assert!(table.between(to, from, 9, false).unwrap().is_empty());
}
