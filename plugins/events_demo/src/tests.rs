//! The extension against a host in memory.

use ordinaut_sdk::routes::HEAD;
use ordinaut_sdk::testing::Harness;

use super::*;

fn app() -> Harness<EventsDemo> {
    Harness::new("events_demo")
}

#[test]
fn everything_is_registered_and_greet_has_closed_schemas() {
    let manifest = app().init().unwrap();
    let greet = manifest.tool("greet").unwrap();
    assert_eq!(
        greet.input_schema,
        json!({
            "type": "object",
            "description": "Arguments of the tool `greet`.",
            "additionalProperties": false,
            "required": ["name"],
            "properties": {
                "name": { "type": "string", "description": "Who is greeted.", "minLength": 1, "maxLength": 200 },
                "delay_ms": {
                    "type": "integer",
                    "format": "uint32",
                    "minimum": 0,
                    "maximum": 3000,
                    "description": "How long to wait first, in milliseconds: for trying out timeouts, cancellation and restarts.",
                },
            },
        })
    );
    assert_eq!(
        greet.output_schema.as_ref().unwrap()["required"],
        json!(["greeting", "length"])
    );
    assert_eq!(manifest.routes.iter().filter(|route| route.streaming).count(), 1);
    assert_eq!(
        manifest.subscriptions,
        [("greeted-counter".into(), vec!["ext.events_demo.greeted".into()])]
    );
    assert_eq!(manifest.jobs[0].schedule, "every 10s");
}

#[test]
fn greet_waits_as_long_as_it_is_told() {
    let app = app();
    let result = app
        .call_tool("greet", json!({ "name": "Ada", "delay_ms": 250 }))
        .unwrap();
    assert_eq!(result, json!({ "greeting": "Hello, Ada!", "length": 11 }));
    assert_eq!(app.host.slept(), Duration::from_millis(250));
    let error = app
        .call_tool("greet", json!({ "name": "Ada", "delay_ms": 3001 }))
        .unwrap_err();
    assert_eq!((error.code(), error.is_retryable()), ("invalid_argument", false));
}

#[test]
fn what_is_published_below_greeted_is_counted_once() {
    let app = app();
    let answer = app
        .request(POST, "/publish/greeted")
        .json(&json!({ "who": "Ada" }))
        .send();
    assert_eq!(answer.status, 202);
    let event = app.host.published().remove(0);
    assert_eq!(
        (event.topic.as_str(), event.data.as_str()),
        ("ext.events_demo.greeted", r#"{"who":"Ada"}"#)
    );
    assert_eq!(answer.json::<Value>().unwrap(), json!({ "id": event.id }));

    assert_eq!(app.deliver_published().unwrap(), 1);
    app.deliver(&event).unwrap();
    assert_eq!(app.request(GET, "/count").send().text(), r#"{"greeted":1}"#);
}

#[test]
fn a_stream_resumes_after_the_event_that_the_client_saw_last() {
    let app = app();
    let seen = app.host.happened("ext.events_demo.tick", &json!({ "n": 1 }));
    app.host.happened("ext.events_demo.tick", &json!({ "n": 2 }));
    app.host.happened("ext.events_demo.other", &json!({}));
    app.host.will_happen("ext.events_demo.tick", &json!({ "n": 3 }));

    let answer = app
        .request(GET, "/stream/tick")
        .header("Last-Event-ID", &seen.id)
        .hang_up_after(4)
        .send();
    assert_eq!(answer.headers.get("content-type"), Some("text/event-stream"));
    assert_eq!(
        answer.text(),
        ": open\n\nid: event-2\ndata: {\"n\":2}\n\nid: event-4\ndata: {\"n\":3}\n\n: keep-alive\n\n"
    );
    assert!(answer.outcome.unwrap_err().is_client_gone());
}

#[test]
fn the_ticker_goes_on_counting_in_every_new_instance() {
    let app = app();
    for n in 1..=2 {
        app.run_job("ticker").unwrap();
        assert_eq!(app.host.published().last().unwrap().data, json!({ "n": n }).to_string());
    }
    assert_eq!(app.host.published()[0].topic, "ext.events_demo.tick");
}

#[test]
fn a_copy_under_another_name_lives_in_its_own_namespace() {
    let app = Harness::<EventsDemo>::new("other");
    assert_eq!(app.init().unwrap().subscriptions[0].1, ["ext.other.greeted"]);
    app.run_job("ticker").unwrap();
    assert_eq!(app.host.published()[0].topic, "ext.other.tick");
    assert_eq!(
        app.request(GET, "/").send().json::<Value>().unwrap()["tools"][0],
        "other.greet"
    );
}

#[test]
fn requests_that_make_no_sense_get_a_problem() {
    let app = app();
    for (method, target, body, status, code) in [
        (GET, "/nothing", "", 404, "not_found"),
        (POST, "/count", "", 405, "method_not_allowed"),
        (POST, "/publish/greeted", "{\"a\":", 400, "invalid_argument"),
        (POST, "/publish/a.b", "{}", 400, "invalid_argument"),
        (POST, "/publish/%FF", "{}", 400, "invalid_argument"),
    ] {
        let answer = app.request(method, target).body(body).send();
        assert_eq!(
            answer.headers.get("content-type"),
            Some("application/problem+json"),
            "{target}"
        );
        let problem: Value = answer.json().unwrap();
        assert_eq!(
            (answer.status, &problem["status"], &problem["code"]),
            (status, &json!(status), &json!(code)),
            "{target}"
        );
    }
    assert_eq!(app.request(HEAD, "/count").send().body, b"");
    assert!(app.host.published().is_empty());
}

#[test]
fn what_the_readme_explains_is_what_is_written() {
    let written = concat!(include_str!("lib.rs"), include_str!("logic.rs"));
    let readme = include_str!("../README.md");
    let quoted: Vec<&str> = readme
        .split("```rust\n")
        .skip(1)
        .filter_map(|rest| rest.split("```").next())
        .flat_map(str::lines)
        .filter(|line| !line.trim().is_empty())
        .collect();
    assert!(quoted.len() > 20);
    for line in quoted {
        assert!(written.contains(line), "the README quotes `{line}`");
    }
}
