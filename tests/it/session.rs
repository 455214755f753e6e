//! Signing in with a browser: a cookie that is worth nothing to foreign pages.

use ordinaut_tests::{Actor, Host, actor::Reply};
use reqwest::Method;
use serde_json::{Value, json};

/// A browser that is signed in.
struct Browser {
    actor: Actor,
    cookie: String,
    csrf_token: String,
}

impl Browser {
    async fn signs_in(host: &Host, credentials: &Value) -> Self {
        let actor = host.anonymous();
        let reply = actor.post("/session", credentials).await;
        let session = reply.good();
        let set = reply.headers["set-cookie"].to_str().expect("text").to_owned();
        let (cookie, attributes) = set.split_once(';').expect("attributes");
        assert!(cookie.starts_with("__Host-ordinaut_session="), "{set}");
        for attribute in ["Path=/", "HttpOnly", "Secure", "SameSite=Strict", "Max-Age=43200"] {
            assert!(
                attributes.split(';').any(|a| a.trim() == attribute),
                "{attribute}: {set}"
            );
        }
        assert!(!attributes.contains("Domain"), "{set}");
        Self {
            actor,
            cookie: cookie.to_owned(),
            csrf_token: session["csrf_token"].as_str().expect("a token").to_owned(),
        }
    }

    fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.actor
            .request(method, path)
            .header("cookie", format!("theme=dark; {}", self.cookie))
    }

    async fn get(&self, path: &str) -> Reply {
        self.actor.send(self.request(Method::GET, path)).await
    }

    /// A change as a page of ours makes it.
    async fn changes(&self, method: Method, path: &str, body: &Value) -> Reply {
        let request = self
            .request(method, path)
            .header("x-csrf-token", &self.csrf_token)
            .header("sec-fetch-site", "same-origin")
            .json(body);
        self.actor.send(request).await
    }
}

fn task() -> Value {
    json!({
        "title": "t", "schedule_kind": "cron", "schedule_expr": "0 0 1 1 *",
        "payload": { "pipeline": [{ "uses": "events_demo.greet", "with": { "name": "x" } }] },
    })
}

#[tokio::test]
async fn a_browser_signs_in_works_everywhere_and_signs_out() {
    let host = Host::start().await;
    let browser = Browser::signs_in(&host, &host.admin_credentials()).await;
    let session = browser.get("/session").await.good();
    assert_eq!(session["agent"]["name"], "admin");
    assert_eq!(session["csrf_token"], browser.csrf_token);
    assert!(
        session["scopes"]
            .as_array()
            .expect("scopes")
            .contains(&json!("tasks:write"))
    );
    assert!(session["expires_at"].is_string());

    let created = browser.changes(Method::POST, "/tasks", &task()).await;
    assert_eq!(created.status, 201, "{}", created.text);
    assert_eq!(created.json()["owner"], session["agent"]["id"]);
    assert_eq!(
        browser.get("/tasks").await.good()["data"]
            .as_array()
            .expect("data")
            .len(),
        1
    );
    assert_eq!(browser.get("/ext/events_demo/").await.status, 200, "extensions too");

    let ended = browser.changes(Method::DELETE, "/session", &json!({})).await;
    assert_eq!(ended.status, 204);
    let cleared = ended.headers["set-cookie"].to_str().expect("text");
    assert!(
        cleared.starts_with("__Host-ordinaut_session=;") && cleared.contains("Max-Age=0"),
        "{cleared}"
    );
    for path in ["/session", "/tasks", "/ext/events_demo/"] {
        browser.get(path).await.problem(401);
    }
}

#[tokio::test]
async fn a_foreign_page_cannot_use_the_cookie() {
    let host = Host::start().await;
    let browser = Browser::signs_in(&host, &host.admin_credentials()).await;
    let without = browser.request(Method::POST, "/tasks").json(&task());
    assert_eq!(browser.actor.send(without).await.problem(403)["code"], "csrf_token");
    let guessed = browser
        .request(Method::POST, "/tasks")
        .header("x-csrf-token", "A".repeat(43))
        .json(&task());
    assert_eq!(browser.actor.send(guessed).await.problem(403)["code"], "csrf_token");
    // An extension's route is as well protected as ours.
    let extension = browser
        .request(Method::POST, "/ext/events_demo/publish/x")
        .json(&json!({}));
    assert_eq!(browser.actor.send(extension).await.problem(403)["code"], "csrf_token");
    for (name, value) in [
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
        ("origin", "http://localhost:3000"),
        ("origin", "null"),
    ] {
        for method in [Method::GET, Method::POST] {
            let request = browser
                .request(method, "/tasks")
                .header(name, value)
                .header("x-csrf-token", &browser.csrf_token)
                .json(&task());
            let problem = browser.actor.send(request).await.problem(403);
            assert_eq!(problem["code"], "cross_origin", "{name}: {value}");
        }
        // Nor can it sign anybody in.
        let request = browser.actor.request(Method::POST, "/session").header(name, value);
        let problem = browser
            .actor
            .send(request.json(&host.admin_credentials()))
            .await
            .problem(403);
        assert_eq!(problem["code"], "cross_origin", "{name}: {value}");
    }
    assert!(
        browser.get("/tasks").await.good()["data"]
            .as_array()
            .expect("data")
            .is_empty()
    );
    // A token goes before the cookie, and needs neither.
    let with_token = browser
        .request(Method::POST, "/tasks")
        .bearer_auth(host.admin().await.token().expect("a token"))
        .json(&task());
    assert_eq!(browser.actor.send(with_token).await.status, 201);
}

#[tokio::test]
async fn only_the_right_secret_begins_a_session_and_only_a_whole_cookie_continues_it() {
    let host = Host::start().await;
    let good = host.admin_credentials();
    let mut wrong = good.clone();
    wrong["client_secret"] = json!("ord_wrong");
    let mut unknown = good.clone();
    unknown["client_id"] = json!("0192f0c1-2b3c-7def-8123-456789abcdef");
    let mut answers = Vec::new();
    for credentials in [wrong, unknown] {
        let mut problem = host.anonymous().post("/session", &credentials).await.problem(401);
        assert_eq!(problem["code"], "invalid_client");
        problem["request_id"] = Value::Null;
        answers.push(problem);
    }
    assert_eq!(answers[0], answers[1], "nobody learns which agents exist");
    host.anonymous().post("/session", &json!({})).await.problem(422);

    let browser = Browser::signs_in(&host, &good).await;
    let (_, id) = browser.cookie.split_once('=').expect("a value");
    for cookie in [
        format!("ordinaut_session={id}"),
        browser.cookie[..browser.cookie.len() - 1].to_owned(),
    ] {
        let request = browser.actor.request(Method::GET, "/session").header("cookie", cookie);
        browser.actor.send(request).await.problem(401);
    }
    assert!(!host.log().contains(id) && !host.log().contains(&browser.csrf_token));
    let database = std::fs::read(host.data().join("ordinaut.db")).expect("the store");
    assert!(!database.windows(id.len()).any(|window| window == id.as_bytes()));
}
