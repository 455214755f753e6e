//! Cursors of lists: the sort key of the last item given out, so that pages neither repeat nor miss an item when rows
//! are inserted between them. And the bounds of a page: items, and bytes where items may be large.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::{
    contract::{Page, PageRequest},
    error::{Result, StoreError},
};

/// No page is larger, whatever was asked for.
const PAGE_MAX: u32 = 200;

/// A page of large items ends before it holds more bytes of JSON, except that it has one item at least. So a list needs
/// little memory, whatever tasks and results contain.
pub(crate) const PAGE_BYTES_MAX: u64 = 1 << 20;

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
        parts().ok_or_else(|| no_cursor(text))
    }
}

/// The refusal of a cursor that the list did not give out.
pub(crate) fn no_cursor(text: &str) -> StoreError {
    let shown: String = text.chars().take(64).collect();
    StoreError::Invalid(format!(
        "`{shown}` is no cursor of this list: use the `next` of the page before"
    ))
}

/// How many items a page may hold.
pub(crate) fn limit(page: &PageRequest) -> u32 {
    page.limit.clamp(1, PAGE_MAX)
}

/// How much of what a list holds makes the next page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Extent {
    pub(crate) items: usize,
    /// Whether there is more after the page.
    pub(crate) more: bool,
}

impl Extent {
    /// Decides by the sizes of the next items in bytes, of which one more than the limit was asked for.
    pub(crate) fn of(sizes: &[u64], page: &PageRequest) -> Self {
        let mut bytes = 0_u64;
        let fitting = sizes.iter().take(limit(page) as usize).take_while(|size| {
            bytes = bytes.saturating_add(**size);
            bytes <= PAGE_BYTES_MAX
        });
        let items = fitting.count().max(1).min(sizes.len());
        Self {
            items,
            more: sizes.len() > items,
        }
    }

    /// The page that has exactly these items.
    pub(crate) fn page<T>(self, items: Vec<T>, place: impl Fn(&T) -> Place) -> Page<T> {
        self.page_with(items, |item| place(item).encode())
    }

    /// The same in a list with its own cursor.
    pub(crate) fn page_with<T>(self, items: Vec<T>, cursor: impl Fn(&T) -> String) -> Page<T> {
        let next = items.last().filter(|_| self.more).map(cursor);
        Page { items, next }
    }
}

/// A page out of rows of which one more than the limit was asked for, in a list with its own cursor.
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

    #[test]
    fn a_page_ends_at_its_limit_or_before_it_is_too_large_and_is_never_empty() {
        let page = PageRequest { limit: 3, after: None };
        let max = PAGE_BYTES_MAX;
        for (sizes, items, more) in [
            (&[][..], 0, false),
            (&[1, 1, 1], 3, false),
            (&[1, 1, 1, 1], 3, true),
            (&[max, 1], 1, true),
            (&[max - 1, 1], 2, false),
            (&[max + 1], 1, false),
            (&[max + 1, 1], 1, true),
            (&[1, max, 1], 1, true),
            (&[u64::MAX, u64::MAX], 1, true),
        ] {
            assert_eq!(Extent::of(sizes, &page), Extent { items, more }, "{sizes:?}");
        }
    }
}
