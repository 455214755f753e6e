//! Tasks over the API: made once, changed under their version, found, checked and skipped.

use ordinaut_tests::{Actor, Host, Reply};
use reqwest::Method;
use serde_json::{Value, json};

fn steps() -> Value {
    json!([{ "uses": "events_demo.greet", "with": { "name": "x" } }])
}

fn yearly(title: &str) -> Value {
    json!({
        "title": title, "schedule_kind": "cron", "schedule_expr": "0 0 1 1 *", "timezone": "UTC",
        "payload": { "pipeline": steps() },
    })
}

/// A POST under an idempotency key.
async fn keyed(actor: &Actor, path: &str, key: &str, body: &Value) -> Reply {
    let request = actor
        .request(Method::POST, path)
        .header("idempotency-key", key)
        .json(body);
    actor.send(request).await
}

fn replayed(reply: &Reply) -> bool {
    reply
        .headers
        .get("idempotency-replayed")
        .is_some_and(|value| value == "true")
}

#[tokio::test]
async fn a_request_that_is_sent_again_has_its_effect_once() {
    let mut host = Host::start().await;
    let admin = host.admin().await;
    let first = keyed(&admin, "/tasks", "k-1", &yearly("once")).await;
    assert_eq!((first.status, replayed(&first)), (201, false), "{}", first.text);
    let again = keyed(&admin, "/tasks", "k-1", &yearly("once")).await;
    assert_eq!((again.status, replayed(&again)), (201, true), "{}", again.text);
    assert_eq!(again.json(), first.json());
    for name in ["location", "etag"] {
        assert_eq!(again.headers.get(name), first.headers.get(name), "{name}");
    }
    let reused = keyed(&admin, "/tasks", "k-1", &yearly("another")).await.problem(422);
    assert_eq!(reused["code"], "idempotency_key_reused");

    let id = first.json()["id"].as_str().expect("an id").to_owned();
    let run_now = format!("/tasks/{id}/run_now");
    let run = keyed(&admin, &run_now, "k-1", &json!({})).await;
    assert_eq!(
        (run.status, replayed(&run)),
        (202, false),
        "each endpoint has keys of its own: {}",
        run.text
    );
    let shown = admin.get(run.headers["location"].to_str().expect("text")).await.good();
    assert_eq!(
        shown["created_at"],
        run.json()["created_at"],
        "what was answered is what is stored"
    );
    let event = json!({ "topic": "orders.created", "data": { "n": 1 } });
    let published = keyed(&admin, "/events", "k-1", &event).await;
    assert_eq!(published.status, 202, "{}", published.text);

    // The keys are as durable as the effects.
    host.kill();
    host.start_again().await;
    let admin = host.admin().await;
    for (path, body, before) in [
        ("/tasks", &yearly("once"), &first),
        (run_now.as_str(), &json!({}), &run),
        ("/events", &event, &published),
    ] {
        let after = keyed(&admin, path, "k-1", body).await;
        assert_eq!(
            (after.status, replayed(&after)),
            (before.status, true),
            "{path}: {}",
            after.text
        );
        assert_eq!(after.json(), before.json(), "{path}");
    }
    assert_eq!(
        admin.get("/tasks").await.good()["data"].as_array().expect("data").len(),
        1
    );
    let runs = admin.get(&format!("/runs?task_id={id}")).await.good();
    assert_eq!(runs["data"].as_array().expect("data").len(), 1);
}

#[tokio::test]
async fn a_refused_request_leaves_its_key_free() {
    let host = Host::start().await;
    let admin = host.admin().await;
    let mut task = yearly("");
    keyed(&admin, "/tasks", "k", &task).await.problem(422);
    task["title"] = json!("better");
    assert_eq!(keyed(&admin, "/tasks", "k", &task).await.status, 201);
    for bad in ["", "é", &"x".repeat(256)] {
        let problem = keyed(&admin, "/tasks", bad, &task).await.problem(400);
        assert_eq!(problem["code"], "invalid_request", "{bad:?}");
    }
}

