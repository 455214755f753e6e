//! `ordinaut_preview_schedule`.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Tool;
use crate::ask::Ask;
use crate::failure::Failure;
use crate::host::Host;
use crate::moment;
use crate::outcome::{Outcome, present};
use crate::registry::Hints;
use crate::schedule::Schedule;
use crate::views::{self, text};

const COUNT_DEFAULT: u32 = 5;
const COUNT_MOST: u32 = 50;

pub(super) struct PreviewSchedule;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Arguments {
    /// RRULE, 5-field cron, ISO time, "every 15m" or "in 30 minutes"
    schedule: String,
    /// IANA name, e.g. Europe/Chisinau
    timezone: Option<String>,
    /// RFC 3339: where a rule without DTSTART begins
    start_at: Option<String>,
    /// 1-50, default 5
    count: Option<u32>,
}

impl Tool for PreviewSchedule {
    type Arguments = Arguments;
    const NAME: &'static str = "ordinaut_preview_schedule";
    const TITLE: &'static str = "Preview a schedule";
    const DESCRIPTION: &'static str = "A schedule in words and its next times. Use before creating a task.";
    const SCOPE: Option<&'static str> = None;
    const HINTS: Hints = Hints::READ;
    const OUTPUT: &'static [(&'static str, &'static str)] = &[("normalized!", "object"), ("occurrences!", "array")];

    fn call(host: &dyn Host, arguments: Arguments) -> Result<Outcome, Failure> {
        let count = arguments.count.unwrap_or(COUNT_DEFAULT);
        if !(1..=COUNT_MOST).contains(&count) {
            return Err(Failure::arguments(format!(
                "count is {count}; it is 1 to {COUNT_MOST}."
            )));
        }
        let now = host.now_ms();
        let schedule = Schedule::parse(&arguments.schedule, now)?;
        let body = present(json!({
            "schedule_kind": schedule.kind,
            "schedule_expr": schedule.expr,
            "timezone": arguments.timezone,
            "starts_at": arguments.start_at,
            "count": count,
        }));
        let preview = Ask::post("/schedules/preview", &[], body).send(host)?.body;
        Ok(told(&preview, now))
    }
}

fn told(preview: &Value, now: i64) -> Outcome {
    let zone = preview["timezone"].as_str();
    let occurrences: Vec<Value> = preview["occurrences"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|one| {
            let mut view = moment::shown(&one["at"], zone, now);
            for member in ["nominal", "remark", "note"] {
                if !one[member].is_null() {
                    view[member] = one[member].clone();
                }
            }
            if one["skipped"] == true {
                view["skipped"] = json!(true);
            }
            view
        })
        .collect();
    let mut warnings = views::remarks(&preview["warnings"]);
    if occurrences.is_empty() {
        warnings.push(json!({ "code": "never", "message": "This schedule has no occurrence from now on." }));
    }
    let human = text(&preview["description"]);
    let mut lines = vec![moment::localized(human, zone)];
    lines.extend(occurrences.iter().map(|one| {
        let note = one["note"]
            .as_str()
            .map(|note| format!(" · {note}"))
            .unwrap_or_default();
        format!("- {} ({}){note}", text(&one["local"]), text(&one["in"]))
    }));
    if preview["ends"] == true && !occurrences.is_empty() {
        lines.push("Then it ends.".to_owned());
    }
    if !warnings.is_empty() {
        lines.push(format!("Warnings:{}", views::remark_lines(&warnings)));
    }
    let data = json!({
        "normalized": {
            "kind": preview["schedule_kind"],
            "expr": preview["schedule_expr"],
            "timezone": preview["timezone"],
        },
        "human": human,
        "occurrences": occurrences,
        "ends": preview["ends"],
        "warnings": warnings,
    });
    Outcome::new(lines.join("\n"), data).bounded(&["occurrences"], "Ask with a smaller count, or a later start_at.")
}
