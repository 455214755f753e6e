//! The English sentences.

use ordinaut_schedule::Timetable;

use crate::support::{cron, rrule, zone};

#[test]
fn recurrence_rules() {
    // 2026-01-06 is a Tuesday.
    for (rule, expected) in [
        ("FREQ=WEEKLY;INTERVAL=2", "Every second Tuesday at 08:30"),
        ("FREQ=WEEKLY", "Every Tuesday at 08:30"),
        ("FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR", "Every weekday at 08:30"),
        ("FREQ=WEEKLY;BYDAY=MO,WE", "Every week on Monday and Wednesday at 08:30"),
        ("FREQ=DAILY;COUNT=3", "Every day at 08:30, 3 times"),
        ("FREQ=DAILY;INTERVAL=3;BYHOUR=8,20", "Every 3 days at 08:30 and 20:30"),
        ("FREQ=MONTHLY;BYDAY=-1FR", "Every month on the last Friday at 08:30"),
        ("FREQ=MONTHLY;BYMONTHDAY=-1", "Every month on the last day at 08:30"),
        (
            "FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13",
            "Every month on the 13th, if it is Friday at 08:30",
        ),
        (
            "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1",
            "Every month on Monday to Friday at 08:30, only the last of each month",
        ),
        (
            "FREQ=YEARLY;UNTIL=20301231",
            "Every year on the 6th of January at 08:30, until 31 December 2030",
        ),
        (
            "FREQ=YEARLY;BYMONTH=3;BYDAY=2SU",
            "Every year on the second Sunday in March at 08:30",
        ),
        ("FREQ=HOURLY;INTERVAL=6", "Every 6 hours"),
        (
            "FREQ=MINUTELY;INTERVAL=20;BYHOUR=9,10,11",
            "Every 20 minutes, at hours 9 to 11",
        ),
    ] {
        let table = rrule(
            &format!("DTSTART;TZID=Europe/Chisinau:20260106T083000\nRRULE:{rule}"),
            "Europe/Chisinau",
        );
        assert_eq!(table.describe(), format!("{expected} (Europe/Chisinau)"), "{rule}");
    }
}

#[test]
fn cron_expressions() {
    for (expr, expected) in [
        ("30 8 * * *", "Every day at 08:30"),
        ("30 8 * * MON-FRI", "At 08:30 on Monday to Friday"),
        ("30 8 * * 0,6", "At 08:30 on Saturday and Sunday"),
        ("*/15 * * * *", "Every 15 minutes"),
        ("* * * * *", "Every minute"),
        ("@hourly", "Every hour"),
        ("5 * * * *", "Every hour at minute 5"),
        ("*/10 9-17 * * *", "Every 10 minutes during the hours 09 to 17"),
        ("0 0 1 */3 *", "At 00:00 on day 1 of January, April, July and October"),
        ("0 0 L * *", "At 00:00 on the last day of every month"),
        ("0 9 * * MON#1", "At 09:00 on the first Monday of the month"),
        ("0 0 13 * FRI", "At 00:00 on day 13 of every month or Friday"),
        ("*/5 * * * * *", "Every 5 seconds"),
        ("0 0 * 6 *", "At 00:00 in June"),
    ] {
        assert_eq!(cron(expr, "UTC").describe(), format!("{expected} (UTC)"), "{expr}");
    }
}

#[test]
fn single_times() {
    let table = Timetable::once("2026-12-24T08:30", zone("Europe/Chisinau"), None).unwrap();
    assert_eq!(
        table.describe(),
        "Once on Thursday, 24 December 2026 at 08:30 (Europe/Chisinau)"
    );
}