#[tokio::test]
async fn of_many_at_once_with_one_key_one_has_the_effect() {
    let host = Host::start().await;
    let admin = host.admin().await;
    let task = yearly("raced");
    let replies = futures::future::join_all((0..12).map(|_| keyed(&admin, "/tasks", "k", &task))).await;
    let made = replies
        .iter()
        .filter(|reply| reply.status == 201 && !replayed(reply))
        .count();
    assert_eq!(made, 1);
    for reply in replies.into_iter().filter(|reply| reply.status != 201) {
        assert!(reply.headers.contains_key("retry-after"));
        assert_eq!(reply.problem(409)["code"], "idempotency_in_flight");
    }
    assert_eq!(
        admin.get("/tasks").await.good()["data"].as_array().expect("data").len(),
        1
    );
}

/// A request with `If-Match`.
async fn matching(actor: &Actor, method: Method, path: &str, etag: &str, body: &Value) -> Reply {
    let request = actor.request(method, path).header("if-match", etag).json(body);
    actor.send(request).await
}

fn etag(reply: &Reply) -> String {
    reply.headers["etag"].to_str().expect("text").to_owned()
}

#[tokio::test]
async fn a_task_is_read_edited_and_sent_back() {
    let host = Host::start().await;
    let admin = host.admin().await;
    let mut rule = yearly("biweekly");
    rule["schedule_kind"] = json!("rrule");
    rule["schedule_expr"] = json!("FREQ=WEEKLY;INTERVAL=2;BYDAY=TU;BYHOUR=8;BYMINUTE=30");
    let id = admin.post("/tasks", &rule).await.good()["id"]
        .as_str()
        .expect("an id")
        .to_owned();
    let path = format!("/tasks/{id}");
    let read = admin.get(&path).await;
    let mut task = read.json();
    assert!(
        task["schedule"]["description"]
            .as_str()
            .expect("words")
            .contains("Tuesday"),
        "{task}"
    );
    let next = task["schedule"]["next"].as_array().expect("instants").clone();
    assert_eq!((next.len(), &next[0]), (5, &task["next_run_at"]));

    task["title"] = json!("renamed");
    let missing = admin
        .send(admin.request(Method::PUT, &path).json(&task))
        .await
        .problem(428);
    assert_eq!(missing["code"], "precondition_required");
    let changed = matching(&admin, Method::PUT, &path, &etag(&read), &task).await;
    assert_eq!(changed.good()["title"], "renamed");
    assert_ne!(etag(&changed), etag(&read));
    assert_eq!(
        changed.json()["schedule_expr"],
        task["schedule_expr"],
        "the phase never moves"
    );
    assert_eq!(changed.json()["warnings"], json!([]));

    // Somebody who still has the old version does not overwrite it.
    let stale = matching(&admin, Method::PUT, &path, &etag(&read), &task)
        .await
        .problem(412);
    assert_eq!(
        (&stale["code"], &stale["etag"]),
        (&json!("precondition_failed"), &json!(etag(&changed)))
    );

    // The same rule without its DTSTART keeps it; a patch of other fields does, too.
    rule["title"] = json!("as it was written");
    let replaced = matching(&admin, Method::PUT, &path, "*", &rule).await.good();
    assert_eq!(replaced["schedule_expr"], task["schedule_expr"]);
    assert_eq!(replaced["next_run_at"], task["next_run_at"]);
    let same = matching(&admin, Method::PUT, &path, "*", &rule).await.good();
    assert_eq!(same["version"], replaced["version"], "nothing was changed");

    let patch = json!({ "tags": ["a"], "payload": { "params": { "n": 1 } }, "status": "paused" });
    let patched = matching(&admin, Method::PATCH, &path, "*", &patch).await.good();
    assert_eq!(patched["payload"]["params"], json!({ "n": 1 }));
    assert_eq!(patched["payload"]["pipeline"], replaced["payload"]["pipeline"]);
    assert_eq!(
        patched["warnings"][0]["pointer"], "/status",
        "what could not be changed is told"
    );
    assert_eq!(patched["status"], "active");
    let taken = matching(
        &admin,
        Method::PATCH,
        &path,
        "*",
        &json!({ "tags": null, "priority": 12 }),
    )
    .await
    .problem(422);
    assert_eq!(taken["errors"][0]["pointer"], "/priority");
    let operations = admin
        .request(Method::PATCH, &path)
        .header("if-match", "*")
        .header("content-type", "application/json-patch+json")
        .body("[]");
    let refused = admin.send(operations).await;
    refused.problem(415);
    assert!(refused.headers.contains_key("accept-patch"));
}

