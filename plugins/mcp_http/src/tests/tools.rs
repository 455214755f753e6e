//! Each tool: what it asks, what it answers, and how it refuses.

use super::*;

fn text_of(failure: &Failure) -> String {
    let text = failure.text();
    let first = text.lines().next().unwrap();
    assert!(first.chars().count() <= 160, "the first line is too long: {first}");
    text
}

#[test]
fn tasks_are_found_with_the_filters_that_were_given() {
    let host = content_host();
    let found = host
        .call(
            "ordinaut_search_tasks",
            json!({ "query": "frost & co", "status": "active", "due_before": "2026-04-01T00:00:00Z", "limit": 5, "tag": null }),
        )
        .unwrap();
    assert_eq!(
        host.asked(),
        ["GET /tasks?q=frost%20%26%20co&status=active&due_before=2026-04-01T00%3A00%3A00Z&sort=next_run_at&limit=5"]
    );
    assert_eq!(found.data["tasks"][0]["next_run"]["local"], "2026-03-30T06:00:00+03:00");
    assert_eq!(found.data["tasks"][0]["next_run"]["in"], "in 21 h");
    assert_eq!(found.data["next_cursor"], "c2");
    assert!(
        found.text.contains("with cursor c2") && found.text.contains(TASK_ID),
        "{}",
        found.text
    );
    let full = host.call("ordinaut_search_tasks", json!({ "detail": "full" })).unwrap();
    assert_eq!(full.data["tasks"][0]["uses"], json!(["http.request"]));
}

#[test]
fn arguments_that_cannot_be_used_are_named_before_anything_is_asked() {
    let host = content_host();
    for (tool, arguments, named) in [
        ("ordinaut_search_tasks", json!({ "limit": 0 }), "limit is 0"),
        ("ordinaut_search_tasks", json!({ "stauts": "active" }), "stauts"),
        ("ordinaut_search_tasks", json!({ "status": "asleep" }), "asleep"),
        ("ordinaut_get_task", json!({}), "task_id is missing; it is a text"),
        (
            "ordinaut_search_tasks",
            json!({ "limit": "high" }),
            "limit is \"high\"; it has to be a whole number",
        ),
        (
            "ordinaut_preview_schedule",
            json!({ "schedule": "@daily", "count": 51 }),
            "count is 51",
        ),
        (
            "ordinaut_create_task",
            json!({ "title": "a", "schedule": "@daily", "pipeline": "x" }),
            "pipeline is \"x\"; it has to be a list of objects",
        ),
        (
            "ordinaut_run_task",
            json!({ "task_id": TASK_ID, "wait_seconds": 21 }),
            "wait_seconds is 21",
        ),
        (
            "ordinaut_set_task_state",
            json!({ "task_id": TASK_ID, "action": "snooze" }),
            "until or delay_seconds",
        ),
        (
            "ordinaut_set_task_state",
            json!({ "task_id": TASK_ID, "action": "pause", "delay_seconds": 9 }),
            "snooze only",
        ),
        ("ordinaut_explain_failure", json!({}), "run_id or task_id"),
        (
            "ordinaut_explain_failure",
            json!({ "run_id": RUN_ID, "task_id": TASK_ID }),
            "run_id or task_id",
        ),
    ] {
        let failure = host.call(tool, arguments).unwrap_err();
        assert_eq!(failure.code(), "invalid_arguments", "{tool}");
        assert!(text_of(&failure).contains(named), "{tool}: {}", failure.text());
    }
    assert_eq!(host.asked(), [""; 0]);
}

#[test]
fn a_task_comes_with_its_etag_its_next_times_and_its_last_runs() {
    let host = content_host();
    let found = host.call("ordinaut_get_task", json!({ "task_id": TASK_ID })).unwrap();
    assert_eq!(found.data["etag"], "\"3\"");
    assert_eq!(found.data["task"]["schedule"], "every day at 06:00");
    assert_eq!(found.data["task"]["next_runs"].as_array().unwrap().len(), 2);
    assert_eq!(found.data["recent_runs"][0]["status"], "succeeded");
    for told in [
        "every day at 06:00",
        "etag: \"3\"",
        "https://a",
        "Params: {\"city\":\"Chisinau\"}",
    ] {
        assert!(found.text.contains(told), "{told}: {}", found.text);
    }
}

