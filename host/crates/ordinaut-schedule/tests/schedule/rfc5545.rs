//! The worked examples of RFC 5545 §3.8.5.3.

use crate::support::{nominal, rrule};

/// Checks the first occurrences of a rule that begins on 1997-09-02 at 09:00 in New York. `expected` is a list of dates
/// such as `1997 Sep 2 3 4 Oct 1`; the list is all of them when it ends with `.`.
#[track_caller]
fn dates(rule: &str, expected: &str) {
    dates_from("19970902T090000", rule, expected);
}

#[track_caller]
fn dates_from(start: &str, rule: &str, expected: &str) {
    let table = rrule(&format!("DTSTART;TZID=America/New_York:{start}\nRRULE:{rule}"), "UTC");
    let complete = expected.ends_with('.');
    let expected = expand(expected.trim_end_matches('.'));
    let found = nominal(&table, expected.len() + 1);
    let expected: Vec<String> = expected.into_iter().map(|date| format!("{date} 09:00")).collect();
    assert_eq!(
        found.iter().take(expected.len()).collect::<Vec<_>>(),
        expected.iter().collect::<Vec<_>>(),
        "{rule}"
    );
    assert_eq!(found.len() == expected.len(), complete, "{rule}: {:?}", found.last());
}

fn expand(text: &str) -> Vec<String> {
    let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let (mut year, mut month) = (0, 0);
    let mut dates = Vec::new();
    for word in text.split_whitespace() {
        match (months.iter().position(|name| *name == word), word.parse::<u32>()) {
            (Some(index), _) => month = index + 1,
            (None, Ok(number)) if number > 31 => year = number,
            (None, Ok(day)) => dates.push(format!("{year}-{month:02}-{day:02}")),
            (None, Err(_)) => panic!("{word}"),
        }
    }
    dates
}

#[test]
fn daily_rules() {
    dates("FREQ=DAILY;COUNT=10", "1997 Sep 2 3 4 5 6 7 8 9 10 11.");
    dates(
        "FREQ=DAILY;INTERVAL=2",
        "1997 Sep 2 4 6 8 10 12 14 16 18 20 22 24 26 28 30 Oct 2 4",
    );
    dates("FREQ=DAILY;INTERVAL=10;COUNT=5", "1997 Sep 2 12 22 Oct 2 12.");
    dates_from(
        "19980101T090000",
        "FREQ=DAILY;UNTIL=19980103T140000Z;BYMONTH=1",
        "1998 Jan 1 2 3.",
    );
    // Two spellings of every day in January.
    let yearly = "FREQ=YEARLY;UNTIL=20000131T140000Z;BYMONTH=1;BYDAY=SU,MO,TU,WE,TH,FR,SA";
    let daily = "FREQ=DAILY;UNTIL=20000131T140000Z;BYMONTH=1";
    let list = |rule: &str| {
        nominal(
            &rrule(
                &format!("DTSTART;TZID=America/New_York:19980101T090000\nRRULE:{rule}"),
                "UTC",
            ),
            200,
        )
    };
    assert_eq!(list(yearly), list(daily));
    assert_eq!(list(daily).len(), 93);
}

#[test]
fn until_in_utc_is_inclusive() {
    let table = rrule(
        "DTSTART;TZID=America/New_York:19970902T090000\nRRULE:FREQ=DAILY;UNTIL=19971224T000000Z",
        "UTC",
    );
    let all = nominal(&table, 200);
    assert_eq!((all.len(), all[112].as_str()), (113, "1997-12-23 09:00"));
    let exact = rrule(
        "DTSTART;TZID=America/New_York:19970902T090000\nRRULE:FREQ=DAILY;UNTIL=19970904T130000Z",
        "UTC",
    );
    assert_eq!(
        nominal(&exact, 9),
        ["1997-09-02 09:00", "1997-09-03 09:00", "1997-09-04 09:00"]
    );
}

