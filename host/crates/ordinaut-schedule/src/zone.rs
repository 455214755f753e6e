//! Time zones, and the table of their offset changes that the engine reads.
//!
//! chrono-tz answers "which offset holds at this instant" but does not list its transitions. The engine wants the
//! list: with it, a zone is a row of *spans* of constant offset, and every question about gaps and folds becomes a
//! comparison of integers. The list is found once per zone and process by scanning (about a millisecond) and kept.
//!
//! The rules of the tz database are expanded by chrono-tz up to the year 2099; after that the last offset holds.

use std::fmt;
use std::str::FromStr;
use std::sync::{LazyLock, OnceLock};

use chrono::{Offset, TimeZone};
use chrono_tz::{TZ_VARIANTS, Tz};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::civil::{self, DAY};
use crate::error::ScheduleError;

/// An IANA time zone.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Zone(Tz);

impl Zone {
    /// Coordinated Universal Time.
    pub const UTC: Self = Self(Tz::UTC);

    /// Reads an IANA name such as `Europe/Chisinau`.
    ///
    /// An unknown name is an error (`unknown_zone`) that suggests the nearest names.
    pub fn parse(name: &str) -> Result<Self, ScheduleError> {
        if let Ok(tz) = Tz::from_str(name) {
            return Ok(Self(tz));
        }
        let shown: String = name.chars().take(64).collect();
        let nearest = nearest_names(&shown);
        let error = ScheduleError::new(
            "unknown_zone",
            format!("\"{shown}\" is not a time zone of the IANA database"),
        )
        .at(0..name.len());
        Err(match nearest.as_slice() {
            [] => error.suggest("use a name such as Europe/Chisinau or UTC"),
            [one] => error.suggest(format!("did you mean {one}?")),
            [rest @ .., last] => error.suggest(format!("did you mean {} or {last}?", rest.join(", "))),
        })
    }

    /// The IANA name.
    pub fn name(self) -> &'static str {
        self.0.name()
    }

    /// The chrono-tz zone.
    pub fn tz(self) -> Tz {
        self.0
    }

    pub(crate) fn offsets(self) -> &'static Offsets {
        static TABLES: LazyLock<Vec<OnceLock<Offsets>>> =
            LazyLock::new(|| TZ_VARIANTS.iter().map(|_| OnceLock::new()).collect());
        // The discriminant of the field-less enum numbers its variants from zero.
        TABLES[self.0 as usize].get_or_init(|| Offsets::scan(self.0))
    }
}

impl From<Tz> for Zone {
    fn from(tz: Tz) -> Self {
        Self(tz)
    }
}

impl FromStr for Zone {
    type Err = ScheduleError;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::parse(name)
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Debug for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Zone({})", self.name())
    }
}

impl Serialize for Zone {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Zone {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

/// Up to three names: the same one in other letter case, zones of that city, then small misspellings.
fn nearest_names(name: &str) -> Vec<&'static str> {
    let wanted = name.trim().replace(' ', "_").to_ascii_lowercase();
    if wanted.is_empty() {
        return Vec::new();
    }
    let allowed = (wanted.len() / 4).max(1);
    let mut scored: Vec<(usize, &'static str)> = TZ_VARIANTS
        .iter()
        .map(|tz| tz.name())
        .filter_map(|known| {
            let lower = known.to_ascii_lowercase();
            let city = lower.rsplit('/').next().unwrap_or(&lower);
            let distance = if lower == wanted {
                0
            } else if city == wanted {
                1
            } else {
                2 + misspelling(&lower, &wanted, allowed).min(1 + misspelling(city, &wanted, allowed))
            };
            (distance <= 2 + allowed).then_some((distance, known))
        })
        .collect();
    scored.sort_unstable();
    if scored.first().is_some_and(|(distance, _)| *distance <= 1) {
        scored.retain(|(distance, _)| *distance <= 1);
    }
    scored.into_iter().take(3).map(|(_, known)| known).collect()
}

/// The distance of two words, or a greater number than `allowed` when their lengths alone say so.
fn misspelling(a: &str, b: &str, allowed: usize) -> usize {
    if a.len().abs_diff(b.len()) > allowed {
        allowed + 1
    } else {
        strsim::damerau_levenshtein(a, b)
    }
}

/// A moment at which a zone's offset from UTC changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Change {
    /// The first instant with the new offset, in seconds since the Unix epoch.
    pub(crate) at: i64,
    /// Offsets east of UTC, in seconds.
    pub(crate) before: i64,
    pub(crate) after: i64,
}

/// All offset changes of one zone, in order.
#[derive(Debug)]
pub(crate) struct Offsets {
    first: i64,
    changes: Vec<Change>,
}

/// A stretch of time with one offset: the instants `start..end`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Span {
    pub(crate) start: i64,
    pub(crate) end: i64,
    pub(crate) offset: i64,
    /// The offset before `start` and from `end` on, where there is such a time.
    pub(crate) before: Option<i64>,
    pub(crate) after: Option<i64>,
}

