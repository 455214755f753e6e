//! Cursors of lists: the sort key of the last item given out, so that pages neither repeat nor miss an item when rows
//! are inserted between them.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::{
    contract::{Page, PageRequest},
    error::{Result, StoreError},
};

/// No page is larger, whatever was asked for.
const PAGE_MAX: u32 = 200;

/// The place after an item in a list that is sorted by an instant and an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) at: DateTime<Utc>,
    pub(crate) id: Uuid,
}

impl Place {
    fn encode(self) -> String {
        format!("{:x}-{}", self.at.timestamp_micros(), self.id.simple())
    }

    /// Reads the cursor of a request.
    pub(crate) fn of(page: &PageRequest) -> Result<Option<Self>> {
        page.after.as_deref().map(Self::decode).transpose()
    }

    fn decode(text: &str) -> Result<Self> {
        let parts = || {
            let (at, id) = text.split_once('-')?;
            let at = DateTime::from_timestamp_micros(i64::from_str_radix(at, 16).ok()?)?;
            Some(Self {
                at,
                id: Uuid::try_parse(id).ok()?,
            })
        };
        parts().ok_or_else(|| {
            let shown: String = text.chars().take(64).collect();
            StoreError::Invalid(format!(
                "`{shown}` is no cursor of this list: use the `next` of the page before"
            ))
        })
    }
}

/// How many items a page may hold.
pub(crate) fn limit(page: &PageRequest) -> u32 {
    page.limit.clamp(1, PAGE_MAX)
}

/// A page out of rows of which one more than the limit was asked for.
pub(crate) fn cut<T>(mut items: Vec<T>, page: &PageRequest, place: impl Fn(&T) -> Place) -> Page<T> {
    cut_with(&mut items, page, |item| place(item).encode())
}

/// The same for a list with its own cursor.
pub(crate) fn cut_with<T>(items: &mut Vec<T>, page: &PageRequest, cursor: impl Fn(&T) -> String) -> Page<T> {
    let limit = limit(page) as usize;
    let more = items.len() > limit;
    items.truncate(limit);
    let next = if more { items.last().map(cursor) } else { None };
    Page {
        items: std::mem::take(items),
        next,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_reads_back_as_it_was_and_anything_else_is_refused() {
        for micros in [0, 1_700_000_000_000_001, 253_402_300_799_999_999] {
            let place = Place {
                at: DateTime::from_timestamp_micros(micros).unwrap(),
                id: Uuid::from_u128(7),
            };
            assert_eq!(Place::decode(&place.encode()).unwrap(), place);
        }
        for text in ["", "-", "12", "zz-00000000000000000000000000000007", "12-34", "ÿ-ÿ"] {
            assert!(matches!(Place::decode(text), Err(StoreError::Invalid(_))), "{text}");
        }
    }
}