#[test]
fn a_title_in_the_place_of_an_id_is_answered_with_the_tasks_that_may_be_meant() {
    let host = content_host();
    for tool in [
        "ordinaut_get_task",
        "ordinaut_run_task",
        "ordinaut_delete_task",
        "ordinaut_set_task_state",
    ] {
        let arguments = match tool {
            "ordinaut_delete_task" => json!({ "task_id": "frost warning", "confirm_title": "x" }),
            "ordinaut_set_task_state" => json!({ "task_id": "frost warning", "action": "pause" }),
            _ => json!({ "task_id": "frost warning" }),
        };
        let failure = host.call(tool, arguments).unwrap_err();
        assert_eq!(failure.problem()["suggestions"][0]["id"], TASK_ID, "{tool}");
        assert!(text_of(&failure).contains("ordinaut_search_tasks"), "{tool}");
    }
    let unknown = host
        .call("ordinaut_get_task", json!({ "task_id": TASK_ID.replace('1', "2") }))
        .unwrap_err();
    assert!(text_of(&unknown).starts_with("No task"), "{}", unknown.text());
    let outside = host
        .call("ordinaut_get_run", json!({ "run_id": "../agents" }))
        .unwrap_err();
    assert!(text_of(&outside).contains("ordinaut_search_runs"));
    assert!(
        host.asked().iter().all(|line| !line.contains("agents")),
        "{:?}",
        host.asked()
    );
}

#[test]
fn a_schedule_is_previewed_in_words_and_with_what_the_clock_change_does() {
    let host = content_host();
    let shown = host
        .call(
            "ordinaut_preview_schedule",
            json!({ "schedule": "every 15m", "timezone": "Europe/Chisinau", "count": 3 }),
        )
        .unwrap();
    let body = host.ask("POST /schedules/preview").body.unwrap();
    assert_eq!(
        (&body["schedule_kind"], &body["schedule_expr"]),
        (&json!("rrule"), &json!("FREQ=MINUTELY;INTERVAL=15"))
    );
    assert_eq!((&body["count"], body.get("starts_at")), (&json!(3), None));
    assert_eq!(shown.data["occurrences"][0]["remark"], "gap_shifted");
    assert!(shown.text.contains("moved by the clock change"), "{}", shown.text);
    let failure = host
        .call("ordinaut_preview_schedule", json!({ "schedule": "every tuesday at 9" }))
        .unwrap_err();
    assert!(text_of(&failure).contains("FREQ=WEEKLY;BYDAY=TU"), "{}", failure.text());
}

#[test]
fn a_schedule_that_never_happens_is_a_warning() {
    let host = FakeHost::new(|_| {
        answer(
            200,
            json!({ "timezone": "UTC", "description": "never", "occurrences": [], "ends": true, "warnings": [] }),
        )
    });
    let shown = host
        .call("ordinaut_preview_schedule", json!({ "schedule": "@daily" }))
        .unwrap();
    assert_eq!(shown.data["warnings"][0]["code"], "never");
}

#[test]
fn a_pipeline_is_checked_with_the_places_of_its_faults() {
    let host = FakeHost::new(|_| {
        answer(
            200,
            json!({ "valid": false, "warnings": [], "task": null, "schedule": null, "errors": [
            { "pointer": "/payload/pipeline/1/uses", "code": "tool_address", "detail": "is not <extension>.<tool>" },
        ] }),
        )
    });
    let pipeline =
        json!([{ "id": "a", "uses": "x.y", "with": { "v": "${params.city} ${params.n}" } }, { "uses": "z" }]);
    let checked = host
        .call("ordinaut_validate_pipeline", json!({ "pipeline": pipeline }))
        .unwrap();
    assert_eq!(checked.data["ok"], false);
    assert_eq!(checked.data["errors"][0]["path"], "pipeline[1].uses");
    assert_eq!(checked.data["steps"], json!(["a", "step_2"]));
    assert_eq!(checked.data["params_used"], json!(["city", "n"]));
    let good = content_host()
        .call("ordinaut_validate_pipeline", json!({ "pipeline": [] }))
        .unwrap();
    assert_eq!(good.data["ok"], true);
}

