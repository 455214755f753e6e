//! The times of day of a rule: every combination of a set of hours, of minutes and of seconds.
//!
//! The sets are bit masks, so that `BYHOUR=0,…,23;BYMINUTE=0,…,59` costs no more than one time: the combinations are
//! never listed, only counted and addressed.

/// The set bits of `mask`, as small numbers, ascending.
pub(crate) fn bits(mask: u64) -> impl DoubleEndedIterator<Item = u32> {
    (0..64).filter(move |bit| mask >> bit & 1 == 1)
}

/// The lowest set bit at or above `from`.
pub(crate) fn next_bit(mask: u64, from: u32) -> Option<u32> {
    let rest = mask.checked_shr(from).unwrap_or(0);
    (rest != 0).then(|| from + rest.trailing_zeros())
}

/// The highest set bit at or below `to`.
pub(crate) fn prev_bit(mask: u64, to: u32) -> Option<u32> {
    let rest = if to >= 63 { mask } else { mask & ((2 << to) - 1) };
    (rest != 0).then(|| rest.ilog2())
}

/// The set bit with `index` lower set bits.
fn nth_bit(mask: u64, index: u64) -> Option<u32> {
    let mut rest = mask;
    for _ in 0..index.min(64) {
        rest &= rest.wrapping_sub(1);
    }
    (rest != 0).then(|| rest.trailing_zeros())
}

/// A set of times of day. Never empty: each mask has at least one bit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Times {
    pub(crate) hours: u64,
    pub(crate) minutes: u64,
    pub(crate) seconds: u64,
}

impl Times {
    pub(crate) fn len(&self) -> u64 {
        u64::from(self.hours.count_ones() * self.minutes.count_ones() * self.seconds.count_ones())
    }

    pub(crate) fn contains(&self, second_of_day: u32) -> bool {
        let (hour, minute, second) = parts(second_of_day);
        (self.hours >> hour) & (self.minutes >> minute) & (self.seconds >> second) & 1 == 1
    }

    pub(crate) fn first(&self) -> u32 {
        self.hours.trailing_zeros() * 3600 + self.minutes.trailing_zeros() * 60 + self.seconds.trailing_zeros()
    }

    pub(crate) fn last(&self) -> u32 {
        let top = |mask: u64| 63 - mask.leading_zeros().min(63);
        top(self.hours) * 3600 + top(self.minutes) * 60 + top(self.seconds)
    }

    /// The first time at or after a second of the day.
    pub(crate) fn at_or_after(&self, second_of_day: u32) -> Option<u32> {
        let (hour, minute, second) = parts(second_of_day);
        let first_minute = self.minutes.trailing_zeros() * 60;
        let first_second = self.seconds.trailing_zeros();
        if self.hours >> hour & 1 == 1 {
            if self.minutes >> minute & 1 == 1
                && let Some(s) = next_bit(self.seconds, second)
            {
                return Some(hour * 3600 + minute * 60 + s);
            }
            if let Some(m) = next_bit(self.minutes, minute + 1) {
                return Some(hour * 3600 + m * 60 + first_second);
            }
        }
        next_bit(self.hours, hour + 1).map(|h| h * 3600 + first_minute + first_second)
    }

    /// The last time at or before a second of the day.
    pub(crate) fn at_or_before(&self, second_of_day: u32) -> Option<u32> {
        let (hour, minute, second) = parts(second_of_day);
        let last_second = 63 - self.seconds.leading_zeros().min(63);
        let last_minute = (63 - self.minutes.leading_zeros().min(63)) * 60;
        if self.hours >> hour & 1 == 1 {
            if self.minutes >> minute & 1 == 1
                && let Some(s) = prev_bit(self.seconds, second)
            {
                return Some(hour * 3600 + minute * 60 + s);
            }
            if let Some(m) = minute.checked_sub(1).and_then(|before| prev_bit(self.minutes, before)) {
                return Some(hour * 3600 + m * 60 + last_second);
            }
        }
        let hour = hour.checked_sub(1).and_then(|before| prev_bit(self.hours, before))?;
        Some(hour * 3600 + last_minute + last_second)
    }

    /// The time with `index` earlier ones.
    pub(crate) fn nth(&self, index: u64) -> Option<u32> {
        let seconds = u64::from(self.seconds.count_ones());
        let minutes = u64::from(self.minutes.count_ones());
        let hour = nth_bit(self.hours, index / (minutes * seconds))?;
        let minute = nth_bit(self.minutes, index / seconds % minutes)?;
        let second = nth_bit(self.seconds, index % seconds)?;
        Some(hour * 3600 + minute * 60 + second)
    }

    /// How many times are earlier than a second of the day (which may be 86,400).
    pub(crate) fn count_before(&self, second_of_day: u32) -> u64 {
        let below = |mask: u64, bit: u32| u64::from((mask & ((1_u64 << bit) - 1)).count_ones());
        let (hour, minute, second) = parts(second_of_day);
        let seconds = u64::from(self.seconds.count_ones());
        let minutes = u64::from(self.minutes.count_ones());
        let mut count = below(self.hours, hour) * minutes * seconds;
        if self.hours >> hour & 1 == 1 {
            count += below(self.minutes, minute) * seconds;
            if self.minutes >> minute & 1 == 1 {
                count += below(self.seconds, second);
            }
        }
        count
    }

    /// All times, ascending. For display; may have 86,400 members.
    pub(crate) fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        bits(self.hours).flat_map(move |h| {
            bits(self.minutes).flat_map(move |m| bits(self.seconds).map(move |s| h * 3600 + m * 60 + s))
        })
    }
}

/// Hour, minute and second of a second of the day.
pub(crate) fn parts(second_of_day: u32) -> (u32, u32, u32) {
    (second_of_day / 3600, second_of_day / 60 % 60, second_of_day % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_question_agrees_with_the_listed_times() {
        let times = Times {
            hours: 1 << 0 | 1 << 9 | 1 << 23,
            minutes: 1 << 5 | 1 << 59,
            seconds: 1 << 0 | 1 << 59,
        };
        let listed: Vec<u32> = times.iter().collect();
        assert_eq!(times.len(), listed.len() as u64);
        assert_eq!((times.first(), times.last()), (listed[0], listed[listed.len() - 1]));
        for second in 0..86_400 {
            assert_eq!(times.contains(second), listed.contains(&second));
            assert_eq!(times.at_or_after(second), listed.iter().copied().find(|t| *t >= second));
            assert_eq!(
                times.at_or_before(second),
                listed.iter().rev().copied().find(|t| *t <= second)
            );
            assert_eq!(
                times.count_before(second),
                listed.iter().filter(|t| **t < second).count() as u64
            );
        }
        assert_eq!(times.count_before(86_400), times.len());
        for (index, time) in listed.iter().enumerate() {
            assert_eq!(times.nth(index as u64), Some(*time));
        }
        assert_eq!(times.nth(times.len()), None);
    }
}
