use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    fs,
    path::Path,
};

use http::StatusCode;
use serde_json::json;

use super::*;
use crate::api::{problem::Kind, table};

const KINDS: &[Kind] = &[
    kind::INTERNAL,
    kind::TIMEOUT,
    kind::UNAUTHENTICATED,
    kind::INVALID_TOKEN,
    kind::UNAVAILABLE,
    kind::INSUFFICIENT_SCOPE,
    kind::CROSS_ORIGIN,
    kind::TOO_MANY_REQUESTS,
    kind::NOT_FOUND,
];

const BARE: &str = r#"{ "openapi": "3.1.0", "info": {}, "components": {} }"#;

fn assembled(area: &'static str) -> Result<Value, Fault> {
    let area = Fragment {
        name: "area",
        text: area,
    };
    assemble(BARE, &[area], "1.2.3", KINDS)
}

fn document() -> &'static Value {
    DOCUMENT.as_ref().unwrap()
}

/// Every operation with its path and method.
fn operations() -> impl Iterator<Item = (&'static str, &'static str, &'static Value)> {
    let paths = document()["paths"].as_object().unwrap();
    paths.iter().flat_map(|(path, methods)| {
        let methods = methods.as_object().unwrap();
        methods
            .iter()
            .map(move |(method, operation)| (path.as_str(), method.as_str(), operation))
    })
}

/// Calls `look` on every object of the document.
fn everywhere(value: &'static Value, look: &mut impl FnMut(&'static serde_json::Map<String, Value>)) {
    match value {
        Value::Object(members) => {
            look(members);
            members.values().for_each(|member| everywhere(member, look));
        }
        Value::Array(items) => items.iter().for_each(|item| everywhere(item, look)),
        _ => {}
    }
}

/// What a `$ref` stands for, or the value itself.
fn resolved(value: &'static Value) -> &'static Value {
    match value["$ref"].as_str() {
        Some(reference) => document().pointer(&reference[1..]).expect(reference),
        None => value,
    }
}

#[test]
fn abbreviations_are_written_out() {
    let document = assembled(
        r#"{
            "tag": { "name": "Things" },
            "paths": { "/things": { "get": {
                "x-required-scope": ["things:read"], "x-problems": ["not_found"], "responses": { "200": {} }
            } } }
        }"#,
    )
    .unwrap();
    let operation = &document["paths"]["/things"]["get"];
    assert_eq!(
        operation["security"],
        json!([{ "agent": ["things:read"] }, { "session": [] }])
    );
    assert_eq!(operation["tags"], json!(["Things"]));
    assert_eq!(document["info"]["version"], "1.2.3");
    let statuses: Vec<_> = operation["responses"].as_object().unwrap().keys().collect();
    assert_eq!(statuses, ["200", "401", "403", "404", "429", "500", "503"]);
    assert_eq!(
        operation["responses"]["401"]["$ref"],
        "#/components/responses/unauthenticated_or_invalid_token"
    );
    let answer = &document["components"]["responses"]["unauthenticated_or_invalid_token"];
    let own = &answer["content"]["application/problem+json"]["schema"]["allOf"][1]["properties"];
    assert_eq!(own["code"]["enum"], json!(["unauthenticated", "invalid_token"]));
    for headers in [&answer["headers"], &operation["responses"]["200"]["headers"]] {
        assert_eq!(headers["X-Request-Id"]["$ref"], "#/components/headers/RequestId");
    }
}

