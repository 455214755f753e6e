//! Random daily-and-coarser rules in UTC beside the `rrule` crate.
//!
//! In UTC and from DAILY up that crate agrees with RFC 5545 but for the subjects left out here: BYWEEKNO without BYDAY
//! (it takes all seven days) and at the turn of the year (it cuts weeks at January 1st), and combinations that the
//! RFC forbids. WEEKLY with BYSETPOS is left out as well: that crate begins the first week at DTSTART, we count its whole
//! interval as in every other frequency.

use ordinaut_schedule::{Timetable, Zone};
use rrule::RRuleSet;

use crate::support::{at, the_beginning};

struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }

    fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// One to `most` values, each made by `make`, as a list.
    fn list(&mut self, most: u64, make: impl Fn(&mut Self) -> String) -> String {
        let count = 1 + self.below(most);
        let mut values: Vec<String> = (0..count).map(|_| make(self)).collect();
        values.sort();
        values.dedup();
        values.join(",")
    }

    fn ordinal(&mut self, max: u64) -> String {
        let value = 1 + self.below(max);
        if self.chance(30) {
            format!("-{value}")
        } else {
            value.to_string()
        }
    }

    fn weekday(&mut self) -> &'static str {
        ["MO", "TU", "WE", "TH", "FR", "SA", "SU"][self.below(7) as usize]
    }
}

fn random_rule(numbers: &mut Numbers) -> String {
    let freq = ["DAILY", "WEEKLY", "MONTHLY", "YEARLY"][numbers.below(4) as usize];
    let mut parts = vec![format!("FREQ={freq}")];
    if numbers.chance(50) {
        parts.push(format!("INTERVAL={}", 1 + numbers.below(5)));
    }
    if numbers.chance(30) {
        parts.push(format!("COUNT={}", 1 + numbers.below(30)));
    } else if numbers.chance(20) {
        parts.push(format!("UNTIL=20{}0101T000000Z", 28 + numbers.below(20)));
    }
    let by_week_no = freq == "YEARLY" && numbers.chance(15);
    if numbers.chance(30) && !by_week_no {
        parts.push(format!(
            "BYMONTH={}",
            numbers.list(4, |n| (1 + n.below(12)).to_string())
        ));
    }
    if by_week_no {
        parts.push(format!(
            "BYWEEKNO={}",
            numbers.list(4, |n| (2 + n.below(50)).to_string())
        ));
        parts.push(format!("BYDAY={}", numbers.list(3, |n| n.weekday().to_owned())));
    } else {
        if freq == "YEARLY" && numbers.chance(20) {
            parts.push(format!("BYYEARDAY={}", numbers.list(5, |n| n.ordinal(366))));
        }
        if freq != "WEEKLY" && numbers.chance(30) {
            parts.push(format!("BYMONTHDAY={}", numbers.list(5, |n| n.ordinal(31))));
        }
        if numbers.chance(45) {
            let numbered = matches!(freq, "MONTHLY" | "YEARLY") && numbers.chance(50);
            let day = |n: &mut Numbers| {
                let number = if numbered { n.ordinal(5) } else { String::new() };
                format!("{number}{}", n.weekday())
            };
            parts.push(format!("BYDAY={}", numbers.list(4, day)));
        }
    }
    if numbers.chance(25) {
        parts.push(format!("BYHOUR={}", numbers.list(3, |n| n.below(24).to_string())));
    }
    if numbers.chance(20) {
        parts.push(format!("BYMINUTE={}", numbers.list(3, |n| n.below(60).to_string())));
    }
    let expands = parts.iter().any(|part| part.starts_with("BY"));
    if expands && freq != "WEEKLY" && numbers.chance(25) {
        parts.push(format!("BYSETPOS={}", numbers.list(3, |n| n.ordinal(6))));
    }
    if numbers.chance(25) {
        parts.push(format!("WKST={}", numbers.weekday()));
    }
    parts.join(";")
}

#[test]
fn random_rules_agree_with_the_rrule_crate() {
    let mut numbers = Numbers(5545);
    let (mut compared, mut occurrences, mut refused) = (0, 0, 0);
    for _ in 0..500 {
        let day = format!(
            "2026{:02}{:02}T{:02}{:02}00Z",
            1 + numbers.below(12),
            1 + numbers.below(28),
            numbers.below(24),
            numbers.below(60)
        );
        let text = format!("DTSTART:{day}\nRRULE:{}", random_rule(&mut numbers));
        let Ok(theirs) = text.parse::<RRuleSet>() else { continue };
        let ours = match Timetable::rrule(&text, the_beginning(), Zone::UTC, None) {
            Ok(ours) => ours,
            Err(error) => {
                assert_eq!(error.code, "never_fires", "{text}: {error}");
                // Their search for what is not there takes long: a few of them are enough.
                refused += 1;
                assert!(refused > 10 || theirs.all(1).dates.is_empty(), "{text}: {error}");
                continue;
            }
        };
        let expected: Vec<String> = theirs
            .all(40)
            .dates
            .iter()
            .map(|date| date.to_utc().to_rfc3339())
            .collect();
        // That crate stops searching after some thousand periods, ours after 400 years.
        let found: Vec<String> = ours
            .occurrences(the_beginning())
            .take(expected.len())
            .map(|o| o.at.to_rfc3339())
            .collect();
        assert_eq!(found, expected, "{text}");
        if expected.len() < 40 && text.contains("COUNT") {
            assert_eq!(
                ours.occurrences(the_beginning()).take(41).count(),
                expected.len(),
                "{text}"
            );
        }
        // From the middle, without walking there.
        if let [.., last] = expected.as_slice() {
            let last = at(last);
            let middle = ours
                .next_after(last - chrono::Duration::seconds(1), None)
                .unwrap()
                .unwrap();
            assert_eq!(middle.occurrence.at, last, "{text}");
        }
        compared += 1;
        occurrences += expected.len();
    }
    assert!(
        compared > 350 && occurrences > 8_000,
        "{compared} rules, {occurrences} occurrences"
    );
}