#[test]
fn a_task_is_created_once_with_its_key_and_a_trial_stores_nothing() {
    let host = content_host();
    let arguments = json!({
        "title": "Frost warning", "schedule": "0 6 * * *", "timezone": "Europe/Chisinau",
        "pipeline": [{ "uses": "http.request" }], "params": { "a": 1 }, "overlap_policy": "skip", "idempotency_key": "k1",
    });
    let created = host.call("ordinaut_create_task", arguments.clone()).unwrap();
    let ask = host.ask("POST /tasks");
    assert_eq!(ask.headers, [("idempotency-key", "k1".to_owned())]);
    assert_eq!(
        ask.body.unwrap(),
        json!({
            "title": "Frost warning", "timezone": "Europe/Chisinau", "overlap_policy": "skip",
            "payload": { "params": { "a": 1 }, "pipeline": [{ "uses": "http.request" }] },
            "schedule_kind": "cron", "schedule_expr": "0 6 * * *",
        })
    );
    assert_eq!(created.data["task"]["id"], TASK_ID);
    assert!(
        created.text.contains("2026-03-30T06:00:00+03:00 (in 21 h)"),
        "{}",
        created.text
    );

    let host = content_host();
    let mut trial = arguments;
    trial["dry_run"] = json!(true);
    let checked = host.call("ordinaut_create_task", trial).unwrap();
    assert_eq!(host.asked(), ["POST /tasks/validate"]);
    assert_eq!(checked.data["valid"], true);
}

#[test]
fn a_task_that_would_be_refused_is_refused_in_the_trial_with_all_places() {
    let host = FakeHost::new(|_| {
        answer(
            200,
            json!({ "valid": false, "warnings": [], "errors": [
            { "pointer": "/schedule_expr", "code": "minute", "detail": "61 is no minute" },
            { "pointer": "/title", "code": "length", "detail": "is empty" },
        ] }),
        )
    });
    let arguments = json!({ "title": "", "schedule": "61 * * * *", "pipeline": [], "dry_run": true });
    let failure = host.call("ordinaut_create_task", arguments).unwrap_err();
    let text = text_of(&failure);
    assert!(
        text.contains("schedule: 61 is no minute") && text.contains("title: is empty"),
        "{text}"
    );
}

#[test]
fn an_update_puts_the_edited_task_back_under_its_etag_and_tells_the_difference() {
    let host = content_host();
    let arguments = json!({
        "task_id": TASK_ID, "schedule": "0 7 * * *", "params": { "city": "Balti" }, "clear": ["description"],
    });
    let changed = host.call("ordinaut_update_task", arguments).unwrap();
    let ask = host.ask(&format!("PUT /tasks/{TASK_ID}"));
    assert_eq!(ask.headers, [("if-match", "\"3\"".to_owned())]);
    let document = ask.body.unwrap();
    assert_eq!(document["schedule_expr"], "0 7 * * *");
    assert_eq!(document["payload"]["params"], json!({ "city": "Balti" }));
    assert_eq!(document["payload"]["pipeline"], task()["payload"]["pipeline"]);
    assert_eq!((document.get("description"), document.get("schedule")), (None, None));
    assert_eq!(document["tags"], json!(["garden"]));
    let fields: Vec<_> = changed.data["diff"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["field"].clone())
        .collect();
    assert_eq!(fields, ["description", "schedule_expr", "params"]);

    let host = content_host();
    let same = host
        .call(
            "ordinaut_update_task",
            json!({ "task_id": TASK_ID, "title": "Frost warning" }),
        )
        .unwrap();
    assert_eq!(same.data["diff"], json!([]));
    assert_eq!(host.asked(), [format!("GET /tasks/{TASK_ID}")]);
}

