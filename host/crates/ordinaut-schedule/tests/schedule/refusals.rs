//! What is refused, where the mistake is, and what is suggested.

use ordinaut_schedule::{MAX_TEXT_BYTES, ScheduleError, Timetable};

use crate::support::{at, zone};

fn refused(text: &str) -> ScheduleError {
    match Timetable::rrule(text, at("2026-01-01T00:00:00Z"), zone("UTC"), None) {
        Ok(_) => panic!("{text} was accepted"),
        Err(error) => error,
    }
}

/// Code, offending part of the input, and a piece of the suggestion.
#[track_caller]
fn rule(text: &str, code: &str, part: &str, suggestion: &str) {
    let error = refused(text);
    assert_eq!(error.code, code, "{text}: {error}");
    assert_eq!(
        error.span.clone().map(|span| &text[span]),
        Some(part),
        "{text}: {error}"
    );
    let given = error.suggestion.clone().unwrap_or_default();
    assert!(given.contains(suggestion), "{text}: {given}");
}

#[track_caller]
fn cron(text: &str, code: &str, part: &str, suggestion: &str) {
    let error = Timetable::cron(text, zone("UTC"), None).map(|_| ()).unwrap_err();
    assert_eq!(error.code, code, "{text}: {error}");
    assert_eq!(
        error.span.clone().map_or("", |span| &text[span]),
        part,
        "{text}: {error}"
    );
    let given = error.suggestion.clone().unwrap_or_default();
    assert!(given.contains(suggestion), "{text}: {given}");
}

#[test]
fn malformed_rules_are_located() {
    rule("FREQ=DAYLY", "invalid_freq", "DAYLY", "DAILY");
    rule("RRULE:FREQ=DAILY;INTERVALL=2", "unknown_part", "INTERVALL", "INTERVAL");
    rule("FREQ=DAILY;INTERVAL=0", "out_of_range", "0", "leave INTERVAL out");
    rule("FREQ=DAILY;INTERVAL=-1", "out_of_range", "-1", "");
    rule(
        "FREQ=DAILY;INTERVAL=99999999999999999999",
        "out_of_range",
        "99999999999999999999",
        "",
    );
    rule(
        "FREQ=DAILY;COUNT=3;UNTIL=20300101",
        "count_and_until",
        "UNTIL=20300101",
        "keep one",
    );
    rule("INTERVAL=2", "missing_freq", "INTERVAL=2", "FREQ=DAILY");
    rule("FREQ=DAILY;BYHOUR=8,24", "out_of_range", "24", "");
    rule("FREQ=DAILY;BYHOUR=8,,9", "out_of_range", "", "");
    rule("FREQ=DAILY;BYHOUR=", "missing_value", "BYHOUR=", "");
    rule("FREQ=WEEKLY;BYDAY=MON", "invalid_weekday", "MON", "MO");
    rule("FREQ=WEEKLY;BYDAY=1MO", "not_with_freq", "BYDAY=1MO", "MONTHLY");
    rule("FREQ=MONTHLY;BYDAY=54MO", "out_of_range", "54MO", "2TU");
    rule("FREQ=WEEKLY;BYMONTHDAY=3", "not_with_freq", "BYMONTHDAY=3", "MONTHLY");
    rule("FREQ=MONTHLY;BYWEEKNO=3", "not_with_freq", "BYWEEKNO=3", "YEARLY");
    rule("FREQ=DAILY;BYYEARDAY=3", "not_with_freq", "BYYEARDAY=3", "YEARLY");
    rule(
        "FREQ=YEARLY;BYWEEKNO=3;BYDAY=1MO",
        "not_with_byweekno",
        "BYDAY=1MO",
        "without a number",
    );
    rule("FREQ=DAILY;BYSETPOS=1", "bysetpos_alone", "BYSETPOS=1", "BYDAY");
    rule("FREQ=DAILY;FREQ=WEEKLY", "duplicate", "FREQ=WEEKLY", "");
    rule(
        "FREQ=MONTHLY;SKIP=BACKWARD",
        "skip_without_rscale",
        "SKIP=BACKWARD",
        "RSCALE",
    );
    rule("RSCALE=HEBREW;FREQ=DAILY", "unsupported_rscale", "HEBREW", "GREGORIAN");
    rule("FREQ=DAILY;UNTIL=tomorrow", "invalid_date", "tomorrow", "20261224");
    rule("FREQ=DAILY;UNTIL=20260230", "invalid_date", "20260230", "");
    rule("every monday", "not_a_rule", "every monday", "FREQ=WEEKLY");
    rule("FREQ=DAILY;HELLO", "invalid_part", "HELLO", "semicolons");
}

