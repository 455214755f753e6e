//! The document of a task: defaults, faults, and the way there and back.

use chrono::TimeDelta;
use ordinaut_domain::plan::first_timing;
use ordinaut_domain::{
    BackoffStrategy, Durability, MisfirePolicy, OverlapPolicy, RetryPolicy, ScheduleKind, TaskContext, TaskDefinition,
};
use serde_json::{Value, json};

use crate::support::{NOW, at, definition, document, faults, parse, parse_at};

fn refused(fields: Value) -> Vec<String> {
    faults(parse(&document(fields)))
}

fn detail(fields: Value) -> String {
    parse(&document(fields))
        .unwrap_err()
        .iter()
        .map(|fault| fault.detail.clone())
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn what_is_not_said_has_a_default() {
    let task = definition(json!({}));
    assert_eq!(task.timezone, "Europe/Chisinau");
    assert_eq!(task.priority, 5);
    assert_eq!(
        task.retry,
        RetryPolicy {
            max_retries: 3,
            strategy: BackoffStrategy::ExponentialJitter,
            base_ms: 1_000,
            cap_ms: 300_000
        }
    );
    assert_eq!(
        (task.overlap_policy, task.misfire_policy),
        (OverlapPolicy::QueueOne, MisfirePolicy::RunOnce)
    );
    assert_eq!(
        (task.catchup_window_seconds, task.timeout_seconds, task.jitter_seconds),
        (86_400, 3_600, 0)
    );
    assert_eq!(
        (task.dedupe_window_seconds, task.max_runs, task.concurrency.clone()),
        (0, None, None)
    );
    assert_eq!(task.payload.params, json!({}));
    assert_eq!(task.durability, Durability::Run);
    let two_steps = definition(json!({"payload": {"pipeline": [{"uses": "a.b"}, {"uses": "a.b"}]}}));
    assert_eq!(two_steps.durability, Durability::Step);
}

/// Every field, away from its default.
fn full() -> Value {
    json!({
        "title": "Everything", "description": "All fields", "schedule_kind": "rrule",
        "schedule_expr": "DTSTART;TZID=Europe/Paris:20260301T083000\nRRULE:FREQ=WEEKLY;BYDAY=TU",
        "timezone": "Europe/Paris", "dst": {"gap": "skip", "fold": "both"},
        "payload": {"params": {"a": [1, {"b": null}]}, "pipeline": [
            {"id": "one", "uses": "a.b", "with": {"x": "${params.a}"}, "save_as": "r", "if": "params.a", "timeout_seconds": 1.5,
             "retry": {"max_attempts": 2, "backoff_strategy": "linear", "base_seconds": 0.001, "cap_seconds": 9}, "on_error": "continue"}]},
        "priority": 1, "dedupe_key": "k", "dedupe_window_seconds": 60, "max_retries": 0, "backoff_strategy": "fixed",
        "backoff_base_seconds": 0.333, "backoff_cap_seconds": 86_400, "concurrency_key": "mail", "concurrency_limit": 3,
        "overlap_policy": "cancel_previous", "misfire_policy": "run_all", "catchup_window_seconds": 0,
        "jitter_seconds": 30, "starts_at": "2026-03-01T00:00:00Z", "ends_at": "2027-03-01T00:00:00Z", "max_runs": 7,
        "timeout_seconds": 5, "durability": "run", "tags": ["a", "b"],
    })
}

#[test]
fn a_definition_is_written_as_the_document_that_it_was_read_from() {
    let task = parse(&full()).unwrap();
    assert_eq!(task.to_document(), full());
    assert_eq!(
        serde_json::to_value(&task).unwrap(),
        full(),
        "the stored form is the document"
    );
    assert_eq!(serde_json::from_value::<TaskDefinition>(full()).unwrap(), task);
    for fields in [
        json!({}),
        json!({"schedule_kind": "rrule", "schedule_expr": "FREQ=DAILY;COUNT=3"}),
        json!({"schedule_kind": "once", "schedule_expr": "2026-12-24T08:30"}),
    ] {
        let task = definition(fields);
        assert_eq!(parse(&task.to_document()).unwrap(), task, "GET and PUT change nothing");
    }
}

#[test]
fn null_means_that_a_field_is_absent() {
    let with_nulls =
        json!({"description": null, "timezone": null, "starts_at": null, "tags": null, "dst": null, "max_runs": null});
    assert_eq!(definition(with_nulls), definition(json!({})));
}

#[test]
fn all_faults_are_reported_at_once_with_their_places() {
    let wrong = json!({
        "title": "", "descripton": "x", "schedule_kind": "cron", "schedule_expr": "61 * * * *", "timezone": "Europe/Kishinev2",
        "payload": {"pipeline": [{"uses": "nothing"}], "prams": {}}, "priority": 0, "max_retries": 11, "tags": ["", 5],
        "starts_at": "tomorrow", "overlap_policy": "queue", "status": "paused",
    });
    assert_eq!(
        faults(parse(&wrong)),
        [
            "/descripton unknown_field",
            "/max_retries out_of_range",
            "/overlap_policy unknown_value",
            "/payload/pipeline/0/uses tool_address",
            "/payload/prams unknown_field",
            "/priority out_of_range",
            "/schedule_expr out_of_range",
            "/starts_at instant",
            "/status read_only",
            "/tags/0 tag",
            "/tags/1 tag",
            "/timezone unknown_zone",
            "/title length",
        ]
    );
    assert_eq!(faults(parse(&json!([]))), [" type"]);
    assert_eq!(
        faults(parse(&json!({}))),
        ["/payload required", "/schedule_kind required", "/title required"]
    );
}

#[test]
fn single_faults_are_found() {
    for (fields, expected) in [
        (json!({"title": "x".repeat(201)}), "/title length"),
        (json!({"title": "  "}), "/title length"),
        (json!({"title": 5}), "/title type"),
        (json!({"description": "x".repeat(2001)}), "/description length"),
        (json!({"schedule_kind": "hourly"}), "/schedule_kind unknown_value"),
        (
            json!({"schedule_kind": "event", "schedule_expr": "a.b"}),
            "/schedule_kind not_supported_yet",
        ),
        (
            json!({"schedule_kind": "condition", "schedule_expr": "a"}),
            "/schedule_kind not_supported_yet",
        ),
        (
            json!({"condition": {"every_seconds": 5}}),
            "/condition not_supported_yet",
        ),
        (json!({"schedule_expr": null}), "/schedule_expr required"),
        (json!({"schedule_expr": ""}), "/schedule_expr length"),
        (json!({"schedule_expr": 5}), "/schedule_expr type"),
        (json!({"timezone": "Chisinau"}), "/timezone unknown_zone"),
        (json!({"timezone": 5}), "/timezone type"),
        (json!({"dst": {"gap": "shift"}}), "/dst/fold required"),
        (
            json!({"dst": {"gap": "shift", "fold": "third"}}),
            "/dst/fold unknown_value",
        ),
        (json!({"dst": "skip"}), "/dst type"),
        (json!({"payload": {}}), "/payload/pipeline required"),
        (json!({"payload": []}), "/payload type"),
        (json!({"payload": {"pipeline": {}}}), "/payload/pipeline type"),
        (
            json!({"payload": {"pipeline": [], "params": [1]}}),
            "/payload/params type",
        ),
        (
            json!({"payload": {"pipeline": [{"uses": "a.b", "with": {"x": "${steps.y}"}}]}}),
            "/payload/pipeline/0/with/x unknown_step",
        ),
        (json!({"priority": 10}), "/priority out_of_range"),
        (json!({"priority": 1.5}), "/priority out_of_range"),
        (json!({"priority": "high"}), "/priority type"),
        (
            json!({"dedupe_window_seconds": 60}),
            "/dedupe_window_seconds incomplete",
        ),
        (json!({"max_retries": -1}), "/max_retries out_of_range"),
        (
            json!({"backoff_strategy": "exponential"}),
            "/backoff_strategy unknown_value",
        ),
        (json!({"backoff_base_seconds": 0}), "/backoff_base_seconds out_of_range"),
        (
            json!({"backoff_base_seconds": 10, "backoff_cap_seconds": 5}),
            "/backoff_cap_seconds out_of_range",
        ),
        (json!({"concurrency_limit": 2}), "/concurrency_limit incomplete"),
        (
            json!({"concurrency_key": "k", "concurrency_limit": 0}),
            "/concurrency_limit out_of_range",
        ),
        (json!({"misfire_policy": "run"}), "/misfire_policy unknown_value"),
        (
            json!({"catchup_window_seconds": -1}),
            "/catchup_window_seconds out_of_range",
        ),
        (json!({"jitter_seconds": 86_401}), "/jitter_seconds out_of_range"),
        (json!({"starts_at": "2026-03-05T00:00:00"}), "/starts_at instant"),
        (json!({"starts_at": 1_772_000_000}), "/starts_at type"),
        (
            json!({"starts_at": "2026-03-05T00:00:00Z", "ends_at": "2026-03-04T00:00:00Z"}),
            "/ends_at out_of_range",
        ),
        (json!({"max_runs": 0}), "/max_runs out_of_range"),
        (json!({"timeout_seconds": 0}), "/timeout_seconds out_of_range"),
        (json!({"timeout_seconds": 604_801}), "/timeout_seconds out_of_range"),
        (json!({"durability": "none"}), "/durability unknown_value"),
        (json!({"tags": "a"}), "/tags type"),
        (json!({"tags": vec!["x"; 51]}), "/tags too_many"),
        (json!({"owner": "me"}), "/owner read_only"),
        (json!({"created_by": "me"}), "/created_by unknown_field"),
    ] {
        assert_eq!(refused(fields.clone()), [expected], "{fields}");
    }
}

#[test]
fn mends_are_suggested() {
    for (fields, part) in [
        (json!({"shedule_kind": "cron"}), "did you mean `schedule_kind`?"),
        (json!({"timezone": "Europe/Kishinau"}), "Europe/Chisinau"),
        (json!({"overlap_policy": "queue_al"}), "did you mean `queue_all`?"),
        (json!({"pipeline": []}), "belongs into `payload`"),
        (
            json!({"schedule_kind": "event", "schedule_expr": "x"}),
            "use cron, rrule or once",
        ),
        (
            json!({"schedule_kind": "once", "schedule_expr": "2026-03-02T09:00:00Z"}),
            "\"misfire_policy\": \"run_once\"",
        ),
    ] {
        assert!(
            detail(fields.clone()).contains(part),
            "{fields}: {}",
            detail(fields.clone())
        );
    }
}

#[test]
fn older_time_zones_and_schedules_that_the_first_ordinaut_got_wrong_are_right() {
    for zone in ["UTC", "America/Argentina/Buenos_Aires", "Etc/GMT+1"] {
        assert_eq!(definition(json!({"timezone": zone})).timezone, zone);
    }
    assert_eq!(refused(json!({"timezone": "Foo/Bar"})), ["/timezone unknown_zone"]);
    assert_eq!(refused(json!({"schedule_expr": "not a cron"})).len(), 1);
    // "0 8 * * 1-5" is Monday to Friday.
    let task = definition(json!({"timezone": "UTC"}));
    let days: Vec<String> = task
        .timetable()
        .unwrap()
        .occurrences(at(NOW))
        .take(5)
        .map(|o| o.at.format("%a").to_string())
        .collect();
    assert_eq!(days, ["Tue", "Wed", "Thu", "Fri", "Mon"]);
}

#[test]
fn a_rule_without_a_start_is_given_one_that_has_not_passed() {
    let now = at("2026-03-02T10:17:23Z") + TimeDelta::milliseconds(400);
    let first = |rule: &str, fields: Value| {
        let mut document = document(json!({"schedule_kind": "rrule", "schedule_expr": rule, "timezone": "UTC"}));
        for (name, value) in fields.as_object().unwrap() {
            document[name] = value.clone();
        }
        let task = parse_at(&document, now).unwrap();
        assert!(task.schedule_expr.contains("DTSTART"), "{}", task.schedule_expr);
        first_timing(&task, now)
            .unwrap()
            .next_occurrence
            .unwrap()
            .format("%d %H:%M:%S")
            .to_string()
    };
    for (rule, expected) in [
        ("FREQ=DAILY", "02 10:17:24"),
        ("FREQ=DAILY;COUNT=1", "02 10:17:24"),
        ("RRULE:FREQ=DAILY;BYHOUR=8", "03 08:00:00"),
        ("FREQ=DAILY;BYHOUR=11", "02 11:00:00"),
        ("FREQ=WEEKLY;BYDAY=MO;BYHOUR=10;BYMINUTE=30", "02 10:30:00"),
        ("FREQ=DAILY;BYHOUR=10;BYMINUTE=17;COUNT=3", "03 10:17:00"),
        ("FREQ=HOURLY;BYMINUTE=17", "02 11:17:00"),
        ("FREQ=MINUTELY", "02 10:17:24"),
    ] {
        assert_eq!(first(rule, json!({})), expected, "{rule}");
    }
    assert_eq!(
        first("FREQ=DAILY;INTERVAL=2", json!({"starts_at": "2026-02-01T06:30:00Z"})),
        "03 06:30:00"
    );
}

#[test]
fn a_start_that_the_author_wrote_is_kept_to_the_letter() {
    let rule = "DTSTART:20260302T083000Z\nRRULE:FREQ=DAILY";
    assert_eq!(
        definition(json!({"schedule_kind": "rrule", "schedule_expr": rule})).schedule_expr,
        rule
    );
    let escaped = "dtstart:20260302T083000Z\\nRRULE:FREQ=DAILY";
    assert_eq!(
        definition(json!({"schedule_kind": "rrule", "schedule_expr": escaped})).schedule_expr,
        escaped
    );
}

#[test]
fn replacing_a_rule_by_the_same_rule_keeps_its_phase() {
    let old = definition(json!({"schedule_kind": "rrule", "schedule_expr": "FREQ=DAILY;INTERVAL=2"}));
    let later = TaskContext {
        now: at("2026-03-03T15:00:00Z"),
        default_timezone: "Europe/Chisinau",
    };
    let again = |rule: &str| {
        let document = document(json!({"schedule_kind": "rrule", "schedule_expr": rule}));
        TaskDefinition::parse_replacement(&document, &later, &old)
            .unwrap()
            .schedule_expr
    };
    assert_eq!(again("FREQ=DAILY;INTERVAL=2"), old.schedule_expr);
    assert_eq!(again("RRULE:FREQ=DAILY;INTERVAL=2"), old.schedule_expr);
    assert_eq!(again(&old.schedule_expr), old.schedule_expr);
    assert_ne!(again("FREQ=DAILY;INTERVAL=3"), old.schedule_expr);
}

#[test]
fn a_time_that_has_passed_is_refused_unless_it_is_wanted() {
    let once = |expr: &str, misfire: Value| {
        document(json!({"schedule_kind": "once", "schedule_expr": expr, "misfire_policy": misfire, "timezone": "UTC"}))
    };
    let recent = "2026-03-02T09:00";
    assert_eq!(
        faults(parse(&once(recent, Value::Null))),
        ["/schedule_expr in_the_past"]
    );
    assert_eq!(
        faults(parse(&once(recent, json!("skip")))),
        ["/schedule_expr in_the_past"]
    );
    let wanted = parse(&once(recent, json!("run_once"))).unwrap();
    assert_eq!(
        first_timing(&wanted, at(NOW)).unwrap().next_run_at,
        Some(at("2026-03-02T09:00:00Z"))
    );
    let ancient = parse(&once("2020-01-01T00:00:00Z", json!("run_once"))).unwrap();
    assert_eq!(first_timing(&ancient, at(NOW)).unwrap_err().code, "in_the_past");
    // A task that has happened can still be renamed.
    let context = TaskContext {
        now: at("2026-06-01T00:00:00Z"),
        default_timezone: "UTC",
    };
    let old = parse(&once("2026-04-01T00:00:00Z", Value::Null)).unwrap();
    assert!(TaskDefinition::parse_replacement(&once("2026-04-01T00:00:00Z", Value::Null), &context, &old).is_ok());
    assert!(TaskDefinition::parse_replacement(&once("2026-04-02T00:00:00Z", Value::Null), &context, &old).is_err());
}

#[test]
fn the_first_occurrence_lies_within_the_limits() {
    let first = |fields: Value| first_timing(&definition(fields), at(NOW)).map(|timing| timing.next_run_at.unwrap());
    let daily = |more: Value| {
        let mut fields = json!({"schedule_expr": "0 8 * * *", "timezone": "UTC"});
        for (name, value) in more.as_object().unwrap() {
            fields[name] = value.clone();
        }
        fields
    };
    assert_eq!(first(daily(json!({}))).unwrap(), at("2026-03-03T08:00:00Z"));
    assert_eq!(
        first(daily(json!({"starts_at": "2026-03-10T08:00:00Z"}))).unwrap(),
        at("2026-03-10T08:00:00Z")
    );
    assert_eq!(
        first(daily(json!({"starts_at": "2026-01-01T00:00:00Z"}))).unwrap(),
        at("2026-03-03T08:00:00Z")
    );
    assert_eq!(
        first(daily(json!({"ends_at": "2026-03-03T08:00:00Z"}))).unwrap(),
        at("2026-03-03T08:00:00Z")
    );
    assert_eq!(
        first(daily(json!({"ends_at": "2026-03-03T07:59:59Z"})))
            .unwrap_err()
            .code,
        "never_fires"
    );
    let ended =
        json!({"schedule_kind": "rrule", "schedule_expr": "DTSTART:20200101T000000Z\nRRULE:FREQ=DAILY;COUNT=3"});
    assert_eq!(first(ended).unwrap_err().pointer, "/schedule_expr");
    assert_eq!(definition(json!({})).schedule_kind, ScheduleKind::Cron);
}

#[test]
fn a_title_with_characters_that_deceive_the_eye_is_refused() {
    for c in ['\0', '\u{1b}', '\n', '\u{85}', '\u{2028}', '\u{202E}', '\u{2066}'] {
        let title = format!("Pay{c}roll");
        assert_eq!(refused(json!({"title": title})), ["/title character"], "{c:?}");
        let told = detail(json!({"title": title}));
        assert!(told.contains(&format!("U+{:04X}", u32::from(c))), "{told}");
    }
    for title in ["Ştiri 🌦️ în fiecare zi", "أخبار", "חדשות", "👩‍💻"] {
        assert_eq!(definition(json!({"title": title})).title, title);
    }
}

#[test]
fn the_hint_about_a_time_that_has_passed_leads_somewhere() {
    let past = |expr: &str| detail(json!({"schedule_kind": "once", "schedule_expr": expr, "timezone": "UTC"}));
    let recent = past("2026-03-02T09:59:30");
    assert!(recent.contains("explicitly") && recent.contains("run_once"), "{recent}");
    let long_ago = past("2020-01-01T00:00");
    assert!(!long_ago.contains("run_once"), "{long_ago}");
    assert!(
        long_ago.contains("`catchup_window_seconds` allows (86400)"),
        "{long_ago}"
    );
}

/// Sorted: the order of fields in a document means nothing.
fn warned(fields: Value) -> Vec<String> {
    let warnings = definition(fields).warnings();
    let mut found: Vec<String> = warnings
        .iter()
        .map(|fault| format!("{} {}", fault.pointer, fault.code))
        .collect();
    found.sort();
    found
}

#[test]
fn what_cannot_be_meant_so_is_warned_about() {
    assert_eq!(warned(json!({})), Vec::<String>::new());
    for (overlap, limited) in [
        ("skip", true),
        ("queue_one", true),
        ("cancel_previous", true),
        ("queue_all", false),
        ("allow", false),
    ] {
        let found = warned(json!({"misfire_policy": "run_all", "overlap_policy": overlap}));
        assert_eq!(
            found == ["/misfire_policy limited_by_overlap"],
            limited,
            "{overlap}: {found:?}"
        );
    }
    assert_eq!(
        warned(json!({"payload": {"pipeline": []}})),
        ["/payload/pipeline empty_pipeline"]
    );
}

#[test]
fn a_param_that_does_not_exist_is_warned_about_unless_it_has_a_substitute() {
    let with = |arguments: Value| {
        let step = json!({"uses": "a.b", "if": "params.enabled", "with": arguments});
        json!({"payload": {"params": {"city": "x", "enabled": true, "null": null}, "pipeline": [step]}})
    };
    assert_eq!(
        warned(with(
            json!({"url": "/${params.ctiy}/${params.city}", "list": ["${length(params.other.deep)}"]})
        )),
        [
            "/payload/pipeline/0/with/list/0 unknown_param",
            "/payload/pipeline/0/with/url unknown_param"
        ]
    );
    let detail = definition(with(json!("${params.ctiy}"))).warnings()[0].detail.clone();
    assert!(detail.contains("did you mean params.city?"), "{detail}");
    for fine in [
        "${params.missing || 'here'}",
        "${not_null(params.missing, 'here')}",
        "${params.null}",
        "${params}",
        "${steps}",
        "${task.params}",
    ] {
        assert_eq!(warned(with(json!(fine))), Vec::<String>::new(), "{fine}");
    }
    assert_eq!(
        warned(json!({"payload": {"pipeline": [{"uses": "a.b", "if": "params.enabled"}]}})),
        ["/payload/pipeline/0/if unknown_param"]
    );
}