#[test]
fn an_update_of_a_task_that_changed_meanwhile_says_to_get_it_again() {
    let host = FakeHost::new(|ask| match ask.verb {
        Verb::Get => answer(200, task()),
        _ => problem(412, "precondition_failed", "stale"),
    });
    let arguments = json!({ "task_id": TASK_ID, "title": "New", "expected_etag": "2" });
    let failure = host.call("ordinaut_update_task", arguments).unwrap_err();
    assert_eq!(
        host.ask(&format!("PUT /tasks/{TASK_ID}")).headers,
        [("if-match", "\"2\"".to_owned())]
    );
    assert!(text_of(&failure).contains("ordinaut_get_task"), "{}", failure.text());
}

#[test]
fn the_states_of_a_task_are_set_by_the_endpoints_of_the_same_name() {
    for (action, path) in [
        ("pause", "pause"),
        ("resume", "resume"),
        ("skip_next", "skip_next"),
        ("cancel", "cancel"),
    ] {
        let host = content_host();
        let done = host
            .call(
                "ordinaut_set_task_state",
                json!({ "task_id": TASK_ID, "action": action }),
            )
            .unwrap();
        assert_eq!(host.asked(), [format!("POST /tasks/{TASK_ID}/{path}")]);
        assert_eq!(done.data["message"], "Done as asked.");
    }
    let host = content_host();
    let arguments = json!({ "task_id": TASK_ID, "action": "snooze", "delay_seconds": 600 });
    host.call("ordinaut_set_task_state", arguments).unwrap();
    assert_eq!(
        host.ask(&format!("POST /tasks/{TASK_ID}/snooze")).body,
        Some(json!({ "delay_seconds": 600 }))
    );
}

#[test]
fn a_task_is_deleted_only_by_its_title_and_only_as_it_was_seen() {
    let host = content_host();
    let wrong = host
        .call(
            "ordinaut_delete_task",
            json!({ "task_id": TASK_ID, "confirm_title": "Backup" }),
        )
        .unwrap_err();
    assert!(text_of(&wrong).contains("Frost warning"));
    assert_eq!(host.asked(), [format!("GET /tasks/{TASK_ID}")]);
    let gone = host
        .call(
            "ordinaut_delete_task",
            json!({ "task_id": TASK_ID, "confirm_title": "Frost warning" }),
        )
        .unwrap();
    assert_eq!(gone.data["deleted"], true);
    assert_eq!(
        host.ask(&format!("DELETE /tasks/{TASK_ID}")).headers,
        [("if-match", "\"3\"".to_owned())]
    );
}

#[test]
fn a_run_is_started_and_waited_for_as_long_as_asked() {
    let host = content_host();
    let at_once = host
        .call("ordinaut_run_task", json!({ "task_id": TASK_ID, "simulate": true }))
        .unwrap();
    assert_eq!(
        host.asked(),
        [
            format!("POST /tasks/{TASK_ID}/run_now"),
            format!("GET /tasks/{TASK_ID}")
        ]
    );
    assert_eq!(at_once.data["run"]["status"], "queued");
    assert!(at_once.text.contains("ordinaut_get_run"), "{}", at_once.text);

    let host = content_host();
    let waited = host
        .call("ordinaut_run_task", json!({ "task_id": TASK_ID, "wait_seconds": 5 }))
        .unwrap();
    assert_eq!(waited.data["run"]["status"], "succeeded");
    assert_eq!(waited.data["steps"][0]["tool"], "http.request");

    let never = FakeHost::new(|_| answer(202, run("running")));
    let waited = never
        .call("ordinaut_run_task", json!({ "task_id": TASK_ID, "wait_seconds": 20 }))
        .unwrap();
    assert_eq!(waited.data["run"]["status"], "running");
    assert_eq!(*never.slept.lock().unwrap(), Duration::from_secs(20));
}

