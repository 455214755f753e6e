//! The event log as a list, newest first, and the topics in it.
//!
//! There is no index for every filter, so a list looks through the log; how far for one page is bounded. Bodies are read
//! only of what is shown.

use ordinaut_domain::{AgentId, EventView, LoggedEvent, Topic};
use sqlx::{Connection, SqliteConnection, sqlite::SqliteRow};

use super::{
    SqliteStore,
    columns::Columns,
    events::{SCAN_BATCH, is_wanted, read_one},
};
use crate::{
    codec::{DbTime, signed},
    contract::{EventFilter, Page, PageRequest, TopicCount},
    error::{Result, StoreError},
    page::{self, PAGE_BYTES_MAX, cut_with},
};

/// How much of the log the database looks through for a page, in positions.
const STRETCH: u64 = 250_000;

/// How many events of that stretch are taken up and found unwanted before the page ends.
const UNWANTED_MAX: usize = 20_000;

pub(super) async fn list(store: &SqliteStore, filter: &EventFilter, page: &PageRequest) -> Result<Page<LoggedEvent>> {
    let mut reader = store.reader().await?;
    let mut snapshot = reader.begin().await?;
    let mut below = match &page.after {
        Some(cursor) => place(cursor)?,
        None => u64::MAX,
    };
    if below == u64::MAX {
        below = last_position(&mut snapshot).await?.saturating_add(1);
    }
    let bottom = below.saturating_sub(STRETCH);
    let limit = page::limit(page) as usize;
    let (mut items, mut bytes, mut unwanted) = (Vec::new(), 0_u64, 0);
    loop {
        let batch = stretch(&mut snapshot, filter, below, bottom).await?;
        for head in &batch {
            if !head.is_wanted(filter) {
                unwanted += 1;
            } else if items.len() == limit || (bytes.saturating_add(head.bytes) > PAGE_BYTES_MAX && !items.is_empty()) {
                // There is at least this one more.
                return Ok(Page {
                    items,
                    next: Some(below.to_string()),
                });
            } else {
                bytes = bytes.saturating_add(head.bytes);
                items.push(read_one(&mut snapshot, head.position).await?);
            }
            below = head.position;
        }
        if batch.len() < SCAN_BATCH as usize {
            // Positions begin at 1.
            let next = (bottom > 1).then(|| bottom.to_string());
            return Ok(Page { items, next });
        }
        if unwanted >= UNWANTED_MAX {
            return Ok(Page {
                items,
                next: Some(below.to_string()),
            });
        }
    }
}

pub(super) async fn topics(
    store: &SqliteStore,
    view: Option<&EventView>,
    page: &PageRequest,
) -> Result<Page<TopicCount>> {
    let mut reader = store.reader().await?;
    let mut snapshot = reader.begin().await?;
    let rows = sqlx::query(sql!("common/list_topics"))
        .bind(page.after.as_deref().unwrap_or_default())
        .bind(i64::from(page::limit(page) + 1))
        .fetch_all(&mut *snapshot)
        .await?;
    let topic = |row| Columns::new(row, "event", "topic").parsed::<Topic>("topic");
    let mut names = rows.iter().map(topic).collect::<Result<Vec<_>>>()?;
    let names = cut_with(&mut names, page, |topic| topic.as_str().to_owned());
    let mut items = Vec::with_capacity(names.items.len());
    for topic in names.items {
        items.extend(counted(&mut snapshot, topic, view).await?);
    }
    Ok(Page {
        items,
        next: names.next,
    })
}

/// The topic with its count; none when no event of it is visible.
async fn counted(sql: &mut SqliteConnection, topic: Topic, view: Option<&EventView>) -> Result<Option<TopicCount>> {
    let rows = sqlx::query(sql!("common/count_topic"))
        .bind(topic.as_str())
        .fetch_all(sql)
        .await?;
    let mut found: Option<TopicCount> = None;
    for row in &rows {
        let c = Columns::new(row, "event", "topic");
        let owner = owner(c)?;
        if view.is_some_and(|view| !view.sees(&topic, owner)) {
            continue;
        }
        let (count, last_at) = (c.number::<u64>("events")?, c.time("last_at")?);
        found = Some(match found {
            None => TopicCount {
                topic: topic.clone(),
                count,
                last_at,
            },
            Some(before) => TopicCount {
                count: before.count + count,
                last_at: before.last_at.max(last_at),
                ..before
            },
        });
    }
    Ok(found)
}

/// What tells whether an event belongs to a list.
struct Head {
    position: u64,
    topic: Topic,
    owner: Option<AgentId>,
    bytes: u64,
}

impl Head {
    fn of(row: &SqliteRow) -> Result<Self> {
        let c = Columns::new(row, "event", "position");
        Ok(Self {
            position: c.number("position")?,
            topic: c.parsed("topic")?,
            owner: owner(c)?,
            bytes: c.number("bytes")?,
        })
    }

    fn is_wanted(&self, filter: &EventFilter) -> bool {
        is_wanted(&filter.topics, &self.topic) && filter.view.is_none_or(|view| view.sees(&self.topic, self.owner))
    }
}

/// Whom the task belongs to that the event tells of. What is no id is nobody.
fn owner(columns: Columns<'_>) -> Result<Option<AgentId>> {
    let text = columns.get::<Option<&str>>("owner")?;
    Ok(text.and_then(|text| text.parse().ok()))
}

async fn stretch(sql: &mut SqliteConnection, filter: &EventFilter, below: u64, bottom: u64) -> Result<Vec<Head>> {
    let rows = sqlx::query(sql!("common/list_events"))
        .bind(signed(below))
        .bind(signed(bottom))
        .bind(filter.subject.as_deref())
        .bind(filter.since.map(DbTime))
        .bind(filter.until.map(DbTime))
        .bind(SCAN_BATCH)
        .fetch_all(sql)
        .await?;
    rows.iter().map(Head::of).collect()
}

async fn last_position(sql: &mut SqliteConnection) -> Result<u64> {
    let row = sqlx::query(sql!("common/last_event_position")).fetch_one(sql).await?;
    Columns::new(&row, "event", "position").number("position")
}

/// The cursor: everything before this position is still to come.
fn place(cursor: &str) -> Result<u64> {
    cursor.parse().map_err(|_| {
        let shown: String = cursor.chars().take(64).collect();
        StoreError::Invalid(format!(
            "`{shown}` is no cursor of this list: use the `next` of the page before"
        ))
    })
}
