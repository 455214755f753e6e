//! Lists of tasks: filters, orders, and the cursor of each order.

use chrono::{DateTime, Utc};
use ordinaut_domain::Task;
use sqlx::{Connection as _, QueryBuilder, Sqlite};
use uuid::Uuid;

use super::{SqliteStore, columns::Columns, rows};
use crate::{
    codec::DbTime,
    contract::{Page, PageRequest, TaskFilter, TaskOrder, TaskSort},
    error::Result,
    names::Named,
    page::{self, Extent},
};

/// All of a task.
const COLUMNS: &str = "id, owner, status, version, definition, next_run_at, next_occurrence, schedule_checkpoint, runs_made, \
    last_run_id, last_run_state, last_run_scheduled_for, last_run_finished_at, created_at, updated_at";

/// How large a task is in a list.
const SIZES: &str = "id, octet_length(definition) AS bytes";

/// As [`Task::next_run_at`] says it.
const NEXT_RUN_AT: &str = "(CASE WHEN status = 'paused' THEN NULL ELSE next_run_at END)";

/// See [`Tasks::list_tasks`](crate::Tasks::list_tasks).
pub(super) async fn list(store: &SqliteStore, filter: &TaskFilter, page: &PageRequest) -> Result<Page<Task>> {
    let after = page
        .after
        .as_deref()
        .map(|text| Place::decode(text, filter.order.by))
        .transpose()?;
    let mut reader = store.reader().await?;
    // One snapshot for both looks: the first, without reading what is large, at how much makes a page.
    let mut snapshot = reader.begin().await?;
    let mut query = list_query(SIZES, filter, after.as_ref(), page::limit(page) + 1);
    let sizes = query.build().fetch_all(&mut *snapshot).await?;
    let size = |row| Columns::new(row, "task", "id").number("bytes");
    let extent = Extent::of(&sizes.iter().map(size).collect::<Result<Vec<_>>>()?, page);
    let mut query = list_query(COLUMNS, filter, after.as_ref(), extent.items as u32);
    let rows = query.build().fetch_all(&mut *snapshot).await?;
    let tasks = rows.iter().map(rows::task).collect::<Result<Vec<_>>>()?;
    Ok(extent.page_with(tasks, |task| Place::of(task, filter.order.by).encode(filter.order.by)))
}

/// The place after a task in one of the orders.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Place {
    key: Key,
    id: Uuid,
}

/// What tasks are sorted by, of one task.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Key {
    Time(DateTime<Utc>),
    Text(String),
    Nothing,
}

impl Place {
    fn of(task: &Task, by: TaskSort) -> Self {
        let key = match by {
            TaskSort::CreatedAt => Key::Time(task.created_at),
            TaskSort::UpdatedAt => Key::Time(task.updated_at),
            TaskSort::NextRunAt => task.next_run_at().map_or(Key::Nothing, Key::Time),
            TaskSort::Title => Key::Text(task.definition.title.to_lowercase()),
        };
        Self {
            key,
            id: task.id.as_uuid(),
        }
    }

    /// The order's letter, the key, and after the last hyphen the id.
    fn encode(&self, by: TaskSort) -> String {
        let key = match &self.key {
            Key::Time(at) => format!("{:x}", at.timestamp_micros()),
            Key::Text(text) => text.clone(),
            Key::Nothing => String::new(),
        };
        format!("{}{key}-{}", letter(by), self.id.simple())
    }

    fn decode(text: &str, by: TaskSort) -> Result<Self> {
        let place = || {
            let (key, id) = text.strip_prefix(letter(by))?.rsplit_once('-')?;
            let key = match by {
                TaskSort::Title => Key::Text(key.to_owned()),
                TaskSort::NextRunAt if key.is_empty() => Key::Nothing,
                _ => Key::Time(DateTime::from_timestamp_micros(i64::from_str_radix(key, 16).ok()?)?),
            };
            Some(Self {
                key,
                id: Uuid::try_parse(id).ok()?,
            })
        };
        place().ok_or_else(|| page::no_cursor(text))
    }
}

const fn letter(by: TaskSort) -> char {
    match by {
        TaskSort::CreatedAt => 'c',
        TaskSort::UpdatedAt => 'u',
        TaskSort::NextRunAt => 'n',
        TaskSort::Title => 't',
    }
}

const fn column(by: TaskSort) -> &'static str {
    match by {
        TaskSort::CreatedAt => "created_at",
        TaskSort::UpdatedAt => "updated_at",
        TaskSort::NextRunAt => NEXT_RUN_AT,
        TaskSort::Title => "title_folded",
    }
}