#[test]
fn malformed_lines_are_located() {
    rule(
        "DTSTRT:20260101T000000Z\nFREQ=DAILY",
        "unknown_property",
        "DTSTRT",
        "DTSTART",
    );
    rule(
        "DTSTART;TZID=Europe/Kishinau:20260101T000000\nFREQ=DAILY",
        "unknown_zone",
        "Europe/Kishinau",
        "Europe/Chisinau",
    );
    rule(
        "DTSTART:2026-01-01\nFREQ=DAILY",
        "invalid_date",
        "2026-01-01",
        "20261224",
    );
    rule(
        "DTSTART:20260101T000000Z\nDTSTART:20260101T000000Z\nFREQ=DAILY",
        "duplicate",
        "DTSTART",
        "",
    );
    rule(
        "FREQ=DAILY\nEXDATE:20260101T000000Z,nonsense",
        "invalid_date",
        "nonsense",
        "",
    );
    rule(
        "FREQ=DAILY\nRDATE;VALUE=PERIOD:20260101T000000Z",
        "invalid_date",
        "20260101T000000Z",
        "",
    );
    rule(
        "FREQ=DAILY\nEXDATE;VALUE=PERIOD:20260101T000000Z",
        "invalid_parameter",
        "VALUE=PERIOD",
        "",
    );
    rule(
        "DTSTART:20260101T000000Z",
        "no_rule",
        "DTSTART:20260101T000000Z",
        "RRULE",
    );
    rule(
        r"DTSTART:20260101T000000Z\nRRULE:FREQ=DAILY;BYHOUR=99",
        "out_of_range",
        "99",
        "",
    );
    assert_eq!(refused("").code, "empty");
    assert_eq!(refused(" \n ").code, "empty");
}

#[test]
fn what_never_fires_is_refused_with_the_reason() {
    for (text, reason) in [
        ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", "February never has 30 days"),
        (
            "FREQ=DAILY;BYMONTH=4,6;BYMONTHDAY=31",
            "April or June never has 31 days",
        ),
        ("FREQ=MONTHLY;BYDAY=6MO", "nothing before the year"),
        ("FREQ=YEARLY;BYMONTH=1;BYYEARDAY=60", "nothing before the year"),
        ("FREQ=HOURLY;INTERVAL=24;BYHOUR=3", "nothing before the year"),
        ("FREQ=MONTHLY;INTERVAL=12;BYMONTH=7", "nothing before the year"),
        ("FREQ=DAILY;UNTIL=20200101", "UNTIL is before DTSTART"),
        (
            "FREQ=DAILY;COUNT=2\nEXDATE;VALUE=DATE:20260101,20260102",
            "no date up to its end",
        ),
        ("FREQ=MINUTELY\nEXRULE:FREQ=SECONDLY", "nothing before the year"),
        ("FREQ=MONTHLY;BYMONTHDAY=1;BYSETPOS=2", "nothing before the year"),
    ] {
        let error = refused(text);
        assert_eq!(error.code, "never_fires", "{text}: {error}");
        assert!(error.message.contains(reason), "{text}: {error}");
    }
    cron("0 0 30 2 *", "never_fires", "0 0 30 2 *", "L");
    cron("0 0 31 4,6,9,11 *", "never_fires", "0 0 31 4,6,9,11 *", "L");
    cron("0 0 0 29 2 * 2026", "never_fires", "0 0 0 29 2 * 2026", "");
}

#[test]
fn malformed_cron_expressions_are_located() {
    cron("60 * * * *", "out_of_range", "60", "");
    cron("* 24 * * *", "out_of_range", "24", "");
    cron("* * 0 * *", "out_of_range", "0", "");
    cron("* * * 13 *", "out_of_range", "13", "");
    cron("* * * * 8", "out_of_range", "8", "");
    cron("* * * * MONDAY", "invalid_value", "MONDAY", "MON");
    cron("* * * JNA *", "invalid_value", "JNA", "JAN");
    cron("*/0 * * * *", "invalid_step", "0", "");
    cron("*/ * * * *", "invalid_step", "", "");
    cron("*/90 * * * *", "invalid_step", "90", "FREQ=MINUTELY;INTERVAL=90");
    cron("50-10 * * * *", "reversed_range", "50-10", "50-59,0-10");
    cron("* * * * SAT-TUE", "reversed_range", "SAT-TUE", "6-7,0-2");
    cron("1,,2 * * * *", "invalid_value", "", "");
    cron("* * * * L", "ambiguous", "L", "FRIL");
    cron("* * * * MON#6", "out_of_range", "6", "");
    cron("* * * *", "field_count", "* * * *", "order");
    cron("@dayly", "unknown_macro", "@dayly", "@daily");
    cron("@every 5m", "unknown_macro", "@every 5m", "FREQ=MINUTELY");
    cron("@reboot", "unknown_macro", "@reboot", "event");
    cron("", "empty", "", "");
    cron("é * * * *", "invalid_value", "é", "");
    cron("+5 * * * *", "invalid_value", "+5", "");
}

#[test]
fn long_text_is_refused_by_its_length() {
    let long = "0,".repeat(MAX_TEXT_BYTES);
    let codes = [
        Timetable::cron(&long, zone("UTC"), None).map(|_| ()).unwrap_err().code,
        Timetable::once(&long, zone("UTC"), None).map(|_| ()).unwrap_err().code,
        refused(&long).code,
    ];
    assert_eq!(codes, ["too_long"; 3]);
}

#[test]
fn the_display_joins_message_place_and_suggestion() {
    assert_eq!(
        refused("FREQ=DAYLY").to_string(),
        "\"DAYLY\" is not a frequency (at byte 5); did you mean DAILY?"
    );
}