#[test]
fn runs_are_found_and_shown_with_the_clock_of_their_task() {
    let host = content_host();
    let found = host
        .call(
            "ordinaut_search_runs",
            json!({ "task_id": TASK_ID, "status": "timed_out", "since": "2026-03-01T00:00:00Z" }),
        )
        .unwrap();
    assert!(
        host.asked().contains(&format!(
            "GET /runs?task_id={TASK_ID}&state=timed_out&scheduled_from=2026-03-01T00%3A00%3A00Z&limit=20"
        )),
        "{:?}",
        host.asked()
    );
    assert_eq!(
        found.data["runs"][0]["scheduled_for"]["local"],
        "2026-03-29T06:00:00+03:00"
    );
    assert_eq!(found.data.get("next_cursor"), None);
}

#[test]
fn a_run_is_shown_in_brief_in_full_and_by_the_step() {
    let host = content_host();
    let brief = host.call("ordinaut_get_run", json!({ "run_id": RUN_ID })).unwrap();
    assert_eq!(brief.data["steps"][0].get("input"), None);
    let full = host
        .call("ordinaut_get_run", json!({ "run_id": RUN_ID, "detail": "full" }))
        .unwrap();
    assert_eq!(full.data["steps"][0]["input"]["url"], "https://a");
    let step = host
        .call("ordinaut_get_run", json!({ "run_id": RUN_ID, "step_id": "get" }))
        .unwrap();
    assert_eq!(step.data["steps"][0]["result"]["status"], 200);
    let none = host
        .call("ordinaut_get_run", json!({ "run_id": RUN_ID, "step_id": "got" }))
        .unwrap_err();
    assert_eq!(none.problem()["suggestions"], json!(["get"]));
}

#[test]
fn a_large_run_is_shortened_with_a_note_how_to_get_the_rest() {
    let host = FakeHost::new(|_| {
        let mut large = run("succeeded");
        large["steps"][0]["result"] = json!({ "body": "x".repeat(100_000) });
        large["output"] = json!({ "get": "y".repeat(100_000) });
        answer(200, large)
    });
    let full = host
        .call("ordinaut_get_run", json!({ "run_id": RUN_ID, "detail": "full" }))
        .unwrap();
    let size = serde_json::to_string(&full.data).unwrap().len();
    assert!(size <= 8 * 1024, "{size}");
    assert!(full.data["note"].as_str().unwrap().contains("step_id"));
    assert!(full.text.len() <= 4_100, "{}", full.text.len());
}

#[test]
fn a_failure_is_explained_by_its_step_its_last_success_and_what_changed() {
    let host = FakeHost::new(|ask| match ask.path.as_str() {
        "/runs" if ask.query.iter().any(|(_, value)| value == "succeeded") => {
            let mut before = run("succeeded");
            before["finished_at"] = json!("2026-03-10T03:00:02Z");
            before["cause"] = json!("manual");
            answer(200, json!({ "data": [before], "next_cursor": null }))
        }
        "/runs" => answer(200, json!({ "data": [failed_run()], "next_cursor": null })),
        path if path.starts_with("/runs/") => answer(200, failed_run()),
        _ => answer(200, task()),
    });
    let told = host
        .call("ordinaut_explain_failure", json!({ "task_id": TASK_ID }))
        .unwrap();
    assert_eq!(told.data["failed_step"], "get");
    assert_eq!(told.data["error_class"], "timeout");
    assert_eq!(told.data["retryable"], true);
    assert_eq!(told.data["last_success_at"]["local"], "2026-03-10T05:00:02+02:00");
    assert_eq!(
        told.data["what_changed"].as_array().unwrap().len(),
        2,
        "{:?}",
        told.data["what_changed"]
    );
    assert!(
        told.data["cause"]
            .as_str()
            .unwrap()
            .contains("on attempt 4 at step get (http.request): no answer in 30 s")
    );
    assert!(told.text.contains("ordinaut_retry_run"), "{}", told.text);
}

#[test]
fn what_did_not_fail_is_not_explained() {
    let failure = content_host()
        .call("ordinaut_explain_failure", json!({ "run_id": RUN_ID }))
        .unwrap_err();
    assert!(text_of(&failure).contains("did not fail"));
}

