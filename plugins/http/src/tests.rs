//! The tool against other servers that are functions.

use ordinaut_sdk::http::{self, Incoming, Kind, Outgoing};
use ordinaut_sdk::routes::Headers;
use ordinaut_sdk::testing::{Harness, tool_context};

use super::*;

fn app(server: impl Fn(&Outgoing) -> Result<Incoming, http::Error> + 'static) -> Harness<Http> {
    let app = Harness::new("http");
    app.host.on_http(server);
    app
}

fn answer(status: u16, headers: &[(&str, &str)], body: &str) -> Incoming {
    let mut fields = Headers::default();
    for (name, value) in headers {
        fields.append(*name, *value);
    }
    Incoming {
        status,
        headers: fields,
        body: body.into(),
    }
}

fn header(request: &Outgoing, name: &str) -> Option<String> {
    request.headers.get(name).map(str::to_owned)
}

#[test]
fn the_tool_is_keyed_and_its_schema_is_closed_and_plain() {
    let app = Harness::<Http>::new("http");
    let manifest = app.init().unwrap();
    let tool = manifest.tool("request").unwrap();
    assert_eq!(tool.effect, Effect::Keyed);
    let schema = &tool.input_schema;
    assert_eq!(
        (&schema["additionalProperties"], &schema["required"]),
        (&json!(false), &json!(["url"]))
    );
    let methods = json!(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]);
    assert_eq!(schema["properties"]["method"]["enum"], methods);
    assert_eq!(schema["properties"]["timeout_ms"]["type"], "integer");
    let text = schema.to_string() + &tool.output_schema.as_ref().unwrap().to_string();
    for hard in ["$ref", "anyOf", "oneOf", "allOf", "null\""] {
        assert!(!text.contains(hard), "{hard} in {text}");
    }
    assert_eq!(app.requests().unwrap(), json!({ "http.outbound": [{ "host": "*" }] }));
}

