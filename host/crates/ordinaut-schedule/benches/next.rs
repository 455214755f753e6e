//! How long it takes to find the next occurrence, beside the `rrule` crate and python-dateutil in the same run.
//!
//! `cargo bench -p ordinaut-schedule`; with `ORDINAUT_PYTHON` naming an interpreter that has python-dateutil, its column is
//! filled too. The figures of one run may be compared with each other, not with those of another day.

use std::{
    hint::black_box,
    io::Write as _,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use chrono::{DateTime, Utc};
use ordinaut_schedule::{Checkpoint, Timetable, Zone};
use rrule::RRuleSet;

/// A rule in UTC, and the instant after which the next occurrence is wanted.
struct Case {
    name: &'static str,
    start: &'static str,
    rule: &'static str,
    after: &'static str,
}

const NOW: &str = "2026-11-21T12:34:56Z";

const CASES: [Case; 14] = [
    case("daily since 1970", "19700101T080000Z", "FREQ=DAILY", NOW),
    case("hourly since 2000", "20000101T000000Z", "FREQ=HOURLY", NOW),
    case("minutely since 2016", "20160101T000000Z", "FREQ=MINUTELY", NOW),
    case("secondly since a year ago", "20251121T000000Z", "FREQ=SECONDLY", NOW),
    case(
        "29 February",
        "19720229T080000Z",
        "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29",
        NOW,
    ),
    case(
        "Friday 13th",
        "19980101T090000Z",
        "FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13",
        NOW,
    ),
    case(
        "COUNT=1,000,000 near its end",
        "20250101T000000Z",
        "FREQ=MINUTELY;COUNT=1000000",
        "2026-11-26T10:30:00Z",
    ),
    case(
        "every second Tuesday",
        "20200107T083000Z",
        "FREQ=WEEKLY;INTERVAL=2;BYDAY=TU",
        NOW,
    ),
    case(
        "last working day of the month",
        "20000131T170000Z",
        "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1",
        NOW,
    ),
    case(
        "minutely with BYHOUR",
        "20160101T000000Z",
        "FREQ=MINUTELY;INTERVAL=7;BYHOUR=1,12,16",
        NOW,
    ),
    case("daily for 1 year", "20251121T080000Z", "FREQ=DAILY", NOW),
    case("daily for 100 years", "19261121T080000Z", "FREQ=DAILY", NOW),
    case("hourly for 1 year", "20251121T080000Z", "FREQ=HOURLY", NOW),
    case("hourly for 100 years", "19261121T080000Z", "FREQ=HOURLY", NOW),
];

const fn case(name: &'static str, start: &'static str, rule: &'static str, after: &'static str) -> Case {
    Case {
        name,
        start,
        rule,
        after,
    }
}

impl Case {
    fn text(&self) -> String {
        format!("DTSTART:{}\nRRULE:{}", self.start, self.rule)
    }

    fn after(&self) -> DateTime<Utc> {
        DateTime::parse_from_rfc3339(self.after).expect("an instant").to_utc()
    }
}

/// The median of `rounds` measurements of one call.
fn median(rounds: usize, mut call: impl FnMut()) -> Duration {
    let mut times: Vec<Duration> = (0..rounds)
        .map(|_| {
            let begun = Instant::now();
            call();
            begun.elapsed()
        })
        .collect();
    times.sort();
    times[times.len() / 2]
}

/// The next occurrence as the scheduler asks for it: with the checkpoint of the advance before.
fn ours(case: &Case) -> (Duration, Duration, Option<DateTime<Utc>>) {
    let text = case.text();
    let parse = || Timetable::rrule(&text, DateTime::UNIX_EPOCH, Zone::UTC, None).expect("a rule");
    let table = parse();
    let after = case.after();
    let checkpoint: Option<Checkpoint> = table
        .prev_before(after)
        .ok()
        .flatten()
        .and_then(|before| {
            table
                .next_after(before.at - chrono::Duration::seconds(1), None)
                .ok()
                .flatten()
        })
        .and_then(|next| next.checkpoint);
    let next = || table.next_after(black_box(after), checkpoint.as_ref()).expect("found");
    let answer = next().map(|next| next.occurrence.at);
    let searching = median(2_001, || {
        black_box(next());
    });
    let parsing = median(501, || {
        black_box(parse());
    });
    (searching, parsing, answer)
}

/// Theirs walks from the beginning, which can take seconds: once is enough.
fn rrule_crate(case: &Case) -> (Duration, Option<DateTime<Utc>>) {
    let after = case.after().with_timezone(&rrule::Tz::UTC);
    let set: RRuleSet = case.text().parse().expect("a rule");
    let begun = Instant::now();
    let found = set.after(after).all(2).dates;
    let took = begun.elapsed();
    // Their `after` includes the instant itself.
    (
        took,
        found.into_iter().map(|at| at.to_utc()).find(|at| *at > case.after()),
    )
}

/// Microseconds by case; empty without an interpreter.
fn dateutil() -> Vec<f64> {
    let Some(python) = std::env::var_os("ORDINAUT_PYTHON") else {
        return Vec::new();
    };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../tests/calendar/time_next.py");
    let mut child = Command::new(python)
        .arg(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the interpreter starts");
    let mut questions = child.stdin.take().expect("piped");
    for case in &CASES {
        let after = case.after().format("%Y%m%dT%H%M%SZ");
        writeln!(questions, "{}\t{}\t{after}", case.start, case.rule).expect("it reads");
    }
    drop(questions);
    let output = child.wait_with_output().expect("it answers");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    text.lines().map(|line| line.parse().expect("a number")).collect()
}

fn micros(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}

fn main() {
    let theirs = dateutil();
    println!("next occurrence, in microseconds (median)\n");
    println!(
        "| {:<30} | {:>9} | {:>9} | {:>12} | {:>12} |",
        "rule", "parse", "next", "rrule crate", "dateutil"
    );
    println!("|{:-<32}|{:->11}|{:->11}|{:->14}|{:->14}|", "", ":", ":", ":", ":");
    for (index, case) in CASES.iter().enumerate() {
        let (searching, parsing, answer) = ours(case);
        let (crate_took, crate_answer) = rrule_crate(case);
        let differs = if answer == crate_answer { "" } else { " (differs)" };
        let dateutil = theirs
            .get(index)
            .map_or("–".to_owned(), |micros| format!("{micros:.0}"));
        println!(
            "| {:<30} | {:>9.2} | {:>9.2} | {:>12} | {dateutil:>12} |",
            case.name,
            micros(parsing),
            micros(searching),
            format!("{:.0}{differs}", micros(crate_took)),
        );
    }
}