#[test]
fn weekly_rules() {
    dates("FREQ=WEEKLY;COUNT=10", "1997 Sep 2 9 16 23 30 Oct 7 14 21 28 Nov 4.");
    dates(
        "FREQ=WEEKLY;INTERVAL=2;WKST=SU",
        "1997 Sep 2 16 30 Oct 14 28 Nov 11 25 Dec 9 23 1998 Jan 6 20 Feb 3 17",
    );
    dates(
        "FREQ=WEEKLY;UNTIL=19971007T000000Z;WKST=SU;BYDAY=TU,TH",
        "1997 Sep 2 4 9 11 16 18 23 25 30 Oct 2.",
    );
    dates(
        "FREQ=WEEKLY;COUNT=10;WKST=SU;BYDAY=TU,TH",
        "1997 Sep 2 4 9 11 16 18 23 25 30 Oct 2.",
    );
    dates_from(
        "19970901T090000",
        "FREQ=WEEKLY;INTERVAL=2;UNTIL=19971224T000000Z;WKST=SU;BYDAY=MO,WE,FR",
        "1997 Sep 1 3 5 15 17 19 29 Oct 1 3 13 15 17 27 29 31 Nov 10 12 14 24 26 28 Dec 8 10 12 22.",
    );
    dates(
        "FREQ=WEEKLY;INTERVAL=2;COUNT=8;WKST=SU;BYDAY=TU,TH",
        "1997 Sep 2 4 16 18 30 Oct 2 14 16.",
    );
    // The week's first day matters.
    dates_from(
        "19970805T090000",
        "FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=MO",
        "1997 Aug 5 10 19 24.",
    );
    dates_from(
        "19970805T090000",
        "FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=SU",
        "1997 Aug 5 17 19 31.",
    );
}

#[test]
fn monthly_rules() {
    dates_from(
        "19970905T090000",
        "FREQ=MONTHLY;COUNT=10;BYDAY=1FR",
        "1997 Sep 5 Oct 3 Nov 7 Dec 5 1998 Jan 2 Feb 6 Mar 6 Apr 3 May 1 Jun 5.",
    );
    dates_from(
        "19970905T090000",
        "FREQ=MONTHLY;UNTIL=19971224T000000Z;BYDAY=1FR",
        "1997 Sep 5 Oct 3 Nov 7 Dec 5.",
    );
    dates_from(
        "19970907T090000",
        "FREQ=MONTHLY;INTERVAL=2;COUNT=10;BYDAY=1SU,-1SU",
        "1997 Sep 7 28 Nov 2 30 1998 Jan 4 25 Mar 1 29 May 3 31.",
    );
    dates_from(
        "19970922T090000",
        "FREQ=MONTHLY;COUNT=6;BYDAY=-2MO",
        "1997 Sep 22 Oct 20 Nov 17 Dec 22 1998 Jan 19 Feb 16.",
    );
    dates_from(
        "19970928T090000",
        "FREQ=MONTHLY;BYMONTHDAY=-3",
        "1997 Sep 28 Oct 29 Nov 28 Dec 29 1998 Jan 29 Feb 26",
    );
    dates(
        "FREQ=MONTHLY;COUNT=10;BYMONTHDAY=2,15",
        "1997 Sep 2 15 Oct 2 15 Nov 2 15 Dec 2 15 1998 Jan 2 15.",
    );
    dates_from(
        "19970930T090000",
        "FREQ=MONTHLY;COUNT=10;BYMONTHDAY=1,-1",
        "1997 Sep 30 Oct 1 31 Nov 1 30 Dec 1 31 1998 Jan 1 31 Feb 1.",
    );
    dates_from(
        "19970910T090000",
        "FREQ=MONTHLY;INTERVAL=18;COUNT=10;BYMONTHDAY=10,11,12,13,14,15",
        "1997 Sep 10 11 12 13 14 15 1999 Mar 10 11 12 13.",
    );
    dates(
        "FREQ=MONTHLY;INTERVAL=2;BYDAY=TU",
        "1997 Sep 2 9 16 23 30 Nov 4 11 18 25 1998 Jan 6 13 20 27 Mar 3 10 17 24 31",
    );
    dates_from(
        "19970913T090000",
        "FREQ=MONTHLY;BYDAY=SA;BYMONTHDAY=7,8,9,10,11,12,13",
        "1997 Sep 13 Oct 11 Nov 8 Dec 13 1998 Jan 10 Feb 7 Mar 7 Apr 11 May 9 Jun 13",
    );
    dates_from(
        "20070115T090000",
        "FREQ=MONTHLY;BYMONTHDAY=15,30;COUNT=5",
        "2007 Jan 15 30 Feb 15 Mar 15 30.",
    );
}

