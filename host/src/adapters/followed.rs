//! How far extensions have followed the log.
//!
//! An extension asks again and again from the last event that it got. Were each look to begin there, one that waits
//! for a rare event would look at the whole log since, every time. So it is remembered that nothing was wanted up to
//! some place; the log only grows, so that stays true, for whoever asks.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use ordinaut_domain::TopicPattern;

/// Followers that are remembered; more than wait at the same time. Forgetting one costs a look, and nothing else.
const FOLLOWERS_MAX: usize = 1_024;

/// Places by what was asked for: topics, and the position after which to begin.
#[derive(Default)]
pub(super) struct Followed(Mutex<HashMap<(Vec<TopicPattern>, u64), u64>>);

impl Followed {
    /// Where the look for these topics after a position may begin.
    pub(super) fn place_of(&self, topics: &[TopicPattern], after: u64) -> u64 {
        let places = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        places
            .get(&(topics.to_vec(), after))
            .map_or(after, |place| after.max(*place))
    }

    /// Nothing of these topics lies after `after`, up to `place`.
    pub(super) fn note(&self, topics: &[TopicPattern], after: u64, place: u64) {
        let mut places = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if places.len() >= FOLLOWERS_MAX {
            places.clear();
        }
        places.insert((topics.to_vec(), after), place);
    }

    /// A follower has gone on from there.
    pub(super) fn forget(&self, topics: &[TopicPattern], after: u64) {
        let mut places = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        places.remove(&(topics.to_vec(), after));
    }
}

#[cfg(test)]
mod tests {
    use super::{FOLLOWERS_MAX, Followed};

    #[test]
    fn a_look_begins_where_the_last_one_of_the_same_kind_ended() {
        let followed = Followed::default();
        let (orders, all) = (vec!["orders.*".parse().unwrap()], Vec::new());
        followed.note(&orders, 7, 90);
        assert_eq!(followed.place_of(&orders, 7), 90);
        assert_eq!(followed.place_of(&orders, 8), 8, "nothing is known of what lies after");
        assert_eq!(followed.place_of(&all, 7), 7, "others want other events");
        followed.forget(&orders, 7);
        assert_eq!(followed.place_of(&orders, 7), 7);
    }

    #[test]
    fn what_is_remembered_is_limited() {
        let followed = Followed::default();
        for after in 0..10_000 {
            followed.note(&[], after, after + 1);
            assert!(followed.0.lock().unwrap().len() <= FOLLOWERS_MAX);
        }
    }
}
