//! Single times.

use ordinaut_schedule::{DstPolicy, Fold, Gap, Remark, Timetable};

use crate::support::{at, the_beginning, zone};

fn once(expr: &str) -> Timetable {
    Timetable::once(expr, zone("Europe/Chisinau"), None).unwrap_or_else(|error| panic!("{expr}: {error}"))
}

#[test]
fn instants_and_local_times_are_read() {
    for (expr, expected, normalized) in [
        (
            "2026-12-24T08:30:00+02:00",
            "2026-12-24T06:30:00Z",
            "2026-12-24T06:30:00Z",
        ),
        ("2026-12-24T06:30Z", "2026-12-24T06:30:00Z", "2026-12-24T06:30:00Z"),
        (
            "2026-12-24t06:30:00.250z",
            "2026-12-24T06:30:00.250Z",
            "2026-12-24T06:30:00.250Z",
        ),
        ("2026-12-24T08:30", "2026-12-24T06:30:00Z", "2026-12-24T08:30:00"),
        (" 2026-12-24 08:30:15 ", "2026-12-24T06:30:15Z", "2026-12-24T08:30:15"),
        (
            "2026-12-24T01:00:00-0530",
            "2026-12-24T06:30:00Z",
            "2026-12-24T06:30:00Z",
        ),
    ] {
        let table = once(expr);
        let next = table.next_after(the_beginning(), None).unwrap().unwrap();
        assert_eq!(next.occurrence.at, at(expected), "{expr}");
        assert_eq!(table.normalized(), normalized);
        assert_eq!(
            once(&table.normalized())
                .next_after(the_beginning(), None)
                .unwrap()
                .unwrap(),
            next
        );
        assert_eq!(table.next_after(at(expected), None), Ok(None));
        assert_eq!(
            table.prev_before(at("2100-01-01T00:00:00Z")).unwrap(),
            Some(next.occurrence)
        );
        assert_eq!(table.occurrences(the_beginning()).count(), 1);
    }
}

#[test]
fn the_nominal_time_of_an_instant_is_local() {
    let next = once("2026-12-24T06:30:00Z")
        .next_after(the_beginning(), None)
        .unwrap()
        .unwrap();
    assert_eq!(next.occurrence.nominal.to_string(), "2026-12-24 08:30:00");
}

#[test]
fn gaps_and_folds_follow_the_policy() {
    let read = |expr: &str, gap: Gap, fold: Fold| {
        Timetable::once(expr, zone("Europe/Chisinau"), Some(DstPolicy { gap, fold })).map(|table| {
            table
                .occurrences(the_beginning())
                .map(|o| (o.at, o.remark))
                .collect::<Vec<_>>()
        })
    };
    let gap = "2026-03-29T02:30";
    let shifted = [(at("2026-03-29T00:30:00Z"), Some(Remark::GapShifted))];
    assert_eq!(read(gap, Gap::Shift, Fold::First).unwrap(), shifted);
    assert_eq!(
        once(gap)
            .occurrences(the_beginning())
            .map(|o| (o.at, o.remark))
            .collect::<Vec<_>>(),
        shifted
    );
    let first_after = [(at("2026-03-29T00:00:00Z"), Some(Remark::GapFirstAfter))];
    assert_eq!(read(gap, Gap::FirstAfter, Fold::First).unwrap(), first_after);
    assert_eq!(read(gap, Gap::Skip, Fold::First).unwrap_err().code, "never_fires");
    let fold = "2026-10-25T02:30";
    assert_eq!(read(fold, Gap::Shift, Fold::Both).unwrap().len(), 2);
    assert_eq!(
        read(fold, Gap::Shift, Fold::Second).unwrap(),
        [(at("2026-10-25T00:30:00Z"), Some(Remark::FoldSecond))]
    );
}

#[test]
fn mistakes_are_located() {
    for (expr, span, part) in [
        ("2026-13-24T08:30", 0..10, "2026-13-24"),
        ("2026-02-30T08:30", 0..10, "2026-02-30"),
        ("2026-12-24", 0..10, "time of day"),
        ("2026-12-24T25:00", 11..16, "00 to 23"),
        ("2026-12-24T08:30 Europe/Chisinau", 16..17, "offset"),
        ("tomorrow", 0..1, "year"),
        ("", 0..0, "year"),
        ("2026-12-24T08:30:00+2:00", 20..21, "offset"),
    ] {
        let error = Timetable::once(expr, zone("UTC"), None).unwrap_err();
        assert_eq!(
            (error.code, error.span.clone()),
            ("invalid_time", Some(span)),
            "{expr}: {error}"
        );
        assert!(error.message.contains(part), "{expr}: {error}");
        assert!(error.suggestion.is_some());
    }
}