#[tokio::test]
async fn of_many_changes_of_one_version_one_is_made() {
    let host = Host::start().await;
    let admin = host.admin().await;
    let id = admin.creates("cron", "0 0 1 1 *", steps()).await;
    let path = format!("/tasks/{id}");
    let patches: Vec<Value> = (0..8).map(|n| json!({ "title": format!("by {n}") })).collect();
    let requests = patches
        .iter()
        .map(|patch| matching(&admin, Method::PATCH, &path, "\"1\"", patch));
    let replies = futures::future::join_all(requests).await;
    assert_eq!(replies.iter().filter(|reply| reply.status == 200).count(), 1);
    for reply in replies.iter().filter(|reply| reply.status != 200) {
        assert_eq!(reply.problem(412)["etag"], "\"2\"");
    }
    // Whoever does not care is served all the same: each loses to the three others at most.
    let requests = patches.iter().take(4);
    let requests = requests.map(|patch| matching(&admin, Method::PATCH, &path, "*", patch));
    let all = futures::future::join_all(requests).await;
    assert!(all.iter().all(|reply| reply.status == 200));
}

#[tokio::test]
async fn a_deleted_task_is_gone_with_its_history() {
    let host = Host::start().await;
    let admin = host.admin().await;
    let id = admin.creates("cron", "0 0 1 1 *", steps()).await;
    let path = format!("/tasks/{id}");
    let run = admin.runs_now(&id).await;
    admin.finished(&run).await;
    admin.delete(&path).await.problem(428);
    matching(&admin, Method::DELETE, &path, "\"9\"", &json!(null))
        .await
        .problem(412);
    let deleted = matching(&admin, Method::DELETE, &path, "\"1\"", &json!(null)).await;
    assert_eq!((deleted.status, deleted.text.as_str()), (204, ""));
    admin.get(&path).await.problem(404);
    admin.get(&format!("/runs/{run}")).await.problem(404);
    matching(&admin, Method::DELETE, &path, "*", &json!(null))
        .await
        .problem(404);
}

#[tokio::test]
async fn tasks_are_found_and_sorted() {
    let host = Host::start().await;
    let admin = host.admin().await;
    for (title, expr) in [("banana", "0 0 1 3 *"), ("Apple", "0 0 1 2 *"), ("cherry", "0 0 1 1 *")] {
        let mut task = yearly(title);
        task["schedule_expr"] = json!(expr);
        admin.post("/tasks", &task).await.good();
    }
    let cherry = admin.get("/tasks?q=cherry").await.good()["data"][0]["id"]
        .as_str()
        .expect("an id")
        .to_owned();
    admin.post(&format!("/tasks/{cherry}/pause"), &json!({})).await.good();
    let titles = async |query: &str| {
        let mut titles = Vec::new();
        let mut path = format!("/tasks?limit=1&{query}");
        loop {
            let page = admin.get(&path).await.good();
            titles.push(page["data"][0]["title"].as_str().expect("a title").to_owned());
            match page["next_cursor"].as_str() {
                Some(cursor) => path = format!("/tasks?limit=1&{query}&cursor={cursor}"),
                None => return titles.join(" "),
            }
        }
    };
    assert_eq!(titles("sort=title").await, "Apple banana cherry");
    assert_eq!(titles("sort=-title").await, "cherry banana Apple");
    assert_eq!(titles("sort=created_at").await, "banana Apple cherry");
    assert_eq!(titles("sort=-updated_at").await.split(' ').next(), Some("cherry"));
    for order in ["next_run_at", "-next_run_at"] {
        let found = titles(&format!("sort={order}")).await;
        assert!(found.ends_with("cherry"), "what has no next run comes last: {found}");
    }
    assert_eq!(titles("status=paused,canceled").await, "cherry");
    assert_eq!(
        titles("schedule_kind=cron,once&status=active&sort=title").await,
        "Apple banana"
    );
    assert_eq!(
        titles("due_before=2999-01-01T00:00:00Z&sort=title").await,
        "Apple banana"
    );
    let none = admin.get("/tasks?due_before=2001-01-01T00:00:00Z").await.good();
    assert_eq!(none["data"], json!([]));

    let cursor = admin.get("/tasks?limit=1&sort=title").await.good()["next_cursor"]
        .as_str()
        .expect("more")
        .to_owned();
    for wrong in ["sort=-title", "sort=created_at", "status=active&sort=title"] {
        let problem = admin.get(&format!("/tasks?{wrong}&cursor={cursor}")).await.problem(422);
        assert_eq!(problem["code"], "invalid_cursor", "{wrong}");
    }
    let misspelt = admin.get("/tasks?status=active,paussed&sort=titel").await.problem(422);
    let parameters: Vec<_> = misspelt["errors"]
        .as_array()
        .expect("errors")
        .iter()
        .map(|e| &e["parameter"])
        .collect();
    assert_eq!(parameters, ["status", "sort"]);
}