#[test]
fn friday_the_thirteenth() {
    dates(
        "FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13",
        "1998 Feb 13 Mar 13 Nov 13 1999 Aug 13 2000 Oct 13",
    );
    let table = rrule(
        "DTSTART;TZID=America/New_York:19970902T090000\nEXDATE;TZID=America/New_York:19980213T090000\nRRULE:FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13",
        "UTC",
    );
    assert_eq!(nominal(&table, 1), ["1998-03-13 09:00"]);
}

#[test]
fn yearly_rules() {
    dates_from(
        "19970610T090000",
        "FREQ=YEARLY;COUNT=10;BYMONTH=6,7",
        "1997 Jun 10 Jul 10 1998 Jun 10 Jul 10 1999 Jun 10 Jul 10 2000 Jun 10 Jul 10 2001 Jun 10 Jul 10.",
    );
    dates_from(
        "19970310T090000",
        "FREQ=YEARLY;INTERVAL=2;COUNT=10;BYMONTH=1,2,3",
        "1997 Mar 10 1999 Jan 10 Feb 10 Mar 10 2001 Jan 10 Feb 10 Mar 10 2003 Jan 10 Feb 10 Mar 10.",
    );
    dates_from(
        "19970101T090000",
        "FREQ=YEARLY;INTERVAL=3;COUNT=10;BYYEARDAY=1,100,200",
        "1997 Jan 1 Apr 10 Jul 19 2000 Jan 1 Apr 9 Jul 18 2003 Jan 1 Apr 10 Jul 19 2006 Jan 1.",
    );
    dates_from(
        "19970519T090000",
        "FREQ=YEARLY;BYDAY=20MO",
        "1997 May 19 1998 May 18 1999 May 17",
    );
    dates_from(
        "19970512T090000",
        "FREQ=YEARLY;BYWEEKNO=20;BYDAY=MO",
        "1997 May 12 1998 May 11 1999 May 17",
    );
    dates_from(
        "19970313T090000",
        "FREQ=YEARLY;BYMONTH=3;BYDAY=TH",
        "1997 Mar 13 20 27 1998 Mar 5 12 19 26 1999 Mar 4 11 18 25",
    );
    dates_from(
        "19970605T090000",
        "FREQ=YEARLY;BYDAY=TH;BYMONTH=6,7,8",
        "1997 Jun 5 12 19 26 Jul 3 10 17 24 31 Aug 7 14 21 28 1998 Jun 4 11 18 25 Jul 2",
    );
    // United States presidential elections.
    dates_from(
        "19961105T090000",
        "FREQ=YEARLY;INTERVAL=4;BYMONTH=11;BYDAY=TU;BYMONTHDAY=2,3,4,5,6,7,8",
        "1996 Nov 5 2000 Nov 7 2004 Nov 2",
    );
}

#[test]
fn positions_in_a_set() {
    dates_from(
        "19970904T090000",
        "FREQ=MONTHLY;COUNT=3;BYDAY=TU,WE,TH;BYSETPOS=3",
        "1997 Sep 4 Oct 7 Nov 6.",
    );
    dates_from(
        "19970929T090000",
        "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-2",
        "1997 Sep 29 Oct 30 Nov 27 Dec 30 1998 Jan 29 Feb 26 Mar 30",
    );
    // The last working day of the month, from the text on BYSETPOS.
    dates(
        "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1",
        "1997 Sep 30 Oct 31 Nov 28 Dec 31 1998 Jan 30 Feb 27",
    );
}

