//! Random recurrence rules that RFC 5545 allows, from a seed.

/// Numbers that look random and are the same for the same seed (an LCG by Knuth).
pub(crate) struct Numbers(u64);

impl Numbers {
    pub(crate) fn new(seed: u64) -> Self {
        let mut numbers = Self(seed);
        // The first few of neighbouring seeds resemble each other.
        for _ in 0..8 {
            numbers.below(2);
        }
        numbers
    }

    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }

    pub(crate) fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    pub(crate) fn one_of<'a>(&mut self, words: &[&'a str]) -> &'a str {
        words[self.below(words.len() as u64) as usize]
    }

    /// One to `most` different values, each made by `make`, as a list.
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
        self.one_of(&["MO", "TU", "WE", "TH", "FR", "SA", "SU"])
    }
}

/// A rule, and when it begins (civil, in the basic format).
#[derive(Debug, Clone)]
pub(crate) struct RandomRule {
    pub(crate) dtstart: String,
    pub(crate) rule: String,
    pub(crate) freq: &'static str,
}

impl RandomRule {
    pub(crate) fn has(&self, part: &str) -> bool {
        self.rule.split(';').any(|found| found.split('=').next() == Some(part))
    }
}

/// A rule of any frequency.
pub(crate) fn random_rule(numbers: &mut Numbers) -> RandomRule {
    let freq = numbers.one_of(&[
        "SECONDLY", "MINUTELY", "HOURLY", "DAILY", "DAILY", "WEEKLY", "WEEKLY", "MONTHLY", "MONTHLY", "MONTHLY",
        "YEARLY", "YEARLY", "YEARLY",
    ]);
    let mut parts = vec![format!("FREQ={freq}")];
    let sub_daily = matches!(freq, "SECONDLY" | "MINUTELY" | "HOURLY");
    if numbers.chance(50) {
        let most = if sub_daily { 100 } else { 6 };
        parts.push(format!("INTERVAL={}", 1 + numbers.below(most)));
    }
    if numbers.chance(25) {
        parts.push(format!("COUNT={}", 1 + numbers.below(40)));
    } else if numbers.chance(20) {
        let (year, month) = (2026 + numbers.below(12), 1 + numbers.below(12));
        parts.push(format!("UNTIL={year}{month:02}15T120000Z"));
    }
    days(numbers, freq, &mut parts);
    times(numbers, freq, &mut parts);
    let expands = parts.iter().any(|part| part.starts_with("BY"));
    if expands && numbers.chance(20) {
        let positions = numbers.list(3, |n| n.ordinal(6));
        parts.push(format!("BYSETPOS={positions}"));
    }
    if numbers.chance(25) {
        parts.push(format!("WKST={}", numbers.weekday()));
    }
    let dtstart = format!(
        "2026{:02}{:02}T{:02}{:02}{:02}",
        1 + numbers.below(12),
        1 + numbers.below(28),
        numbers.below(24),
        numbers.below(60),
        if numbers.chance(50) { 0 } else { numbers.below(60) }
    );
    RandomRule {
        dtstart,
        rule: parts.join(";"),
        freq,
    }
}

/// The parts that choose days (RFC 5545 §3.3.10: which may stand with which frequency).
fn days(numbers: &mut Numbers, freq: &str, parts: &mut Vec<String>) {
    let by_week_no = freq == "YEARLY" && numbers.chance(15);
    if numbers.chance(25) {
        let months = numbers.list(5, |n| (1 + n.below(12)).to_string());
        parts.push(format!("BYMONTH={months}"));
    }
    if by_week_no {
        let weeks = numbers.list(4, |n| n.ordinal(53));
        parts.push(format!("BYWEEKNO={weeks}"));
    }
    if matches!(freq, "SECONDLY" | "MINUTELY" | "HOURLY" | "YEARLY") && numbers.chance(15) {
        let days = numbers.list(8, |n| n.ordinal(366));
        parts.push(format!("BYYEARDAY={days}"));
    }
    if freq != "WEEKLY" && numbers.chance(25) {
        let days = numbers.list(6, |n| n.ordinal(31));
        parts.push(format!("BYMONTHDAY={days}"));
    }
    if numbers.chance(40) {
        // Numbers before weekdays: in MONTHLY and YEARLY only, and not with BYWEEKNO.
        let numbered = matches!(freq, "MONTHLY" | "YEARLY") && !by_week_no && numbers.chance(50);
        let days = numbers.list(4, |n| {
            let number = if numbered { n.ordinal(5) } else { String::new() };
            format!("{number}{}", n.weekday())
        });
        parts.push(format!("BYDAY={days}"));
    }
}

fn times(numbers: &mut Numbers, freq: &str, parts: &mut Vec<String>) {
    for (part, limit) in [("BYHOUR", 24), ("BYMINUTE", 60), ("BYSECOND", 60)] {
        // Few seconds, or a minutely rule has thousands of them in a day.
        if numbers.chance(if part == "BYHOUR" { 25 } else { 15 }) {
            let values = numbers.list(4, |n| n.below(limit).to_string());
            parts.push(format!("{part}={values}"));
        }
    }
    let _ = freq;
}
