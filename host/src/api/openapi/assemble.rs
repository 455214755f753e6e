//! From the areas' documents to one OpenAPI document.
//!
//! An area is `{"tag": …, "paths": …, "components": …}` in the words of OpenAPI 3.1, with three abbreviations in its
//! operations that are written out here:
//!
//! - `x-required-scope` (kept) lists the scopes of which the caller needs one; empty means any caller. It becomes
//!   `security`: a token, or the cookie of a session, which needs a token of its own where the method changes something.
//!   An operation without it says `security` itself.
//! - `x-problems` (removed) lists the codes of the problems that are the operation's own. They become responses, with
//!   those that every operation has (of the envelope and of authentication), those of a body where there is one, and
//!   those of shared parameters ([`OF_PARAMETERS`]). A status that the operation describes itself stays as it is.
//! - `X-Request-Id` is added to every answer.
//!
//! `x-curl` is kept: an example for the shell.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::api::problem::Kind;

/// The problems that come with a parameter that many operations have.
const OF_PARAMETERS: [(&str, &[&str]); 3] = [
    ("Cursor", &["invalid_query", "invalid_cursor"]),
    ("IfMatch", &["precondition_required", "precondition_failed"]),
    (
        "IdempotencyKey",
        &["invalid_request", "idempotency_key_reused", "idempotency_in_flight"],
    ),
];

/// One area's document.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fragment {
    /// For messages.
    pub name: &'static str,
    pub text: &'static str,
}

/// Why the documents do not make one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the description of the API is wrong in {place}: {reason}")]
pub(crate) struct Fault {
    place: String,
    reason: String,
}

impl Fault {
    pub(super) fn new(place: &str, reason: impl Into<String>) -> Self {
        Self {
            place: place.to_owned(),
            reason: reason.into(),
        }
    }
}

type Object = Map<String, Value>;

/// Joins the areas to what they share; `kinds` is the catalogue of problems.
pub(super) fn assemble(shared: &str, areas: &[Fragment], version: &str, kinds: &[Kind]) -> Result<Value, Fault> {
    let mut root = object(shared, "shared")?;
    let mut tags = Vec::new();
    let mut paths = Object::new();
    let mut components = take(&mut root, "components", "shared")?;
    for area in areas {
        let mut fragment = object(area.text, area.name)?;
        let tag = take(&mut fragment, "tag", area.name)?;
        let mut found = take(&mut fragment, "paths", area.name)?;
        for (path, methods) in &mut found {
            for (method, operation) in methods.as_object_mut().into_iter().flatten() {
                let place = format!("{}, {method} {path}", area.name);
                let operation = operation
                    .as_object_mut()
                    .ok_or_else(|| Fault::new(&place, "not an object"))?;
                operation.insert("tags".to_owned(), json!([tag.get("name")]));
                expand(method, operation, kinds, &mut components).map_err(|reason| Fault::new(&place, reason))?;
            }
        }
        tags.push(Value::Object(tag));
        join(&mut paths, found, area.name)?;
        for (section, entries) in take(&mut fragment, "components", area.name).unwrap_or_default() {
            if let Value::Object(entries) = entries {
                join(section_of(&mut components, &section), entries, area.name)?;
            }
        }
        if let Some(unknown) = fragment.keys().next() {
            return Err(Fault::new(area.name, format!("`{unknown}` is not known")));
        }
    }
    for answer in section_of(&mut components, "responses").values_mut() {
        with_header(answer, "X-Request-Id", "RequestId");
    }
    if let Some(info) = root.get_mut("info") {
        info["version"] = version.into();
    }
    root.insert("tags".to_owned(), Value::Array(tags));
    root.insert("paths".to_owned(), Value::Object(paths));
    root.insert("components".to_owned(), Value::Object(components));
    Ok(Value::Object(root))
}

fn object(text: &str, place: &str) -> Result<Object, Fault> {
    serde_json::from_str(text).map_err(|error| Fault::new(place, error.to_string()))
}

/// The member, which must be an object.
fn take(from: &mut Object, member: &str, place: &str) -> Result<Object, Fault> {
    match from.remove(member) {
        Some(Value::Object(found)) => Ok(found),
        _ => Err(Fault::new(place, format!("`{member}` is missing or not an object"))),
    }
}

fn section_of<'a>(components: &'a mut Object, section: &str) -> &'a mut Object {
    let entry = components.entry(section).or_insert_with(|| json!({}));
    if !entry.is_object() {
        *entry = json!({});
    }
    match entry {
        Value::Object(entries) => entries,
        _ => unreachable!("it was made an object above"),
    }
}

fn join(into: &mut Object, entries: Object, place: &str) -> Result<(), Fault> {
    for (name, entry) in entries {
        if into.contains_key(&name) {
            return Err(Fault::new(place, format!("`{name}` is described twice")));
        }
        into.insert(name, entry);
    }
    Ok(())
}

