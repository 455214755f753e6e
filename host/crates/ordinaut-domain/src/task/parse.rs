//! From the document that an author sends to a validated definition.

use chrono::{DateTime, SecondsFormat, Utc};
use ordinaut_schedule::{DstPolicy, Fold, Gap, MAX_TEXT_BYTES, Timetable, Zone};
use serde_json::{Map, Value};

use super::schedule::{self, NOT_YET};
use super::{Concurrency, Durability, MisfirePolicy, Payload, ScheduleKind};
use crate::document::{Fields, child, type_name};
use crate::pipeline::Pipeline;
use crate::{RetryPolicy, TaskDefinition, Violation, retry};

/// What a definition is read against.
#[derive(Debug, Clone, Copy)]
pub struct TaskContext<'a> {
    /// The present instant: anchors a bare RRULE, and tells whether a `once` is in the past.
    pub now: DateTime<Utc>,
    /// The zone of tasks that name none.
    pub default_timezone: &'a str,
}

/// Fields that a task shows and that nobody can set. A caller that takes a whole task back (`PUT`) removes them
/// first; in a new task they are refused.
pub const READ_ONLY: [&str; 13] = [
    "id",
    "owner",
    "status",
    "version",
    "next_run_at",
    "next_occurrence",
    "runs_made",
    "last_run",
    "created_at",
    "updated_at",
    "schedule",
    "warnings",
    "message",
];

const FIELDS: [&str; 27] = [
    "title",
    "description",
    "schedule_kind",
    "schedule_expr",
    "timezone",
    "dst",
    "payload",
    "priority",
    "dedupe_key",
    "dedupe_window_seconds",
    "max_retries",
    "backoff_strategy",
    "backoff_base_seconds",
    "backoff_cap_seconds",
    "concurrency_key",
    "concurrency_limit",
    "overlap_policy",
    "misfire_policy",
    "catchup_window_seconds",
    "jitter_seconds",
    "starts_at",
    "ends_at",
    "max_runs",
    "timeout_seconds",
    "durability",
    "tags",
    "condition",
];

/// A year, in seconds.
const YEAR: u64 = 366 * 86_400;
/// A day, in seconds: the default of the catch-up window, and the most jitter.
const DAY: u64 = 86_400;
/// A week, in seconds: the longest that a run may take.
const MAX_TIMEOUT_SECONDS: u64 = 7 * DAY;
const DEFAULT_TIMEOUT_SECONDS: u64 = 3_600;
const MAX_KEY_CHARS: usize = 200;
const MAX_TAGS: usize = 50;
const MAX_TAG_CHARS: usize = 64;

/// A whole task as it is shown, or a part of it, without what only the server writes.
pub fn without_read_only(mut document: Value) -> Value {
    if let Value::Object(members) = &mut document {
        members.retain(|name, _| !READ_ONLY.contains(&name.as_str()));
    }
    document
}

impl TaskDefinition {
    /// Reads a definition; all faults are reported at once, each with its place.
    pub fn parse(document: &Value, context: &TaskContext<'_>) -> Result<Self, Vec<Violation>> {
        read(document, context, None)
    }

    /// The same for a document that replaces `previous`. A rule without DTSTART that says what the previous one said
    /// keeps that one's DTSTART, and a single time that stays the same may have passed.
    pub fn parse_replacement(
        document: &Value,
        context: &TaskContext<'_>,
        previous: &Self,
    ) -> Result<Self, Vec<Violation>> {
        read(document, context, Some(previous))
    }
}

fn read(
    document: &Value,
    context: &TaskContext<'_>,
    previous: Option<&TaskDefinition>,
) -> Result<TaskDefinition, Vec<Violation>> {
    let mut violations = Vec::new();
    let definition =
        Fields::of(document, "", &mut violations).and_then(|mut fields| definition(&mut fields, context, previous));
    match definition {
        Some(definition) if violations.is_empty() => Ok(definition),
        _ => Err(violations),
    }
}