/// The scan may step over this many seconds: the closest two changes of any zone are a week apart (Recife in October 2000,
/// found by looking at every hour from 1850 to 2100).
const SCAN_STEP: i64 = 3 * DAY;

impl Offsets {
    fn scan(tz: Tz) -> Self {
        let offset_at = |seconds: i64| {
            i64::from(
                tz.offset_from_utc_datetime(&civil::naive(seconds))
                    .fix()
                    .local_minus_utc(),
            )
        };
        // Before 1830 no place kept anything but local mean time; the database's rules end in 2099.
        let (start, end) = (civil::days_of(1830, 1, 1) * DAY, civil::days_of(2101, 1, 1) * DAY);
        let first = offset_at(start);
        let mut changes = Vec::new();
        let (mut low, mut low_offset) = (start, first);
        while low < end {
            let high = low + SCAN_STEP;
            let high_offset = offset_at(high);
            if high_offset == low_offset {
                low = high;
                continue;
            }
            // The offset at `before` is `low_offset`, the one at `after` is not.
            let (mut before, mut after) = (low, high);
            while after - before > 1 {
                let middle = before + (after - before) / 2;
                if offset_at(middle) == low_offset {
                    before = middle;
                } else {
                    after = middle;
                }
            }
            let new_offset = offset_at(after);
            changes.push(Change {
                at: after,
                before: low_offset,
                after: new_offset,
            });
            (low, low_offset) = (after, new_offset);
        }
        Self { first, changes }
    }

    /// The index of the span that holds an instant. Span `i` ends with change `i`.
    pub(crate) fn index_of(&self, at: i64) -> usize {
        self.changes.partition_point(|change| change.at <= at)
    }

    pub(crate) fn offset_at(&self, at: i64) -> i64 {
        self.span(self.index_of(at)).offset
    }

    pub(crate) fn last_index(&self) -> usize {
        self.changes.len()
    }

    pub(crate) fn span(&self, index: usize) -> Span {
        let opening = index.checked_sub(1).and_then(|i| self.changes.get(i));
        let closing = self.changes.get(index);
        Span {
            start: opening.map_or(i64::MIN / 4, |change| change.at),
            end: closing.map_or(i64::MAX / 4, |change| change.at),
            offset: opening.map_or(self.first, |change| change.after),
            before: opening.map(|change| change.before),
            after: closing.map(|change| change.after),
        }
    }

    pub(crate) fn changes(&self) -> &[Change] {
        &self.changes
    }

    /// The first span from `from` on that reaches a civil time later than or equal to `civil`.
    pub(crate) fn first_reaching(&self, from: usize, civil: i64) -> usize {
        let tail = self.changes.get(from..).unwrap_or_default();
        from + tail.partition_point(|change| change.at + change.before <= civil)
    }

    /// The last span up to `to` that begins, by the earlier of its two clocks, at or before `civil`.
    pub(crate) fn last_beginning(&self, to: usize, civil: i64) -> usize {
        let head = self.changes.get(..to).unwrap_or(&self.changes);
        head.partition_point(|change| change.at + change.before.min(change.after) <= civil)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_agree_with_chrono_tz_at_every_transition_and_between() {
        for name in [
            "Europe/Chisinau",
            "America/New_York",
            "Australia/Lord_Howe",
            "Pacific/Apia",
            "Africa/Casablanca",
        ] {
            let zone = Zone::parse(name).unwrap();
            let expected = |at: i64| {
                i64::from(
                    zone.tz()
                        .offset_from_utc_datetime(&civil::naive(at))
                        .fix()
                        .local_minus_utc(),
                )
            };
            for change in zone.offsets().changes() {
                for at in [change.at - 1, change.at, change.at + 7 * 3600, change.at - 40 * DAY] {
                    assert_eq!(zone.offsets().offset_at(at), expected(at), "{name} at {at}");
                }
            }
        }
        assert!(Zone::UTC.offsets().changes().is_empty());
    }

    #[test]
    fn changes_of_a_zone_are_further_apart_than_any_shift() {
        // Resolution assumes that a moved time stays inside the span that follows its gap, the scan that it misses nothing.
        for tz in TZ_VARIANTS {
            for pair in Zone(tz).offsets().changes().windows(2) {
                assert!(pair[1].at - pair[0].at > 6 * DAY, "{} {pair:?}", tz.name());
            }
        }
    }

    #[test]
    fn an_unknown_zone_is_refused_with_the_nearest_names() {
        let suggestion = |name: &str| Zone::parse(name).unwrap_err().suggestion.unwrap();
        assert_eq!(suggestion("europe/chisinau"), "did you mean Europe/Chisinau?");
        assert_eq!(suggestion("Chisinau"), "did you mean Europe/Chisinau?");
        assert!(suggestion("Europe/Kishinau").contains("Europe/Chisinau"));
        assert!(suggestion("New York").contains("America/New_York"));
        assert_eq!(
            suggestion("qqqqqqqqqqqqqqqqqqq"),
            "use a name such as Europe/Chisinau or UTC"
        );
        assert_eq!(Zone::parse("").unwrap_err().code, "unknown_zone");
    }
}