/// Writes out the abbreviations of one operation; problems become shared responses.
fn expand(method: &str, operation: &mut Object, kinds: &[Kind], components: &mut Object) -> Result<(), String> {
    let scopes = scopes(operation)?;
    if let Some(scopes) = &scopes {
        operation.insert("security".to_owned(), ways(method, scopes));
    } else if !operation.contains_key("security") {
        return Err("neither `x-required-scope` nor `security` is given".to_owned());
    }

    let mut codes = texts(operation.remove("x-problems").as_ref()).ok_or("`x-problems` must be a list of codes")?;
    codes.extend(["internal", "request_timeout"].map(str::to_owned));
    let counted = scopes.is_some();
    if let Some(scopes) = scopes {
        let of_callers = [
            "unauthenticated",
            "invalid_token",
            "cross_origin",
            "too_many_requests",
            "unavailable",
        ];
        codes.extend(of_callers.map(str::to_owned));
        if changes(method) {
            codes.push("csrf_token".to_owned());
        }
        if !scopes.is_empty() {
            codes.push("insufficient_scope".to_owned());
        }
    }
    if operation.contains_key("requestBody") {
        let of_bodies = [
            "malformed_json",
            "invalid_request",
            "body_timeout",
            "body_too_large",
            "unsupported_media_type",
        ];
        codes.extend(of_bodies.map(str::to_owned));
    }
    for (parameter, own) in OF_PARAMETERS {
        if has_parameter(operation, parameter) {
            codes.extend(own.iter().map(|code| (*code).to_owned()));
        }
    }
    let repeatable = has_parameter(operation, "IdempotencyKey");
    if let Some(unknown) = codes.iter().find(|code| kinds.iter().all(|kind| kind.code != **code)) {
        return Err(format!("there is no problem `{unknown}`"));
    }

    let answers = operation.get_mut("responses").and_then(Value::as_object_mut);
    let answers = answers.ok_or("`responses` is missing")?;
    answers.values_mut().for_each(|answer| {
        with_header(answer, "X-Request-Id", "RequestId");
        if repeatable {
            with_header(answer, "Idempotency-Replayed", "IdempotencyReplayed");
        }
        if counted {
            with_header(answer, "RateLimit", "RateLimit");
            with_header(answer, "RateLimit-Policy", "RateLimitPolicy");
        }
    });
    for (status, kinds) in by_status(kinds, &codes) {
        let names: Vec<&str> = kinds.iter().map(|kind| kind.code).collect();
        let name = names.join("_or_");
        if answers.contains_key(&status.to_string()) {
            continue;
        }
        let reference = json!({ "$ref": format!("#/components/responses/{name}") });
        section_of(components, "responses").insert(name, problem(status, &kinds));
        answers.insert(status.to_string(), reference);
    }
    Ok(())
}

/// How a caller with one of the scopes may say who they are.
fn ways(method: &str, scopes: &[String]) -> Value {
    let mut ways: Vec<Value> = scopes.iter().map(|scope| json!({ "agent": [scope] })).collect();
    if scopes.is_empty() {
        ways.push(json!({ "agent": [] }));
    }
    ways.push(if changes(method) {
        json!({ "session": [], "csrf": [] })
    } else {
        json!({ "session": [] })
    });
    Value::Array(ways)
}

/// Whether a method is not safe (RFC 9110 §9.2.1).
fn changes(method: &str) -> bool {
    !matches!(method, "get" | "head" | "options")
}

/// None when the operation says itself who may use it.
fn scopes(operation: &Object) -> Result<Option<Vec<String>>, String> {
    match operation.get("x-required-scope") {
        None => Ok(None),
        given => texts(given)
            .map(Some)
            .ok_or_else(|| "`x-required-scope` must be a list of scopes".to_owned()),
    }
}

/// The texts of a list; nothing is an empty list.
fn texts(value: Option<&Value>) -> Option<Vec<String>> {
    match value {
        None => Some(Vec::new()),
        Some(Value::Array(items)) => items.iter().map(|item| item.as_str().map(str::to_owned)).collect(),
        Some(_) => None,
    }
}

/// The kinds with these codes, each once, in the order of the catalogue.
fn by_status<'k>(kinds: &'k [Kind], codes: &[String]) -> BTreeMap<u16, Vec<&'k Kind>> {
    let mut grouped: BTreeMap<u16, Vec<&Kind>> = BTreeMap::new();
    for kind in kinds.iter().filter(|kind| codes.iter().any(|code| code == kind.code)) {
        grouped.entry(kind.status.as_u16()).or_default().push(kind);
    }
    grouped
}

fn problem(status: u16, kinds: &[&Kind]) -> Value {
    let titles: Vec<&str> = kinds.iter().map(|kind| kind.title).collect();
    let codes: Vec<&str> = kinds.iter().map(|kind| kind.code).collect();
    let header = match status {
        401 => Some(("WWW-Authenticate", "WwwAuthenticate")),
        403 => Some(("WWW-Authenticate", "Challenge")),
        429 | 503 | 507 => Some(("Retry-After", "RetryAfter")),
        409 if codes.contains(&"idempotency_in_flight") => Some(("Retry-After", "RetryAfter")),
        _ => None,
    };
    let headers: Object = header
        .map(|(name, component)| {
            let reference = json!({ "$ref": format!("#/components/headers/{component}") });
            (name.to_owned(), reference)
        })
        .into_iter()
        .collect();
    json!({
        "description": format!("{}.", titles.join("; ")),
        "headers": headers,
        "content": {
            "application/problem+json": {
                "schema": {
                    "allOf": [
                        { "$ref": "#/components/schemas/Problem" },
                        {
                            "type": "object",
                            "properties": {
                                "status": { "type": "integer", "enum": [status] },
                                "code": { "type": "string", "enum": codes },
                            },
                        },
                    ],
                },
            },
        },
    })
}

/// Whether the operation has one of the shared parameters.
fn has_parameter(operation: &Object, name: &str) -> bool {
    let reference = format!("#/components/parameters/{name}");
    let parameters = operation.get("parameters").and_then(Value::as_array);
    parameters.is_some_and(|parameters| parameters.iter().any(|parameter| parameter["$ref"] == *reference))
}

/// Adds a header to an answer that is not described elsewhere.
fn with_header(answer: &mut Value, name: &str, component: &str) {
    let Some(answer) = answer.as_object_mut().filter(|answer| !answer.contains_key("$ref")) else {
        return;
    };
    let headers = answer.entry("headers").or_insert_with(|| json!({}));
    headers[name] = json!({ "$ref": format!("#/components/headers/{component}") });
}