/// None when a required part is missing; complete only if nothing was noted.
fn definition(
    fields: &mut Fields<'_, '_>,
    context: &TaskContext<'_>,
    previous: Option<&TaskDefinition>,
) -> Option<TaskDefinition> {
    fields.refuse_unknown(&FIELDS, explain_unknown);
    let title = read_title(fields);
    let description = fields.text("description", 0..=2000).filter(|text| !text.is_empty());
    let payload = read_payload(fields);
    let starts_at = fields.instant("starts_at");
    let ends_at = fields.instant("ends_at");
    if let (Some(start), Some(end)) = (starts_at, ends_at)
        && end < start
    {
        fields.fault("ends_at", "out_of_range", "`ends_at` lies before `starts_at`");
    }
    let misfire_policy: Option<MisfirePolicy> = fields.choice("misfire_policy", &["run_once", "skip", "run_all"]);
    let catchup_window_seconds = fields.integer("catchup_window_seconds", 0..=YEAR).unwrap_or(DAY);
    let schedule = read_schedule(
        fields,
        &ScheduleInput {
            context,
            starts_at,
            misfire_policy,
            catchup_window_seconds,
            previous,
        },
    );
    let retry = read_retry(fields);
    let concurrency = read_concurrency(fields);
    let dedupe_key = fields.text("dedupe_key", 1..=MAX_KEY_CHARS);
    let dedupe_window_seconds = fields.integer("dedupe_window_seconds", 0..=YEAR).unwrap_or(0);
    if dedupe_window_seconds > 0 && fields.value("dedupe_key").is_none() {
        fields.fault(
            "dedupe_window_seconds",
            "incomplete",
            "a deduplication window needs a `dedupe_key`",
        );
    }
    let priority = fields.integer("priority", 1..=9).unwrap_or(5) as u8;
    let overlap_policy = fields
        .choice(
            "overlap_policy",
            &["skip", "queue_one", "queue_all", "allow", "cancel_previous"],
        )
        .unwrap_or_default();
    let jitter_seconds = fields.integer("jitter_seconds", 0..=DAY).unwrap_or(0);
    let max_runs = fields.integer("max_runs", 1..=u64::from(u32::MAX));
    let timeout_seconds = fields
        .integer("timeout_seconds", 1..=MAX_TIMEOUT_SECONDS)
        .unwrap_or(DEFAULT_TIMEOUT_SECONDS);
    let durability = fields.choice("durability", &["step", "run"]);
    let tags = read_tags(fields);

    let (payload, schedule) = (payload?, schedule?);
    let durability = durability.unwrap_or(if payload.pipeline.steps.len() > 1 {
        Durability::Step
    } else {
        Durability::Run
    });
    Some(TaskDefinition {
        title: title?,
        description,
        schedule_kind: schedule.kind,
        schedule_expr: schedule.expr,
        timezone: schedule.timezone,
        dst: schedule.dst,
        payload,
        priority,
        dedupe_key,
        dedupe_window_seconds,
        retry,
        concurrency,
        overlap_policy,
        misfire_policy: misfire_policy.unwrap_or_default(),
        catchup_window_seconds,
        jitter_seconds,
        starts_at,
        ends_at,
        max_runs,
        timeout_seconds,
        durability,
        tags,
    })
}

fn explain_unknown(name: &str) -> Option<(&'static str, String)> {
    if READ_ONLY.contains(&name) {
        return Some(("read_only", format!("`{name}` is set by the server; leave it out")));
    }
    let detail = match name {
        "created_by" => "`created_by` cannot be set: a task belongs to the agent whose token created it",
        "pipeline" | "params" => return Some(("unknown_field", format!("`{name}` belongs into `payload`"))),
        "schedule" | "cron" | "rrule" => "a schedule is `schedule_kind` and `schedule_expr`",
        _ => return None,
    };
    Some(("unknown_field", detail.to_owned()))
}

fn read_title(fields: &mut Fields<'_, '_>) -> Option<String> {
    fields.require("title", "say in a few words what the task does");
    let title = fields.text("title", 1..=200)?;
    if title.trim().is_empty() {
        fields.fault("title", "length", "`title` is blank");
        return None;
    }
    if let Some(c) = title.chars().find(|c| is_deceptive(*c)) {
        let detail = format!(
            "`title` holds the character U+{:04X}, which controls how text is shown and is not shown itself; leave it out",
            u32::from(c)
        );
        fields.fault("title", "character", detail);
        return None;
    }
    Some(title)
}

/// Characters that change how a text is shown (in terminals and logs, too) without being seen: controls, line and
/// paragraph separators, and what embeds, overrides or isolates the direction of writing.
fn is_deceptive(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

fn read_payload(fields: &mut Fields<'_, '_>) -> Option<Payload> {
    fields.require(
        "payload",
        "what the task does, for instance {\"pipeline\": [{\"uses\": \"http.request\"}]}",
    );
    let value = fields.value("payload")?;
    let pointer = fields.pointer_to("payload");
    let mut payload = Fields::of(value, &pointer, fields.violations())?;
    payload.refuse_unknown(&["params", "pipeline"], |_| None);
    payload.require("pipeline", "the list of steps");
    let params = match payload.value("params") {
        None => Value::Object(Map::new()),
        Some(params @ Value::Object(_)) => params.clone(),
        Some(other) => {
            payload.fault(
                "params",
                "type",
                format!("`params` must be an object, not {}", type_name(other)),
            );
            Value::Null
        }
    };
    let pipeline_at = payload.pointer_to("pipeline");
    let document = payload.value("pipeline")?;
    let pipeline = Pipeline::read(document, &pipeline_at, payload.violations())?;
    Some(Payload { params, pipeline })
}

struct ScheduleInput<'a> {
    context: &'a TaskContext<'a>,
    starts_at: Option<DateTime<Utc>>,
    misfire_policy: Option<MisfirePolicy>,
    catchup_window_seconds: u64,
    previous: Option<&'a TaskDefinition>,
}