#[test]
fn documents_that_do_not_make_one_are_refused_with_their_place() {
    let table = [
        ("{", "area"),
        (r#"{ "tag": {}, "paths": {}, "pahts": {} }"#, "`pahts`"),
        (
            r#"{ "tag": {}, "paths": { "/a": { "get": { "responses": {} } } } }"#,
            "get /a",
        ),
        (
            r#"{ "tag": {}, "paths": { "/a": { "get": { "security": [], "x-problems": ["bad_luck"], "responses": {} } } } }"#,
            "`bad_luck`",
        ),
        (
            r#"{ "tag": {}, "paths": { "/a": { "get": { "security": [] } } } }"#,
            "`responses`",
        ),
    ];
    for (area, told) in table {
        let fault = assembled(area).unwrap_err().to_string();
        assert!(fault.contains(told), "{fault}");
    }
    let area = Fragment {
        name: "twice",
        text: r#"{ "tag": {}, "paths": { "/a": {} } }"#,
    };
    let fault = assemble(BARE, &[area, area], "1", KINDS).unwrap_err().to_string();
    assert!(fault.contains("`/a` is described twice"), "{fault}");
}

#[test]
fn every_route_is_described_and_every_described_one_exists() {
    let routes: BTreeSet<(String, String)> = table()
        .iter()
        .flat_map(|route| {
            let (path, methods) = route.offered();
            let methods: Vec<String> = methods.split(", ").map(str::to_lowercase).collect();
            // HEAD and OPTIONS are the same everywhere, and described once.
            let own = methods
                .into_iter()
                .filter(|method| method != "head" && method != "options");
            own.map(|method| (path.to_owned(), method)).collect::<Vec<_>>()
        })
        .collect();
    let described: BTreeSet<(String, String)> = operations()
        .map(|(path, method, _)| (path.to_owned(), method.to_owned()))
        .collect();
    let undescribed: Vec<_> = routes.difference(&described).collect();
    assert!(
        undescribed.is_empty(),
        "describe them in host/src/api/openapi/areas: {undescribed:?}"
    );
    let absent: Vec<_> = described.difference(&routes).collect();
    assert!(absent.is_empty(), "they are described and not there: {absent:?}");
}

#[test]
fn every_operation_says_who_may_use_it_what_it_takes_and_what_it_answers() {
    let mut ids = HashSet::new();
    for (path, method, operation) in operations() {
        let place = format!("{method} {path}");
        assert!(ids.insert(operation["operationId"].as_str().expect(&place)), "{place}");
        for text in ["summary", "x-curl"] {
            assert!(
                operation[text].as_str().is_some_and(|text| !text.is_empty()),
                "{place}: {text}"
            );
        }
        for way in operation["security"].as_array().expect(&place) {
            for scheme in way.as_object().expect(&place).keys() {
                assert!(
                    document()["components"]["securitySchemes"].get(scheme).is_some(),
                    "{place}: {scheme}"
                );
            }
        }
        let mut named: BTreeSet<&str> = BTreeSet::new();
        for parameter in operation["parameters"].as_array().into_iter().flatten().map(resolved) {
            assert!(parameter["schema"].is_object(), "{place}: {parameter}");
            assert!(parameter["description"].is_string(), "{place}: {parameter}");
            if parameter["in"] == "path" {
                assert_eq!(parameter["required"], true, "{place}");
                named.insert(parameter["name"].as_str().unwrap());
            }
        }
        let variables: BTreeSet<&str> = path
            .split('/')
            .filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'))
            .collect();
        assert_eq!(named, variables, "{place}");
        let statuses = operation["responses"].as_object().expect(&place);
        assert!(statuses.keys().any(|status| status.starts_with('2')), "{place}");
        for (status, answer) in statuses {
            let answer = resolved(answer);
            assert!(answer["description"].is_string(), "{place}: {status}");
            assert!(answer["headers"]["X-Request-Id"].is_object(), "{place}: {status}");
            let bodiless = matches!(status.as_str(), "204" | "304");
            assert_eq!(answer.get("content").is_none(), bodiless, "{place}: {status}");
        }
        let mut needed = vec!["500", "503"];
        if operation.get("x-required-scope").is_some() {
            needed.push("401");
        }
        if operation.get("requestBody").is_some() {
            needed.extend(["400", "408", "413", "415"]);
        }
        for status in needed {
            assert!(statuses.contains_key(status), "{place}: {status}");
        }
    }
}

#[test]
fn every_reference_leads_somewhere_and_nothing_is_described_in_vain() {
    let mut used: BTreeSet<&str> = BTreeSet::new();
    everywhere(document(), &mut |members| {
        if let Some(reference) = members.get("$ref").and_then(Value::as_str) {
            assert!(document().pointer(&reference[1..]).is_some(), "{reference}");
            used.insert(reference);
        }
    });
    for (section, entries) in document()["components"].as_object().unwrap() {
        for name in entries.as_object().unwrap().keys() {
            let reference = format!("#/components/{section}/{name}");
            assert!(
                section == "securitySchemes" || used.contains(reference.as_str()),
                "{reference} is not used"
            );
        }
    }
}

#[test]
fn scopes_are_those_that_there_are() {
    let described = document()["components"]["securitySchemes"]["agent"]["flows"]["clientCredentials"]["scopes"]
        .as_object()
        .unwrap();
    let described: BTreeSet<&str> = described.keys().map(String::as_str).collect();
    assert_eq!(described, ordinaut_domain::agent::CORE_SCOPES.into_iter().collect());
    for (path, method, operation) in operations() {
        for scope in operation["x-required-scope"].as_array().into_iter().flatten() {
            assert!(described.contains(scope.as_str().unwrap()), "{method} {path}: {scope}");
        }
    }
}

#[test]
fn the_copy_in_the_documentation_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/reference/openapi.json");
    let copy = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        copy == written().unwrap(),
        "the API is described differently now; look at the difference after `cargo run -- openapi > docs/reference/openapi.json`"
    );
}

#[test]
fn the_reference_for_people_names_every_path_and_every_code() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/reference/api.md");
    let text = fs::read_to_string(path).unwrap();
    let missing: Vec<&str> = table()
        .iter()
        .map(|route| route.offered().0)
        .filter(|path| !text.contains(&format!("{path}`")))
        .collect();
    assert!(missing.is_empty(), "docs/reference/api.md does not name {missing:?}");
    let codes: BTreeMap<&str, StatusCode> = kind::ALL.iter().map(|kind| (kind.code, kind.status)).collect();
    let missing: Vec<_> = codes
        .iter()
        .filter(|(code, _)| !text.contains(&format!("`{code}`")))
        .collect();
    assert!(missing.is_empty(), "docs/reference/api.md does not name {missing:?}");
}

#[test]
fn every_kind_of_problem_is_described_somewhere() {
    // Of paths and methods that there are not, no operation can tell; depth and quotas are bounds of extensions.
    let apart = ["no_such_route", "method_not_allowed", "depth_limit", "quota_exceeded"];
    let responses = document()["components"]["responses"].as_object().unwrap();
    let described: BTreeSet<&str> = responses.keys().flat_map(|name| name.split("_or_")).collect();
    for kind in kind::ALL.iter().filter(|kind| !apart.contains(&kind.code)) {
        assert!(described.contains(kind.code), "{}", kind.code);
    }
}

#[test]
fn the_page_shows_every_operation_and_runs_nothing() {
    let (html, policy) = PAGE.as_ref().unwrap();
    let html = std::str::from_utf8(html).unwrap();
    for (path, method, operation) in operations() {
        let id = operation["operationId"].as_str().unwrap();
        assert!(html.contains(&format!("id=\"{id}\"")), "{method} {path}");
    }
    assert!(!html.contains("<script") && !html.contains("style=\"") && !html.contains("http-equiv"));
    // Nothing is fetched: links lead within the page, to the document, and to what is described.
    assert!(!html.contains("src=") && !html.contains("<link"));
    assert!(
        policy
            .to_str()
            .unwrap()
            .starts_with("default-src 'none'; style-src 'sha256-")
    );
}
