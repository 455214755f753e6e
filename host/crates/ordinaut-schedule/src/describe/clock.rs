//! Times of day in words.

use super::words::{list, runs, time_of_day};
use crate::times::{Times, bits};

/// More times of day than this are summarised.
const LISTED_TIMES: u64 = 6;

/// When in the day, and whether that is a list of moments ("at 08:30") rather than an interval.
pub(super) fn clock(times: &Times) -> (String, bool) {
    if times.len() <= LISTED_TIMES {
        return (
            format!("at {}", list(&times.iter().map(time_of_day).collect::<Vec<_>>())),
            true,
        );
    }
    let every = |mask: u64, count: u32, unit: &str| -> Option<String> {
        let values: Vec<u32> = bits(mask).collect();
        if values.len() as u32 == count {
            return Some(format!("every {unit}"));
        }
        let step = values.get(1)? - values.first()?;
        let is_stepped = values.first() == Some(&0)
            && values.windows(2).all(|pair| pair[1] - pair[0] == step)
            && values.last()? + step >= count;
        (is_stepped && step > 1).then(|| format!("every {step} {unit}s"))
    };
    let mut text = String::new();
    let seconds_at_zero = times.seconds == 1;
    if !seconds_at_zero {
        let words = every(times.seconds, 60, "second").unwrap_or_else(|| {
            format!(
                "at second {}",
                runs(&bits(times.seconds).collect::<Vec<_>>(), |s| s.to_string())
            )
        });
        text.push_str(&words);
    }
    let all_minutes = times.minutes.count_ones() == 60;
    if !(all_minutes && times.seconds.count_ones() > 1) {
        let minutes: Vec<u32> = bits(times.minutes).collect();
        let words = every(times.minutes, 60, "minute")
            .unwrap_or_else(|| format!("at minute {}", runs(&minutes, |m| m.to_string())));
        if !text.is_empty() {
            text.push_str(" of ");
        }
        text.push_str(&words);
    }
    if times.hours.count_ones() < 24 {
        let hours: Vec<u32> = bits(times.hours).collect();
        let words = match every(times.hours, 24, "hour") {
            Some(words) => format!(" of {words}"),
            None => format!(" during the hours {}", runs(&hours, |h| format!("{h:02}"))),
        };
        text.push_str(&words);
    } else if times.minutes.is_power_of_two() && seconds_at_zero {
        let minute = times.minutes.trailing_zeros();
        text = if minute == 0 {
            "every hour".to_owned()
        } else {
            format!("every hour at minute {minute}")
        };
    }
    (text, false)
}
