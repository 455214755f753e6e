//! Prompts: how to go about the three things that people ask for most.

use serde_json::{Map, Value};

use crate::host::Host;
use crate::registry::{PromptArgument, PromptInfo};
use crate::resources;

const PLAN: &str = "plan_a_scheduled_task";
const DIAGNOSE: &str = "diagnose_failed_task";
const REVIEW: &str = "review_todays_schedule";

/// The longest value of an argument, in characters.
const VALUE_CHARS: usize = 2_000;

/// How many values a completion offers.
const COMPLETIONS: usize = 100;

const TIMEZONE: PromptArgument = PromptArgument {
    name: "timezone",
    description: "IANA time zone, for instance Europe/Chisinau",
    required: true,
};

/// All prompts.
pub fn all() -> Vec<PromptInfo> {
    vec![
        PromptInfo {
            name: PLAN,
            title: "Plan a scheduled task",
            description: "From a goal to a task: tools, pipeline, schedule, preview, creation.",
            arguments: &[
                PromptArgument {
                    name: "goal",
                    description: "What shall happen, and when",
                    required: true,
                },
                TIMEZONE,
            ],
        },
        PromptInfo {
            name: DIAGNOSE,
            title: "Diagnose a failed task",
            description: "Why a task fails and what to do about it.",
            arguments: &[PromptArgument {
                name: "task",
                description: "The task's title or id",
                required: true,
            }],
        },
        PromptInfo {
            name: REVIEW,
            title: "Review today's schedule",
            description: "What runs today, what failed, and what deserves a look.",
            arguments: &[TIMEZONE],
        },
    ]
}

/// A prompt's text, or which argument is missing.
pub fn text(name: &str, arguments: &Map<String, Value>) -> Option<Result<String, String>> {
    let prompt = all().into_iter().find(|prompt| prompt.name == name)?;
    let value = |name: &str| -> String {
        let given = arguments.get(name).and_then(Value::as_str).unwrap_or_default();
        given.trim().chars().take(VALUE_CHARS).collect()
    };
    let missing = prompt
        .arguments
        .iter()
        .find(|argument| argument.required && value(argument.name).is_empty());
    if let Some(argument) = missing {
        return Some(Err(format!(
            "The argument `{}` is missing: {}.",
            argument.name, argument.description
        )));
    }
    Some(Ok(match name {
        PLAN => plan(&value("goal"), &value("timezone")),
        DIAGNOSE => diagnose(&value("task")),
        _ => review(&value("timezone")),
    }))
}

fn plan(goal: &str, timezone: &str) -> String {
    format!(
        "Plan a scheduled task with Ordinaut for this goal:\n\n{goal}\n\nTime zone: {timezone}\n\n\
         1. Read ordinaut://catalog/tools and choose the tools; read ordinaut://docs/pipeline-language for templates.\n\
         2. Look with ordinaut_search_tasks whether there is such a task already.\n\
         3. Write the schedule and check it with ordinaut_preview_schedule in this time zone. Show me the next times.\n\
         4. Write the pipeline and check it with ordinaut_validate_pipeline until it has no errors.\n\
         5. Show me title, schedule in words and steps, and ask before you create it with ordinaut_create_task (with an \
         idempotency_key).\n\
         6. Offer a trial with ordinaut_run_task and simulate true."
    )
}

fn diagnose(task: &str) -> String {
    format!(
        "Find out why this Ordinaut task fails and what to do: {task}\n\n\
         1. Find it with ordinaut_search_tasks unless this is an id, and look at it with ordinaut_get_task.\n\
         2. Call ordinaut_explain_failure for its last failed run; look at the failed step with ordinaut_get_run and step_id.\n\
         3. Tell me the cause in one sentence, since when it happens, and what you suggest.\n\
         4. Change or repeat nothing before I agree. Then use ordinaut_update_task and ordinaut_retry_run, from the step \
         that failed where the steps before it must not happen twice."
    )
}

fn review(timezone: &str) -> String {
    format!(
        "Review today's schedule in Ordinaut. My time zone is {timezone}.\n\n\
         1. List what is due until the end of my day with ordinaut_search_tasks and due_before.\n\
         2. List today's runs with ordinaut_search_runs since the beginning of my day; count how they ended.\n\
         3. For failed ones call ordinaut_explain_failure.\n\
         4. Summarise: what comes next, what failed and why, what is late or paused and should perhaps not be. Times in my \
         time zone. Change nothing."
    )
}

/// Values for an argument of a prompt.
pub fn complete(host: &dyn Host, prompt: &str, argument: &str, typed: &str) -> Vec<String> {
    match (prompt, argument) {
        (PLAN | REVIEW, "timezone") => zones(typed),
        (DIAGNOSE, "task") => resources::titles(host, typed),
        _ => Vec::new(),
    }
}

/// Zones whose name holds what was typed, those that begin with it first.
fn zones(typed: &str) -> Vec<String> {
    let wanted = typed.to_ascii_lowercase().replace(' ', "_");
    let names = || chrono_tz::TZ_VARIANTS.iter().map(|zone| zone.name());
    let begins = names().filter(|name| name.to_ascii_lowercase().starts_with(&wanted));
    let holds = names().filter(|name| {
        let name = name.to_ascii_lowercase();
        name.contains(&wanted) && !name.starts_with(&wanted)
    });
    begins.chain(holds).take(COMPLETIONS).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zones_are_found_by_their_city() {
        assert_eq!(zones("chisi"), ["Europe/Chisinau"]);
        assert!(zones("Europe/").len() > 20 && zones("").len() == COMPLETIONS);
    }

    #[test]
    fn a_prompt_names_the_argument_that_is_missing() {
        let answer = text(PLAN, &Map::new()).unwrap().unwrap_err();
        assert!(answer.contains("`goal`"), "{answer}");
        let given = Map::from_iter([("task".to_owned(), Value::from("Backup"))]);
        assert!(text(DIAGNOSE, &given).unwrap().unwrap().contains("Backup"));
        assert!(text("nothing", &given).is_none());
    }
}