#[test]
fn a_run_is_repeated_from_a_step_with_other_params() {
    let host = content_host();
    let arguments =
        json!({ "run_id": RUN_ID, "from_step": "get", "edited_params": { "city": "Balti" }, "idempotency_key": "k" });
    host.call("ordinaut_retry_run", arguments).unwrap();
    let ask = host.ask(&format!("POST /runs/{RUN_ID}/retry"));
    assert_eq!(
        ask.body,
        Some(json!({ "from_step": "get", "params": { "city": "Balti" } }))
    );
    assert_eq!(ask.headers, [("idempotency-key", "k".to_owned())]);
}

#[test]
fn a_running_run_is_told_to_stop_with_the_reason() {
    let host = content_host();
    let told = host
        .call(
            "ordinaut_cancel_run",
            json!({ "run_id": RUN_ID, "reason": "wrong city" }),
        )
        .unwrap();
    assert_eq!(
        host.ask(&format!("POST /runs/{RUN_ID}/cancel")).body,
        Some(json!({ "reason": "wrong city" }))
    );
    assert!(told.text.contains("has been told"), "{}", told.text);
}

#[test]
fn an_event_is_published_with_its_subject() {
    let host = content_host();
    let arguments = json!({ "topic": "orders.created", "data": { "n": 7 }, "subject": "7" });
    let published = host.call("ordinaut_publish_event", arguments).unwrap();
    assert_eq!(published.data["event_id"], "e1");
    assert_eq!(
        host.ask("POST /events").body,
        Some(json!({ "topic": "orders.created", "data": { "n": 7 }, "subject": "7" }))
    );
}

#[test]
fn a_refusal_of_the_api_keeps_its_problem_and_says_what_to_do() {
    let host = FakeHost::new(|_| {
        answer(
            403,
            json!({ "code": "insufficient_scope", "detail": "no", "status": 403, "required_scope": "tasks:write" }),
        )
    });
    let failure = host
        .call(
            "ordinaut_create_task",
            json!({ "title": "a", "schedule": "@daily", "pipeline": [] }),
        )
        .unwrap_err();
    assert!(text_of(&failure).starts_with("The extension `mcp_http` was not granted `tasks:write`"));
    assert_eq!(failure.problem()["code"], "insufficient_scope");
    assert_eq!(failure.problem()["status"], 403);
}

#[test]
fn an_explanation_says_that_a_later_run_succeeded() {
    let host = FakeHost::new(|ask| match ask.path.as_str() {
        "/runs" if ask.query.iter().any(|(name, _)| *name == "scheduled_from") => {
            let mut after = run("succeeded");
            after["finished_at"] = json!("2026-03-29T05:00:00Z");
            answer(200, json!({ "data": [after], "next_cursor": null }))
        }
        "/runs" => answer(200, json!({ "data": [failed_run()], "next_cursor": null })),
        path if path.starts_with("/runs/") => answer(200, failed_run()),
        _ => answer(200, task()),
    });
    let told = host
        .call("ordinaut_explain_failure", json!({ "task_id": TASK_ID }))
        .unwrap();
    assert!(
        told.text.contains("A later run succeeded: 2026-03-29T08:00:00+03:00"),
        "{}",
        told.text
    );
}

/// An Ordinaut with so many tasks and runs, in pages; a cursor is where the next page begins.
fn full_host(many: usize) -> Arc<FakeHost> {
    FakeHost::new(move |ask| {
        let asked = |wanted: &str| {
            let found = ask.query.iter().find(|(name, _)| *name == wanted);
            found.and_then(|(_, value)| value.parse::<usize>().ok())
        };
        let entry = |n: usize| {
            let mut one = if ask.path == "/runs" { failed_run() } else { task() };
            one["id"] = json!(format!("01960000-0000-7000-8000-{n:012}"));
            one["description"] = json!("d".repeat(500));
            one
        };
        if !matches!(ask.path.as_str(), "/tasks" | "/runs") {
            return answer(200, task());
        }
        let from = asked("cursor").unwrap_or(0);
        let until = many.min(from + asked("limit").unwrap());
        let data: Vec<Value> = (from..until).map(entry).collect();
        let next = (until < many).then(|| until.to_string());
        answer(200, json!({ "data": data, "next_cursor": next }))
    })
}