struct Schedule {
    kind: ScheduleKind,
    expr: String,
    timezone: String,
    dst: Option<DstPolicy>,
}

fn read_schedule(fields: &mut Fields<'_, '_>, input: &ScheduleInput<'_>) -> Option<Schedule> {
    fields.require("schedule_kind", "`cron`, `rrule` or `once`");
    let kind: Option<ScheduleKind> = fields.choice("schedule_kind", &["cron", "rrule", "once", "event", "condition"]);
    let dst = read_dst(fields);
    let timezone = fields.text("timezone", 1..=100);
    let timezone = match timezone {
        None if fields.value("timezone").is_some() => return None,
        None => input.context.default_timezone.to_owned(),
        Some(name) => name,
    };
    let zone = Zone::parse(&timezone)
        .map_err(|error| fields.violations().push(schedule::violation("/timezone", &error)))
        .ok();
    if matches!(kind?, ScheduleKind::Event | ScheduleKind::Condition) {
        fields.fault("schedule_kind", "not_supported_yet", NOT_YET);
        return None;
    }
    // Without its zone a schedule is still looked at, so that its own faults are reported with the zone's.
    let (kind, known_zone, zone) = (kind?, zone, zone.unwrap_or(Zone::UTC));
    if fields.value("condition").is_some() {
        fields.fault("condition", "not_supported_yet", NOT_YET);
    }
    let example = match kind {
        ScheduleKind::Cron => "for instance \"0 8 * * 1-5\"",
        ScheduleKind::Rrule => "for instance \"FREQ=WEEKLY;BYDAY=TU;BYHOUR=8;BYMINUTE=30\"",
        _ => "for instance \"2026-12-24T08:30\"",
    };
    fields.require("schedule_expr", example);
    let text = fields.text("schedule_expr", 1..=MAX_TEXT_BYTES)?;
    let anchor = if kind == ScheduleKind::Rrule && input.starts_at.is_none() {
        schedule::anchor(&text, input.context.now, zone)
    } else {
        input.starts_at.unwrap_or(input.context.now)
    };
    let timetable = match schedule::read(kind, &text, anchor, zone, dst) {
        Ok(timetable) => timetable,
        Err(violation) => {
            fields.violations().push(violation);
            return None;
        }
    };
    let expr = match kind {
        ScheduleKind::Rrule if !schedule::has_start(&text) => anchored(&text, &timetable, input.previous),
        _ => text,
    };
    known_zone?;
    if kind == ScheduleKind::Once {
        refuse_past(fields, &timetable, &expr, input);
    }
    Some(Schedule {
        kind,
        expr,
        timezone,
        dst,
    })
}

/// The rule with its DTSTART written out: the one that it had before, if it is the same rule.
fn anchored(text: &str, timetable: &Timetable, previous: Option<&TaskDefinition>) -> String {
    let fresh = timetable.normalized();
    match previous
        .filter(|task| task.schedule_kind == ScheduleKind::Rrule)
        .map(|task| &task.schedule_expr)
    {
        Some(old)
            if schedule::has_start(old) && {
                let lines = schedule::without_start(old);
                lines == schedule::without_start(text) || lines == schedule::without_start(&fresh)
            } =>
        {
            old.clone()
        }
        _ => fresh,
    }
}

