//! Random rules of every frequency beside python-dateutil: 5,000 of a fixed seed, or as many and from the seed that
//! `ORDINAUT_RULES` and `ORDINAUT_SEED` say.
//!
//! `cargo xtask test` names the interpreter in `ORDINAUT_PYTHON`. Where the two differ, a reason of [`Accepted`] must
//! apply, and the reasons are few; docs/reference/schedules.md says why ours is right in each.

use std::{
    io::Write as _,
    path::Path,
    process::{Command, Stdio},
};

use chrono::{DateTime, Duration, NaiveDateTime, Utc};
use ordinaut_schedule::{Timetable, Zone};
use serde_json::{Value, json};

use crate::{
    random_rules::{Numbers, RandomRule, random_rule},
    support::the_beginning,
};

const SEED: u64 = 5545;
const RULES: usize = 5_000;
/// Occurrences of a rule that are compared.
const OCCURRENCES: usize = 60;

/// Why the two may differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Accepted {
    /// `YEARLY;BYWEEKNO` without BYDAY: they take all seven days, the RFC the weekday of DTSTART.
    WeekWithoutDay,
    /// BYWEEKNO at the turn of the year: they cut week 1, 52 and 53 at January 1st, ISO 8601 does not.
    WeekAcrossYears,
    /// `WEEKLY;BYSETPOS`: they begin the first week at DTSTART, we count the whole week.
    FirstWeekOfPositions,
}

fn accepted(rule: &RandomRule) -> Option<Accepted> {
    if rule.has("BYWEEKNO") && !rule.has("BYDAY") {
        return Some(Accepted::WeekWithoutDay);
    }
    if rule.has("BYWEEKNO") {
        return Some(Accepted::WeekAcrossYears);
    }
    if rule.freq == "WEEKLY" && rule.has("BYSETPOS") {
        return Some(Accepted::FirstWeekOfPositions);
    }
    None
}

/// How far to look: sparse rules are compared over years, dense ones end at the number of occurrences.
fn horizon(rule: &RandomRule) -> Duration {
    Duration::days(match rule.freq {
        "SECONDLY" | "MINUTELY" | "HOURLY" => 500,
        "DAILY" | "WEEKLY" => 365 * 8,
        _ => 365 * 40,
    })
}

const BASIC: &str = "%Y%m%dT%H%M%S";

fn until(rule: &RandomRule) -> DateTime<Utc> {
    let start = NaiveDateTime::parse_from_str(&rule.dtstart, BASIC).unwrap().and_utc();
    start + horizon(rule)
}

/// Ours; `never_fires` is an empty list.
fn ours(rule: &RandomRule) -> Result<Vec<String>, String> {
    let text = format!("DTSTART:{}Z\nRRULE:{}", rule.dtstart, rule.rule);
    let table = match Timetable::rrule(&text, the_beginning(), Zone::UTC, None) {
        Ok(table) => table,
        Err(error) if error.code == "never_fires" => return Ok(Vec::new()),
        Err(error) => return Err(error.to_string()),
    };
    let until = until(rule);
    Ok(table
        .occurrences(the_beginning())
        .take(OCCURRENCES)
        .take_while(|occurrence| occurrence.at < until)
        .map(|occurrence| occurrence.at.naive_utc().format(BASIC).to_string())
        .collect())
}

/// Theirs, in the order of the rules.
fn theirs(rules: &[RandomRule]) -> Vec<Value> {
    let python =
        std::env::var_os("ORDINAUT_PYTHON").expect("ORDINAUT_PYTHON names an interpreter: run `cargo xtask test`");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../tests/calendar/expand.py");
    let mut child = Command::new(python)
        .arg(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the interpreter starts");
    let mut questions = child.stdin.take().expect("piped");
    let lines: Vec<String> = rules
        .iter()
        .map(|rule| {
            let until = until(rule).naive_utc().format(BASIC).to_string();
            // They want UNTIL without a zone when DTSTART has none.
            let text = rule.rule.replace("120000Z", "120000");
            let question = json!({ "dtstart": rule.dtstart, "rule": text, "until": until, "limit": OCCURRENCES });
            format!("{question}\n")
        })
        .collect();
    let writer = std::thread::spawn(move || questions.write_all(lines.concat().as_bytes()));
    let output = child.wait_with_output().expect("it answers");
    writer.join().expect("a writer").expect("it reads");
    assert!(output.status.success(), "{}", output.status);
    String::from_utf8(output.stdout)
        .expect("UTF-8")
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect()
}

fn setting<T: std::str::FromStr>(name: &str, default: T) -> T {
    std::env::var_os(name)
        .and_then(|text| text.to_str()?.parse().ok())
        .unwrap_or(default)
}

#[test]
fn random_rules_agree_with_dateutil() {
    let (seed, count) = (setting("ORDINAUT_SEED", SEED), setting("ORDINAUT_RULES", RULES));
    let mut numbers = Numbers::new(seed);
    let rules: Vec<RandomRule> = (0..count).map(|_| random_rule(&mut numbers)).collect();
    let answers = theirs(&rules);
    assert_eq!(answers.len(), rules.len());

    let (mut equal, mut cut_off, mut occurrences, mut explained) = (0, 0, 0, std::collections::BTreeMap::new());
    let mut unexplained = Vec::new();
    for (rule, theirs) in rules.iter().zip(&answers) {
        let mut ours = ours(rule).unwrap_or_else(|error| vec![format!("refused: {error}")]);
        let whole = theirs["whole"] == true;
        if let (false, Some(found)) = (whole, theirs["found"].as_array()) {
            ours.truncate(found.len());
        }
        let (found, ours) = (ours.len(), json!(ours));
        if ours == theirs["found"] {
            equal += usize::from(whole);
            cut_off += usize::from(!whole);
            occurrences += found;
        } else if let Some(reason) = accepted(rule) {
            *explained.entry(reason).or_insert(0) += 1;
        } else {
            unexplained.push(format!(
                "{} {}\n  ours   {ours}\n  theirs {theirs}",
                rule.dtstart, rule.rule
            ));
        }
    }
    eprintln!(
        "seed {seed}: {count} rules, {equal} equal, {cut_off} equal as far as they got \
         ({occurrences} occurrences), accepted {explained:?}, {} unexplained",
        unexplained.len()
    );
    assert!(
        unexplained.is_empty(),
        "{} differences, the first of them:\n{}",
        unexplained.len(),
        unexplained.iter().take(12).cloned().collect::<Vec<_>>().join("\n")
    );
    assert!(equal * 100 >= count * 80, "most rules are compared");
}
