//! Lists of steps: what is accepted, what is refused, and where.

use ordinaut_domain::{BackoffStrategy, OnError, Pipeline, RetryPolicy};
use serde_json::{Value, json};

use crate::support::{faults, scope};

fn refused(document: Value) -> Vec<String> {
    faults(Pipeline::parse(&document))
}

fn details(document: Value) -> String {
    let violations = Pipeline::parse(&document).unwrap_err();
    violations
        .iter()
        .map(|fault| fault.detail.as_str())
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn every_field_of_a_step_is_read_and_written_back_as_it_was() {
    let document = json!([
        { "id": "fetch", "uses": "http.request", "with": {"url": "${params.url}"}, "save_as": "page",
          "if": "params.url", "timeout_seconds": 2.5,
          "retry": {"max_attempts": 4, "backoff_strategy": "fixed", "base_seconds": 0.25, "cap_seconds": 60},
          "on_error": "continue" },
        { "id": "step_2", "uses": "demo.echo" },
    ]);
    let pipeline = Pipeline::parse(&document).unwrap();
    let first = &pipeline.steps[0];
    assert_eq!(first.uses.to_string(), "http.request");
    assert_eq!(first.on_error, OnError::Continue);
    assert_eq!(
        first.retry,
        Some(RetryPolicy {
            max_retries: 3,
            strategy: BackoffStrategy::Fixed,
            base_ms: 250,
            cap_ms: 60_000
        })
    );
    assert_eq!(first.output_name(), "page");
    assert_eq!(pipeline.steps[1].output_name(), "step_2");
    assert_eq!(pipeline.steps[1].render_arguments(&scope()).unwrap(), json!({}));
    assert!(pipeline.steps[1].is_wanted(&scope()).unwrap());
    let written = serde_json::to_value(&pipeline).unwrap();
    assert_eq!(written, document);
    assert_eq!(serde_json::from_value::<Pipeline>(written).unwrap(), pipeline);
}

#[test]
fn a_step_without_an_id_is_named_by_its_place() {
    let pipeline =
        Pipeline::parse(&json!([{"uses": "a.b"}, {"uses": "a.b", "with": "${steps.step_1.result}"}])).unwrap();
    assert_eq!(pipeline.steps[1].id, "step_2");
    assert_eq!(Pipeline::parse(&json!([])).unwrap().steps.len(), 0);
}

#[test]
fn all_faults_are_reported_at_once_with_their_places() {
    let document = json!([
        { "uses": "http", "wiht": {}, "timeout_seconds": 0 },
        { "uses": "a.b", "with": {"x": ["${params.", "ok"], "y/z": "${oops}"}, "if": "params.a > 3", "on_error": "ignore" },
        "not a step",
        { "id": "1st", "save_as": "has-dash", "uses": "a.b", "retry": {"max_retries": 2} },
    ]);
    assert_eq!(
        refused(document),
        [
            "/0/timeout_seconds out_of_range",
            "/0/uses tool_address",
            "/0/wiht unknown_field",
            "/1/if template_syntax",
            "/1/on_error unknown_value",
            "/1/with/x/0 template_syntax",
            "/2 type",
            "/3/id name",
            "/3/retry/max_attempts required",
            "/3/retry/max_retries unknown_field",
            "/3/save_as name",
        ]
    );
}

#[test]
fn single_faults_are_found() {
    for (step, expected) in [
        (json!({}), "/0/uses required"),
        (json!({"uses": "a.b", "id": 5}), "/0/id type"),
        (json!({"uses": "a.b", "id": ""}), "/0/id length"),
        (json!({"uses": "a.b", "id": "x[0]"}), "/0/id name"),
        (json!({"uses": "A.b"}), "/0/uses tool_address"),
        (json!({"uses": ["a.b"]}), "/0/uses type"),
        (json!({"uses": "a.b", "if": true}), "/0/if type"),
        (json!({"uses": "a.b", "if": "${a} or"}), "/0/if template_syntax"),
        (
            json!({"uses": "a.b", "timeout_seconds": 86_401}),
            "/0/timeout_seconds out_of_range",
        ),
        (
            json!({"uses": "a.b", "timeout_seconds": "5s"}),
            "/0/timeout_seconds type",
        ),
        (
            json!({"uses": "a.b", "for_each": "${params.list}"}),
            "/0/for_each not_supported_yet",
        ),
        (json!({"uses": "a.b", "parallel": []}), "/0/parallel not_supported_yet"),
        (
            json!({"uses": "a.b", "concurrency": 2}),
            "/0/concurrency not_supported_yet",
        ),
        (json!({"uses": "a.b", "with": "${item}"}), "/0/with not_supported_yet"),
        (json!({"uses": "a.b", "retry": 3}), "/0/retry type"),
        (
            json!({"uses": "a.b", "retry": {"max_attempts": 0}}),
            "/0/retry/max_attempts out_of_range",
        ),
        (
            json!({"uses": "a.b", "retry": {"max_attempts": 2, "backoff_strategy": "exponential"}}),
            "/0/retry/backoff_strategy unknown_value",
        ),
        (
            json!({"uses": "a.b", "with": {"t": "${now+1 day}"}}),
            "/0/with/t template_syntax",
        ),
        (
            json!({"uses": "a.b", "with": {"t": "${}"}}),
            "/0/with/t template_syntax",
        ),
    ] {
        assert_eq!(refused(json!([step])), [expected], "{step}");
    }
    assert_eq!(refused(json!({"uses": "a.b"})), [" type"]);
    assert_eq!(refused(Value::Null), [" type"]);
    let many: Vec<Value> = (0..201).map(|_| json!({"uses": "a.b"})).collect();
    assert_eq!(refused(Value::from(many)), [" too_many"]);
}

#[test]
fn names_of_steps_must_exist_and_be_finished() {
    let with = |template: &str| {
        json!([
            {"id": "fetch", "uses": "a.b", "save_as": "page"},
            {"id": "plain", "uses": "a.b"},
            {"id": "here", "uses": "a.b", "with": {"x": template}},
            {"id": "last", "uses": "a.b", "save_as": "end"},
        ])
    };
    for good in [
        "${steps.page.anything.at[0].all}",
        "${steps.fetch.result.body}",
        "${steps.fetch.status}",
        "${steps.plain.result}",
        "${steps.plain | result}",
        "${steps}",
        "${steps.*.result}",
        "${keys(steps)}",
        "${(steps.page || steps.fetch.result).x}",
        "${params.steps.unknown}",
        "${params.list[?steps.unknown].x}",
        "${map(&steps.unknown, params.list)}",
        "${'steps.unknown'}",
        "$${steps.unknown}",
        "${event.data || run.id || task.id || now}",
        "${{a: steps.page, b: params.b}.a.c}",
    ] {
        Pipeline::parse(&with(good)).unwrap_or_else(|faults| panic!("{good}: {faults:?}"));
    }
    for (bad, code, part) in [
        ("${steps.pge.body}", "unknown_step", "did you mean steps.page?"),
        ("${steps.nothing_like_it}", "unknown_step", "`page` and `plain`"),
        ("${steps.end}", "later_step", "step 4"),
        ("${steps.last.result}", "later_step", "step 4"),
        ("${steps.here.result}", "later_step", "itself"),
        ("${steps.plain.body}", "unknown_name", "steps.plain.result.body"),
        ("${length(steps.zzz.list)}", "unknown_step", "zzz"),
        ("a ${params.a} ${steps | zzz}", "unknown_step", "at character 25"),
        ("${parms.a}", "unknown_name", "did you mean `params`?"),
        ("${true}", "unknown_name", "backticks"),
        ("${params.a == \"text\"}", "unknown_name", "single quotes"),
        ("${!stpes.page}", "unknown_name", "did you mean `steps`?"),
        ("${params.list[*] | [zzz]}", "", ""),
    ] {
        let result = Pipeline::parse(&with(bad));
        if code.is_empty() {
            // Of the elements of a list nothing is known.
            assert!(result.is_ok(), "{bad}");
            continue;
        }
        let faults = result.unwrap_err();
        assert_eq!(
            (faults.len(), faults[0].pointer.as_str(), faults[0].code.as_str()),
            (1, "/2/with/x", code),
            "{bad}: {faults:?}"
        );
        assert!(faults[0].detail.contains(part), "{bad}: {}", faults[0].detail);
    }
    let condition = json!([{"uses": "a.b", "if": "${steps.later.result}"}, {"id": "later", "uses": "a.b"}]);
    assert_eq!(refused(condition), ["/0/if later_step"]);
}

#[test]
fn ids_and_names_of_results_are_unique() {
    let twice = json!([{"id": "a", "uses": "x.y"}, {"id": "a", "uses": "x.y"}]);
    assert_eq!(refused(twice), ["/1/id duplicate"]);
    let default = json!([{"id": "step_2", "uses": "x.y"}, {"uses": "x.y"}]);
    assert_eq!(refused(default.clone()), ["/1/id duplicate"]);
    assert!(details(default).contains("step_<n>"));
    let results = json!([{"uses": "x.y", "save_as": "r"}, {"uses": "x.y", "save_as": "r"}]);
    assert_eq!(refused(results), ["/1/save_as duplicate"]);
    let record = json!([{"id": "a", "uses": "x.y"}, {"id": "b", "uses": "x.y", "save_as": "a"}]);
    assert_eq!(refused(record), ["/1/save_as duplicate"]);
    assert!(Pipeline::parse(&json!([{"id": "a", "uses": "x.y", "save_as": "a"}])).is_ok());
}

#[test]
fn mends_are_suggested() {
    for (step, part) in [
        (json!({"uses": "a.b", "save_ass": "x"}), "did you mean `save_as`?"),
        (json!({"uses": "a.b", "arguments": {}}), "called `with`"),
        (json!({"uses": "a.b", "max_retries": 2}), "max_attempts"),
        (json!({"uses": "a.b", "timeout": 2}), "timeout_seconds"),
        (json!({"uses": "a.b", "qqqqqqq": 2}), "the fields are"),
        (
            json!({"uses": "a.b", "on_error": "contine"}),
            "did you mean `continue`?",
        ),
        (json!({"uses": "request"}), "<extension>.<tool>"),
    ] {
        assert!(
            details(json!([step])).contains(part),
            "{step}: {}",
            details(json!([step]))
        );
    }
}