#[test]
fn a_page_that_is_too_large_is_cut_and_continues_without_loss() {
    let host = full_host(100);
    for (tool, member, mut arguments) in [
        (
            "ordinaut_search_tasks",
            "tasks",
            json!({ "limit": 100, "detail": "full" }),
        ),
        ("ordinaut_search_runs", "runs", json!({ "limit": 100 })),
    ] {
        let mut seen = Vec::new();
        loop {
            let page = host.call(tool, arguments.clone()).unwrap();
            let size = serde_json::to_string(&page.data).unwrap().len();
            assert!(size <= 8 * 1024 && page.text.chars().count() <= 4_000, "{size}");
            for one in page.data[member].as_array().unwrap() {
                let id = one["id"].as_str().unwrap().to_owned();
                assert!(page.text.contains(&id), "{}", page.text);
                seen.push(id);
            }
            let Some(cursor) = page.data.get("next_cursor") else {
                break;
            };
            assert!(page.text.contains(cursor.as_str().unwrap()));
            assert!(page.data.contains_key("note") || seen.len() > 90);
            arguments["cursor"] = cursor.clone();
        }
        let expected: Vec<String> = (0..100).map(|n| format!("01960000-0000-7000-8000-{n:012}")).collect();
        assert_eq!(seen, expected);
    }
}

#[test]
fn thousands_of_faults_are_told_within_bounds() {
    let host = FakeHost::new(|_| {
        let errors: Vec<Value> = (0..9_000)
            .map(|n| json!({ "pointer": format!("/payload/pipeline/{n}/uses"), "code": "x", "detail": "is missing" }))
            .collect();
        answer(200, json!({ "valid": false, "warnings": [], "errors": errors }))
    });
    let pipeline: Vec<Value> = (0..9_000).map(|_| json!({})).collect();
    let checked = host
        .call("ordinaut_validate_pipeline", json!({ "pipeline": pipeline }))
        .unwrap();
    let size = serde_json::to_string(&checked.data).unwrap().len();
    assert!(size <= 8 * 1024, "{size}");
    assert!(checked.data.contains_key("note") && checked.text.starts_with("9000 places"));
}

#[test]
fn a_paused_task_has_no_next_run_unless_it_is_resumed() {
    let host = FakeHost::new(|_| {
        let mut paused = task();
        paused["status"] = json!("paused");
        answer(200, paused)
    });
    let found = host.call("ordinaut_get_task", json!({ "task_id": TASK_ID })).unwrap();
    assert!(
        found
            .text
            .contains("Next: none while paused; if resumed: 2026-03-30T06:00:00+03:00"),
        "{}",
        found.text
    );
    assert_eq!(found.data["task"]["next_runs"], json!([]));
    assert_eq!(found.data["task"]["next_runs_if_resumed"].as_array().unwrap().len(), 2);
    assert_eq!(found.data["task"].get("next_run"), None);
}

#[test]
fn an_unknown_tool_is_answered_with_those_there_are_or_with_who_may_see_them() {
    let unknown = |listed: bool| {
        let host = FakeHost::new(move |ask| match ask.path.as_str() {
            "/tools" if listed => answer(
                200,
                json!({ "data": [{ "name": "http.request" }, { "name": "notify.send" }] }),
            ),
            "/tools" => problem(403, "insufficient_scope", "no"),
            _ => answer(
                200,
                json!({ "valid": true, "errors": [], "warnings": [
                    { "pointer": "/payload/pipeline/0/uses", "code": "unknown_tool", "detail": "no extension provides it" },
                ] }),
            ),
        });
        host.call(
            "ordinaut_validate_pipeline",
            json!({ "pipeline": [{ "uses": "http.get" }] }),
        )
        .unwrap()
    };
    let told = unknown(true);
    assert!(
        told.text.contains("Instead of http.get there is http.request."),
        "{}",
        told.text
    );
    assert_eq!(told.data["tools"], json!(["http.request", "notify.send"]));
    assert!(unknown(false).text.contains("`tools:call` or `extensions:read`"));
}