fn refuse_past(fields: &mut Fields<'_, '_>, timetable: &Timetable, expr: &str, input: &ScheduleInput<'_>) {
    let now = input.context.now;
    if !matches!(timetable.next_after(now, None), Ok(None)) {
        return;
    }
    let passed_at = timetable.prev_before(now).ok().flatten().map(|last| last.at);
    let late = passed_at.map_or(u64::MAX, |at| {
        u64::try_from(now.signed_duration_since(at).num_seconds()).unwrap_or(0)
    });
    let window = input.catchup_window_seconds;
    let same = input
        .previous
        .is_some_and(|old| old.schedule_kind == ScheduleKind::Once && old.schedule_expr == expr);
    let wanted = matches!(
        input.misfire_policy,
        Some(MisfirePolicy::RunOnce | MisfirePolicy::RunAll)
    );
    if !same && !wanted {
        let now = now.to_rfc3339_opts(SecondsFormat::Secs, true);
        let detail = if late > window {
            format!(
                "this time has passed (it is {now}), longer ago than `catchup_window_seconds` allows ({window}); choose a \
                 later one"
            )
        } else {
            format!(
                "this time has passed (it is {now}); choose a later one, or give the field \"misfire_policy\": \
                 \"run_once\" explicitly to run it now (its default is not enough for that)"
            )
        };
        fields.fault("schedule_expr", "in_the_past", detail);
    }
}

fn read_dst(fields: &mut Fields<'_, '_>) -> Option<DstPolicy> {
    let value = fields.value("dst")?;
    let pointer = fields.pointer_to("dst");
    let mut dst = Fields::of(value, &pointer, fields.violations())?;
    dst.refuse_unknown(&["gap", "fold"], |_| None);
    dst.require(
        "gap",
        "what becomes of a local time that does not exist: shift, first_after or skip",
    );
    dst.require("fold", "which of two equal local times counts: first, both or second");
    let gap: Option<Gap> = dst.choice("gap", &["shift", "first_after", "skip"]);
    let fold: Option<Fold> = dst.choice("fold", &["first", "both", "second"]);
    Some(DstPolicy { gap: gap?, fold: fold? })
}

fn read_retry(fields: &mut Fields<'_, '_>) -> RetryPolicy {
    let default = RetryPolicy::default();
    let max_retries = fields.integer("max_retries", 0..=u64::from(retry::MAX_RETRIES));
    let strategy = fields.choice("backoff_strategy", &retry::STRATEGIES);
    let base = fields.seconds("backoff_base_seconds", retry::MAX_BACKOFF_SECONDS);
    let cap = fields.seconds("backoff_cap_seconds", retry::MAX_BACKOFF_SECONDS);
    let base_ms = base.map_or(default.base_ms, retry::to_millis);
    // A base above the default cap lifts the cap with it; only an explicit cap can contradict it.
    let cap_ms = cap.map_or(default.cap_ms.max(base_ms), retry::to_millis);
    if cap_ms < base_ms {
        fields.fault(
            "backoff_cap_seconds",
            "out_of_range",
            "`backoff_cap_seconds` is less than `backoff_base_seconds`",
        );
    }
    RetryPolicy {
        max_retries: max_retries.map_or(default.max_retries, |n| n as u32),
        strategy: strategy.unwrap_or_default(),
        base_ms,
        cap_ms,
    }
}

fn read_concurrency(fields: &mut Fields<'_, '_>) -> Option<Concurrency> {
    let limit = fields.integer("concurrency_limit", 1..=10_000);
    let key = fields.text("concurrency_key", 1..=MAX_KEY_CHARS);
    if fields.value("concurrency_limit").is_some() && fields.value("concurrency_key").is_none() {
        fields.fault(
            "concurrency_limit",
            "incomplete",
            "a concurrency limit needs a `concurrency_key`",
        );
    }
    Some(Concurrency {
        key: key?,
        limit: limit.map_or(1, |n| n as u32),
    })
}

fn read_tags(fields: &mut Fields<'_, '_>) -> Vec<String> {
    let Some(value) = fields.value("tags") else {
        return Vec::new();
    };
    let Value::Array(items) = value else {
        fields.fault(
            "tags",
            "type",
            format!("`tags` must be a list of strings, not {}", type_name(value)),
        );
        return Vec::new();
    };
    if items.len() > MAX_TAGS {
        fields.fault(
            "tags",
            "too_many",
            format!("there are {} tags; at most {MAX_TAGS} are allowed", items.len()),
        );
        return Vec::new();
    }
    let pointer = fields.pointer_to("tags");
    let mut tags: Vec<String> = Vec::with_capacity(items.len());
    for (index, item) in items.iter().enumerate() {
        let valid = item
            .as_str()
            .filter(|tag| (1..=MAX_TAG_CHARS).contains(&tag.chars().count()) && !tag.trim().is_empty());
        match valid {
            Some(tag) if tags.iter().any(|known| known == tag) => {}
            Some(tag) => tags.push(tag.to_owned()),
            None => {
                let detail = format!("a tag is a string of 1 to {MAX_TAG_CHARS} characters");
                fields
                    .violations()
                    .push(Violation::new(child(&pointer, index), "tag", detail));
            }
        }
    }
    tags
}