#[tokio::test]
async fn a_task_is_tried_out_without_being_stored() {
    let host = Host::start().await;
    let admin = host.admin().await;
    let good = admin.post("/tasks/validate", &yearly("tried")).await.good();
    assert_eq!((&good["valid"], &good["errors"]), (&json!(true), &json!([])));
    assert_eq!(good["task"]["priority"], 5, "defaults are written out");
    assert_eq!(good["schedule"]["next"].as_array().expect("instants").len(), 5);
    let mut odd = yearly("tried");
    odd["payload"]["pipeline"] = json!([{ "uses": "nobody.knows" }]);
    let odd = admin.post("/tasks/validate", &odd).await.good();
    assert_eq!(
        (&odd["valid"], &odd["warnings"][0]["code"]),
        (&json!(true), &json!("unknown_tool"))
    );
    let mut bad = yearly("");
    bad["schedule_expr"] = json!("61 * * * *");
    let bad = admin.post("/tasks/validate", &bad).await.good();
    assert_eq!(
        (&bad["valid"], &bad["task"], &bad["schedule"]),
        (&json!(false), &json!(null), &json!(null))
    );
    let pointers: Vec<_> = bad["errors"]
        .as_array()
        .expect("errors")
        .iter()
        .map(|e| &e["pointer"])
        .collect();
    assert_eq!(pointers, ["/title", "/schedule_expr"]);
    let mut over = yearly("over");
    over["ends_at"] = json!("2001-01-01T00:00:00Z");
    let over = admin.post("/tasks/validate", &over).await.good();
    assert_eq!(over["errors"][0]["code"], "never_fires");
    let whatever = admin.post("/tasks/validate", &json!([1, 2])).await.good();
    assert_eq!(whatever["valid"], json!(false));
    assert_eq!(admin.get("/tasks").await.good()["data"], json!([]));
    host.anonymous()
        .post("/tasks/validate", &yearly("x"))
        .await
        .problem(401);
}

#[tokio::test]
async fn the_next_occurrence_is_left_out_and_recorded() {
    let host = Host::start().await;
    let admin = host.admin().await;
    let id = admin.creates("cron", "0 0 1 1 *", steps()).await;
    let before = admin.get(&format!("/tasks/{id}")).await.good();
    let skipped = admin.post(&format!("/tasks/{id}/skip_next"), &json!({})).await.good();
    assert!(
        skipped["message"].as_str().expect("a message").contains("skipped"),
        "{skipped}"
    );
    assert_eq!(skipped["next_run_at"], before["schedule"]["next"][1]);
    let runs = admin.get(&format!("/runs?task_id={id}")).await.good();
    let run = &runs["data"][0];
    assert_eq!(
        (&run["state"], &run["reason"]),
        (&json!("skipped"), &json!("skipped on request"))
    );
    assert_eq!(run["scheduled_for"], before["next_run_at"]);

    admin.post(&format!("/tasks/{id}/pause"), &json!({})).await.good();
    let refused = admin
        .post(&format!("/tasks/{id}/skip_next"), &json!({}))
        .await
        .problem(409);
    assert_eq!(refused["reason"], "task_paused");
    admin
        .post(&format!("/tasks/{id}/skip_next"), &json!({ "count": 2 }))
        .await
        .problem(422);

    let once = admin.creates("once", "2999-01-01T00:00:00Z", steps()).await;
    admin.post(&format!("/tasks/{once}/skip_next"), &json!({})).await.good();
    assert_eq!(admin.get(&format!("/tasks/{once}")).await.good()["status"], "completed");
}