#[test]
fn a_get_answers_status_headers_and_parsed_json() {
    let app = app(|_| {
        let headers = [
            ("Content-Type", "application/json"),
            ("X-A", "1"),
            ("x-a", "2"),
            ("Set-Cookie", "a=1"),
            ("Set-Cookie", "b=2"),
        ];
        Ok(answer(200, &headers, r#"{"name":"Ada"}"#))
    });
    let arguments = json!({ "url": "http://127.0.0.1:8080/v1?x=1", "query": { "q": "a b", "n": [1, 2], "off": null }, "headers": { "Accept": "application/json" } });
    let result = app.call_tool("request", arguments).unwrap();
    assert_eq!(
        result,
        json!({
            "status": 200,
            "headers": { "content-type": "application/json", "x-a": "1, 2", "set-cookie": "a=1\nb=2" },
            "body": { "name": "Ada" },
            "body_type": "json",
            "url": "http://127.0.0.1:8080/v1?x=1&q=a%20b&n=1&n=2",
        })
    );
    let request = app.host.requests().remove(0);
    assert_eq!(
        (header(&request, "accept"), header(&request, "idempotency-key")),
        (Some("application/json".into()), None)
    );
}

#[test]
fn a_request_that_may_change_something_carries_the_effect_key() {
    let app = app(|_| Ok(answer(204, &[], "")));
    for method in ["POST", "PUT", "PATCH", "DELETE"] {
        app.call_tool("request", json!({ "method": method, "url": "http://a/" }))
            .unwrap();
    }
    assert!(
        app.host
            .requests()
            .iter()
            .all(|sent| header(sent, "idempotency-key") == Some("request-effect-key".into()))
    );
    let own = json!({ "method": "POST", "url": "http://a/", "headers": { "Idempotency-Key": "mine" } });
    app.call_tool_with(
        &ToolContext {
            attempt: 2,
            ..tool_context("request")
        },
        own,
    )
    .unwrap();
    assert_eq!(header(&app.host.requests()[4], "Idempotency-Key"), Some("mine".into()));
}

#[test]
fn bodies_are_json_forms_text_or_bytes() {
    let app = app(|_| Ok(answer(200, &[], "")));
    for (argument, content_type, body) in [
        (
            json!({ "json": { "a": [1, null] } }),
            "application/json",
            r#"{"a":[1,null]}"#,
        ),
        (
            json!({ "form": { "a": "1 & 2", "b": true } }),
            "application/x-www-form-urlencoded",
            "a=1%20%26%202&b=true",
        ),
        (json!({ "body": "hello" }), "text/plain; charset=utf-8", "hello"),
        (json!({ "body_base64": "aGk=" }), "application/octet-stream", "hi"),
        (
            json!({ "body": "<a/>", "headers": { "content-type": "text/xml" } }),
            "text/xml",
            "<a/>",
        ),
    ] {
        let mut arguments = json!({ "method": "POST", "url": "http://a/" });
        arguments
            .as_object_mut()
            .unwrap()
            .extend(argument.as_object().unwrap().clone());
        app.call_tool("request", arguments).unwrap();
        let sent = app.host.requests().pop().unwrap();
        assert_eq!(header(&sent, "content-type").as_deref(), Some(content_type));
        assert_eq!(String::from_utf8(sent.body).unwrap(), body);
    }
}

#[test]
fn every_status_is_a_result_unless_others_are_expected() {
    let app = app(|_| Ok(answer(503, &[("retry-after", "7")], "later")));
    let url = "http://a/x?token=secret";
    assert_eq!(app.call_tool("request", json!({ "url": url })).unwrap()["status"], 503);
    assert!(
        app.call_tool("request", json!({ "url": url, "expect_status": ["2xx", 503] }))
            .is_ok()
    );

    let error = app
        .call_tool("request", json!({ "url": url, "expect_status": "2xx" }))
        .unwrap_err();
    assert_eq!((error.code(), error.is_retryable()), ("unexpected_status", true));
    assert_eq!(error.message(), "http://a/x answered 503, expected 2xx");
    let details = json!({ "status": 503, "body_type": "text", "body_excerpt": "later", "retry_after": "7" });
    assert_eq!(error.details(), Some(&details));
}

#[test]
fn a_status_that_will_not_get_better_is_not_retryable() {
    let app = app(|_| Ok(answer(404, &[], "")));
    assert!(
        !app.call_tool("request", json!({ "url": "http://a/", "expect_status": 200 }))
            .unwrap_err()
            .is_retryable()
    );
}

#[test]
fn a_refusal_is_denied_and_leaves_the_remedy_to_the_host() {
    for kind in [Kind::Denied, Kind::DeniedAddress] {
        let app = app(move |_| Err(http::Error::new(kind, "not granted")));
        let error = app
            .call_tool("request", json!({ "url": "https://api.example.org/v1?key=secret" }))
            .unwrap_err();
        assert_eq!((error.code(), error.is_retryable()), ("denied", false));
        assert_eq!((error.message(), error.details()), ("not granted", None));
    }
}

#[test]
fn the_length_of_a_body_is_counted_and_not_believed() {
    let app = app(|_| Ok(answer(200, &[], "")));
    let arguments =
        json!({ "method": "POST", "url": "http://a/", "body": "hello", "headers": { "Content-Length": 2 } });
    let error = app.call_tool("request", arguments).unwrap_err();
    assert_eq!(error.code(), "invalid_argument");
    assert!(error.message().contains("content-length"), "{}", error.message());
    assert!(app.host.requests().is_empty());
}

#[test]
fn redirects_are_followed_to_the_end_and_each_is_a_request_of_its_own() {
    let app = app(|request| match request.url.path_and_query().as_str() {
        "/one" => Ok(answer(302, &[("location", "two?x=1")], "")),
        "/two?x=1" => Ok(answer(307, &[("location", "https://b.example/three")], "")),
        "/three" => Ok(answer(200, &[], "done")),
        _ => Ok(answer(301, &[("location", "/again")], "")),
    });
    let arguments = json!({ "url": "http://a.example/one", "headers": { "Authorization": "Bearer x" } });
    let result = app.call_tool("request", arguments).unwrap();
    assert_eq!(
        (&result["url"], &result["body"]),
        (&json!("https://b.example/three"), &json!("done"))
    );
    let sent: Vec<bool> = app
        .host
        .requests()
        .iter()
        .map(|sent| sent.headers.contains("authorization"))
        .collect();
    assert_eq!(sent, [true, true, false]);

    let error = app
        .call_tool("request", json!({ "url": "http://a.example/again" }))
        .unwrap_err();
    assert!(error.message().contains("redirects"), "{error}");
    assert_eq!(app.host.requests().len(), 3 + 1 + request::MAX_REDIRECTS as usize);
}

#[test]
fn a_failed_connection_may_be_tried_again_and_a_bad_certificate_not() {
    for (kind, code, retryable) in [
        (Kind::Connect, "unavailable", true),
        (Kind::Dns, "unavailable", true),
        (Kind::Timeout, "timeout", true),
        (Kind::Tls, "unavailable", false),
        (Kind::TooLarge, "limit_exceeded", false),
    ] {
        let app = app(move |_| Err(http::Error::new(kind, "why")));
        let error = app.call_tool("request", json!({ "url": "http://a/" })).unwrap_err();
        assert_eq!((error.code(), error.is_retryable()), (code, retryable), "{kind:?}");
    }
}

#[test]
fn arguments_that_make_no_sense_are_refused_before_anything_is_sent() {
    let app = app(|_| Ok(answer(200, &[], "")));
    for (arguments, why) in [
        (json!({ "url": "a" }), "not absolute"),
        (json!({ "url": "http://me:secret@a/" }), "user name"),
        (json!({ "url": "http://a/", "json": 1, "body": "x" }), "only one of"),
        (json!({ "url": "http://a/", "query": { "a": {} } }), "query.a"),
        (json!({ "url": "http://a/", "body_base64": "?" }), "base64"),
        (json!({ "url": "http://a/", "timeout_ms": 0 }), "timeout_ms"),
        (json!({ "url": "http://a/", "method": "get" }), "unknown variant"),
        (json!({ "url": "http://a/", "expect_status": "fine" }), "expect_status"),
    ] {
        let error = app.call_tool("request", arguments.clone()).unwrap_err();
        assert_eq!(error.code(), "invalid_argument", "{arguments}");
        assert!(error.message().contains(why), "{arguments}: {error}");
    }
    assert!(app.host.requests().is_empty());
}