#[test]
fn positions_count_times_as_well() {
    let table = rrule(
        "DTSTART:20260105T000000Z\nRRULE:FREQ=DAILY;BYHOUR=6,12,18;BYMINUTE=0,30;BYSETPOS=2,-1",
        "UTC",
    );
    assert_eq!(
        nominal(&table, 4),
        [
            "2026-01-05 06:30",
            "2026-01-05 18:30",
            "2026-01-06 06:30",
            "2026-01-06 18:30"
        ]
    );
}

#[test]
fn sub_daily_rules() {
    let times = |rule: &str, count: usize| {
        nominal(
            &rrule(
                &format!("DTSTART;TZID=America/New_York:19970902T090000\nRRULE:{rule}"),
                "UTC",
            ),
            count,
        )
    };
    assert_eq!(
        times("FREQ=HOURLY;INTERVAL=3;UNTIL=19970902T210000Z", 9),
        ["1997-09-02 09:00", "1997-09-02 12:00", "1997-09-02 15:00"]
    );
    assert_eq!(times("FREQ=MINUTELY;INTERVAL=15;COUNT=6", 9)[5], "1997-09-02 10:15");
    assert_eq!(
        times("FREQ=MINUTELY;INTERVAL=90;COUNT=4", 9),
        [
            "1997-09-02 09:00",
            "1997-09-02 10:30",
            "1997-09-02 12:00",
            "1997-09-02 13:30"
        ]
    );
    let daily = times("FREQ=DAILY;BYHOUR=9,10,11,12,13,14,15,16;BYMINUTE=0,20,40", 100);
    assert_eq!(
        daily,
        times("FREQ=MINUTELY;INTERVAL=20;BYHOUR=9,10,11,12,13,14,15,16", 100)
    );
    assert_eq!(daily[24], "1997-09-03 09:00");
}

#[test]
fn weeks_of_the_year_take_dtstarts_weekday_and_follow_the_iso_year() {
    // 2026-01-01 is a Thursday; week 1 of 2026 begins on Monday 2025-12-29.
    dates_from(
        "20250101T090000",
        "FREQ=YEARLY;BYWEEKNO=1",
        "2025 Jan 1 Dec 31 2027 Jan 6 2028 Jan 5",
    );
    dates_from(
        "20150101T090000",
        "FREQ=YEARLY;BYWEEKNO=53;BYDAY=FR",
        "2016 Jan 1 2021 Jan 1 2027 Jan 1",
    );
    dates_from(
        "20150101T090000",
        "FREQ=YEARLY;BYWEEKNO=-1;BYDAY=MO",
        "2015 Dec 28 2016 Dec 26 2017 Dec 25 2018 Dec 24",
    );
    dates_from(
        "20250101T090000",
        "FREQ=YEARLY;BYWEEKNO=1;BYDAY=MO",
        "2025 Dec 29 2027 Jan 4 2028 Jan 3 2029 Jan 1 Dec 31",
    );
}

#[test]
fn year_days_and_month_days_intersect() {
    dates_from(
        "20260101T090000",
        "FREQ=YEARLY;BYYEARDAY=1,32,60,366,-1;BYMONTHDAY=1,31",
        "2026 Jan 1 Feb 1 Mar 1 Dec 31 2027 Jan 1",
    );
    dates_from(
        "20240101T090000",
        "FREQ=YEARLY;BYYEARDAY=366",
        "2024 Dec 31 2028 Dec 31 2032 Dec 31",
    );
}

#[test]
fn a_numbered_weekday_beside_a_month_day_limits() {
    dates_from(
        "20260101T090000",
        "FREQ=MONTHLY;BYMONTHDAY=1,2,3,4,5,6,7,8;BYDAY=1MO",
        "2026 Jan 5 Feb 2 Mar 2 Apr 6",
    );
    dates_from(
        "20260101T090000",
        "FREQ=YEARLY;BYMONTH=3;BYMONTHDAY=29,30,31;BYDAY=-1TU",
        "2026 Mar 31 2027 Mar 30 2032 Mar 30",
    );
}
