//! Events: published, listed and followed.

mod cloud_event;
pub(super) mod list;
mod live;
pub(super) mod places;
pub(super) mod publish;
pub(super) mod stream;
pub(super) mod topics;

use ordinaut_domain::TopicPattern;

use super::input::Query;

/// Every event that is stored is held against each of them.
const PATTERNS_MAX: usize = 32;

/// Topic patterns as a comma list; none when the parameter is not given, which means every topic.
fn patterns(query: &mut Query, name: &'static str) -> Vec<TopicPattern> {
    let patterns = query.parsed_list(name, "topics or patterns such as `orders.*,ordinaut.run.**`");
    if patterns.len() > PATTERNS_MAX {
        query.fault(
            name,
            "too_many",
            format!("has {} patterns; at most {PATTERNS_MAX} are taken", patterns.len()),
        );
    }
    patterns
}