fn list_query(select: &'static str, filter: &TaskFilter, after: Option<&Place>, limit: u32) -> QueryBuilder<Sqlite> {
    let mut query = QueryBuilder::new("SELECT ");
    query.push(select).push(" FROM task WHERE TRUE");
    push_any(&mut query, " AND status IN (", &filter.status);
    push_any(&mut query, " AND schedule_kind IN (", &filter.kind);
    if let Some(owner) = filter.owner {
        query.push(" AND owner = ").push_bind(owner.as_uuid());
    }
    if let Some(tag) = &filter.tag {
        query
            .push(" AND id IN (SELECT task_id FROM task_tag WHERE tag = ")
            .push_bind(tag.clone())
            .push(")");
    }
    if let Some(text) = &filter.query {
        query
            .push(" AND title_folded LIKE ")
            .push_bind(contains(text))
            .push(" ESCAPE '\\'");
    }
    if let Some(limit) = filter.due_before {
        query
            .push(" AND status <> 'paused' AND next_run_at < ")
            .push_bind(DbTime(limit));
    }
    if let Some(place) = after {
        push_after(&mut query, place, filter.order);
    }
    push_order(&mut query, filter.order);
    query.push(" LIMIT ").push_bind(i64::from(limit));
    query
}

/// Nothing when nothing is asked for.
fn push_any<T: Named + Copy>(query: &mut QueryBuilder<Sqlite>, begin: &'static str, wanted: &[T]) {
    if wanted.is_empty() {
        return;
    }
    query.push(begin);
    let mut names = query.separated(", ");
    for name in wanted {
        names.push_bind(name.name());
    }
    query.push(")");
}

/// What comes after a place. What has no key comes last.
fn push_after(query: &mut QueryBuilder<Sqlite>, place: &Place, order: TaskOrder) {
    let (column, beyond) = (column(order.by), if order.descending { "<" } else { ">" });
    let optional = order.by == TaskSort::NextRunAt;
    if place.key == Key::Nothing {
        query
            .push(" AND ")
            .push(column)
            .push(" IS NULL AND id ")
            .push(beyond)
            .push(" ");
        query.push_bind(place.id);
        return;
    }
    query
        .push(" AND ((")
        .push(column)
        .push(", id) ")
        .push(beyond)
        .push(" (");
    match &place.key {
        Key::Time(at) => query.push_bind(DbTime(*at)),
        Key::Text(text) => query.push_bind(text.clone()),
        Key::Nothing => query.push("NULL"),
    };
    query.push(", ").push_bind(place.id).push(")");
    if optional {
        query.push(" OR ").push(column).push(" IS NULL");
    }
    query.push(")");
}

fn push_order(query: &mut QueryBuilder<Sqlite>, order: TaskOrder) {
    let (column, direction) = (column(order.by), if order.descending { " DESC" } else { "" });
    query.push(" ORDER BY ");
    if order.by == TaskSort::NextRunAt {
        query.push(column).push(" IS NULL, ");
    }
    query.push(column).push(direction).push(", id").push(direction);
}

/// A LIKE pattern for folded text that has `text` somewhere in it.
fn contains(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len() + 2);
    pattern.push('%');
    for c in text.to_lowercase().chars() {
        if matches!(c, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern.push('%');
    pattern
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_reads_back_in_its_own_order_and_in_no_other() {
        let id = Uuid::from_u128(7);
        let at = DateTime::from_timestamp_micros(1_700_000_000_000_001).unwrap();
        for (by, key) in [
            (TaskSort::CreatedAt, Key::Time(at)),
            (TaskSort::UpdatedAt, Key::Time(at)),
            (TaskSort::NextRunAt, Key::Time(at)),
            (TaskSort::NextRunAt, Key::Nothing),
            (TaskSort::Title, Key::Text("a-b - ș".into())),
            (TaskSort::Title, Key::Text(String::new())),
        ] {
            let place = Place { key, id };
            let text = place.encode(by);
            assert_eq!(Place::decode(&text, by).unwrap(), place);
            for other in [
                TaskSort::CreatedAt,
                TaskSort::UpdatedAt,
                TaskSort::NextRunAt,
                TaskSort::Title,
            ] {
                assert_eq!(Place::decode(&text, other).is_ok(), other == by, "{text}");
            }
        }
    }
}
