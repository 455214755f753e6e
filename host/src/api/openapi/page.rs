//! The description as one page for people: HTML made here, without scripts and without anything from elsewhere.

use maud::{DOCTYPE, Markup, PreEscaped, html};
use serde_json::Value;

/// The page's style sheet, in light and dark.
pub(super) const STYLE: &str = include_str!("page.css");

/// How deep objects within objects are shown before the reader is sent to the schema.
const DEPTH_MAX: usize = 4;

/// The page.
pub(super) fn render(document: &Value) -> Markup {
    let info = &document["info"];
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (text(info, "title")) " API " (text(info, "version")) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                a.skip href="#content" { "To the content" }
                header {
                    h1 { (text(info, "title")) " REST API" }
                    p { "Version " (text(info, "version")) " · " a href="openapi.json" { "openapi.json" } }
                }
                nav aria-label="Operations" { (contents(document)) }
                main id="content" tabindex="-1" {
                    section aria-labelledby="about" {
                        h2 id="about" { "About" }
                        p { (prose(text(info, "description"))) }
                        (first_steps())
                    }
                    @for tag in list(&document["tags"]) { (area(document, tag)) }
                    section aria-labelledby="schemas" {
                        h2 id="schemas" { "Schemas" }
                        @for (name, schema) in members(&document["components"]["schemas"]) {
                            article id=(format!("schema-{name}")) {
                                h3 { (name) }
                                (described(schema))
                                (shape(document, schema, 0))
                            }
                        }
                    }
                }
            }
        }
    }
}

fn first_steps() -> Markup {
    let lines =
        "URL=http://127.0.0.1:8080\nTOKEN=$(ordinaut token)\ncurl -H \"Authorization: Bearer $TOKEN\" \"$URL/tasks\"";
    html! {
        p { "The examples are for a shell in which the server's address and a token have been set:" }
        pre tabindex="0" { code { (lines) } }
    }
}

fn contents(document: &Value) -> Markup {
    html! {
        ul {
            @for tag in list(&document["tags"]) {
                li {
                    a href=(format!("#{}", anchor(text(tag, "name")))) { (text(tag, "name")) }
                    ul {
                        @for (path, method, operation) in operations_of(document, text(tag, "name")) {
                            li {
                                a href=(format!("#{}", text(operation, "operationId"))) {
                                    span.method { (method.to_uppercase()) } " " (path)
                                }
                            }
                        }
                    }
                }
            }
            li { a href="#schemas" { "Schemas" } }
        }
    }
}

fn area(document: &Value, tag: &Value) -> Markup {
    let name = text(tag, "name");
    html! {
        section aria-labelledby=(anchor(name)) {
            h2 id=(anchor(name)) { (name) }
            (described(tag))
            @for (path, method, operation) in operations_of(document, name) {
                (one(document, path, method, operation))
            }
        }
    }
}

fn one(document: &Value, path: &str, method: &str, operation: &Value) -> Markup {
    let id = text(operation, "operationId");
    html! {
        article aria-labelledby=(id) {
            h3 id=(id) { span.method { (method.to_uppercase()) } " " code { (path) } }
            p.summary { (prose(text(operation, "summary"))) "." }
            (described(operation))
            p { strong { "Access: " } (access(operation)) }
            (parameters(document, operation))
            @let body = resolved(document, &operation["requestBody"]);
            @if body.is_object() { (request(document, body)) }
            (answers(document, operation))
            h4 { "Example" }
            pre tabindex="0" { code { (text(operation, "x-curl")) } }
        }
    }
}

fn access(operation: &Value) -> Markup {
    let scopes = operation.get("x-required-scope").map(list);
    html! {
        @match scopes {
            None => @if list(&operation["security"]).len() > 1 { "no token is needed, but one is understood." }
                    @else { "no token is needed." },
            Some([]) => { "any agent." },
            Some(scopes) => {
                "the scope "
                @for (index, scope) in scopes.iter().filter_map(Value::as_str).enumerate() {
                    @if index > 0 { " or " }
                    code { (scope) }
                }
                "."
            },
        }
    }
}

fn parameters(document: &Value, operation: &Value) -> Markup {
    let parameters = list(&operation["parameters"]);
    html! {
        @if !parameters.is_empty() {
            h4 { "Parameters" }
            dl {
                @for parameter in parameters.iter().map(|parameter| resolved(document, parameter)) {
                    dt {
                        code { (text(parameter, "name")) }
                        " in the " (text(parameter, "in"))
                        @if parameter["required"] == true { ", required" }
                    }
                    dd {
                        (kind(&parameter["schema"]))
                        @if let Some(said) = parameter["description"].as_str() { ". " (prose(said)) }
                    }
                }
            }
        }
    }
}

fn request(document: &Value, body: &Value) -> Markup {
    let content = members(&body["content"]);
    html! {
        h4 { "Body" @if body["required"] == true { " (required)" } }
        @if let Some(said) = body["description"].as_str() { p { (prose(said)) } }
        p {
            @for (index, (media, _)) in content.iter().enumerate() {
                @if index > 0 { " or " }
                code { (media) }
            }
        }
        @if let Some((_, first)) = content.first() {
            (shape(document, &first["schema"], 0))
            @for (_, example) in members(&first["examples"]) {
                details {
                    summary { "Example: " (text(example, "summary")) }
                    pre tabindex="0" { code { (serde_json::to_string_pretty(&example["value"]).unwrap_or_default()) } }
                }
            }
        }
    }
}

fn answers(document: &Value, operation: &Value) -> Markup {
    html! {
        h4 { "Answers" }
        dl {
            @for (status, answer) in members(&operation["responses"]) {
                @let answer = resolved(document, answer);
                dt { code { (status) } " " (prose(text(answer, "description"))) }
                dd {
                    @for (media, content) in members(&answer["content"]) {
                        @let codes = list(&content["schema"]["allOf"][1]["properties"]["code"]["enum"]);
                        @if codes.is_empty() {
                            code { (media) } ": " (kind(&content["schema"]))
                        } @else {
                            "Codes: "
                            @for (index, code) in codes.iter().filter_map(Value::as_str).enumerate() {
                                @if index > 0 { ", " }
                                code { (code) }
                            }
                        }
                    }
                    @let headers = members(&answer["headers"]);
                    @if !headers.is_empty() {
                        p.headers {
                            "Headers: "
                            @for (index, (name, _)) in headers.iter().enumerate() {
                                @if index > 0 { ", " }
                                code { (name) }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// The members of a schema, if it has some.
fn shape(document: &Value, schema: &Value, depth: usize) -> Markup {
    let schema = resolved(document, schema);
    let required: Vec<&str> = list(&schema["required"]).iter().filter_map(Value::as_str).collect();
    html! {
        @for part in list(&schema["allOf"]) {
            @if let Some(name) = reference(part) { p { "All of " (link(name)) ", and:" } }
            @else { (shape(document, part, depth)) }
        }
        @if schema["properties"].is_object() && depth < DEPTH_MAX {
            dl.members {
                @for (name, member) in members(&schema["properties"]) {
                    dt { code { (name) } @if required.contains(&name) { ", required" } }
                    dd {
                        (kind(member))
                        @if let Some(said) = member["description"].as_str() { ". " (prose(said)) }
                        @if reference(member).is_none() {
                            (shape(document, member, depth + 1))
                            @if reference(&member["items"]).is_none() { (shape(document, &member["items"], depth + 1)) }
                        }
                    }
                }
            }
        } @else if schema["enum"].is_array() || schema["pattern"].is_string() {
            p { (kind(schema)) }
        }
    }
}

/// A schema in a few words: its type, its bounds, or its name.
fn kind(schema: &Value) -> Markup {
    if let Some(name) = reference(schema) {
        return link(name);
    }
    let alternatives = list(&schema["anyOf"]);
    if !alternatives.is_empty() {
        return html! {
            @for (index, one) in alternatives.iter().enumerate() {
                @if index > 0 { " or " }
                (kind(one))
            }
            (bounds(schema))
        };
    }
    let values = list(&schema["enum"]);
    html! {
        @if !values.is_empty() {
            @for (index, value) in values.iter().enumerate() {
                @if index > 0 { ", " }
                code { (value.as_str().map_or_else(|| value.to_string(), str::to_owned)) }
            }
        } @else {
            (types(&schema["type"]))
            @if schema["items"].is_object() { " of " (kind(&schema["items"])) }
        }
        (bounds(schema))
    }
}

fn types(named: &Value) -> String {
    match named {
        Value::String(one) => one.clone(),
        Value::Array(several) => several
            .iter()
            .filter_map(Value::as_str)
            .collect::<Vec<_>>()
            .join(" or "),
        _ => "any JSON".to_owned(),
    }
}

/// What bounds a value, as in ", at most 200 characters".
fn bounds(schema: &Value) -> Markup {
    let words = [
        ("format", "format "),
        ("minimum", "at least "),
        ("exclusiveMinimum", "above "),
        ("maximum", "at most "),
        ("minLength", "characters at least "),
        ("maxLength", "characters at most "),
        ("minItems", "entries at least "),
        ("maxItems", "entries at most "),
        ("pattern", "pattern "),
        ("default", "default "),
    ];
    html! {
        @for (member, word) in words {
            @if let Some(bound) = schema.get(member) {
                ", " (word) code { (bound.as_str().map_or_else(|| bound.to_string(), str::to_owned)) }
            }
        }
    }
}

fn described(value: &Value) -> Markup {
    html! { @if let Some(said) = value["description"].as_str() { p { (prose(said)) } } }
}

/// A text in which backticks enclose code.
fn prose(said: &str) -> Markup {
    html! {
        @for (index, part) in said.split('`').enumerate() {
            @if index % 2 == 1 { code { (part) } } @else { (part) }
        }
    }
}

fn link(schema: &str) -> Markup {
    html! { a href=(format!("#schema-{schema}")) { (schema) } }
}

/// The name of the schema that is referred to.
fn reference(value: &Value) -> Option<&str> {
    let place = value["$ref"].as_str()?.strip_prefix("#/components/schemas/")?;
    // A member of a schema is shown with it.
    place.split('/').next()
}

fn resolved<'v>(document: &'v Value, value: &'v Value) -> &'v Value {
    let found = value["$ref"]
        .as_str()
        .and_then(|place| document.pointer(place.get(1..)?));
    found.unwrap_or(value)
}

fn operations_of<'v>(document: &'v Value, tag: &str) -> Vec<(&'v str, &'v str, &'v Value)> {
    let mut found = Vec::new();
    for (path, methods) in members(&document["paths"]) {
        for (method, operation) in members(methods) {
            if operation["tags"][0] == tag {
                found.push((path, method, operation));
            }
        }
    }
    found
}

fn anchor(name: &str) -> String {
    name.to_lowercase().replace(' ', "-")
}

fn text<'v>(value: &'v Value, member: &str) -> &'v str {
    value[member].as_str().unwrap_or_default()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn members(value: &Value) -> Vec<(&str, &Value)> {
    value
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, member)| (name.as_str(), member))
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_described_is_shown_as_text_and_never_as_markup() {
        let shown = render(&json!({
            "info": { "title": "<b>", "version": "1", "description": "`<i>` & more" },
            "tags": [{ "name": "A" }],
            "paths": { "/a": { "get": { "tags": ["A"], "operationId": "x\"onload=y", "summary": "<script>" } } },
            "components": { "schemas": {} },
        }))
        .into_string();
        assert!(
            !shown.contains("<script>") && !shown.contains("<b>") && !shown.contains("\"onload"),
            "{shown}"
        );
        assert!(shown.contains("<code>&lt;i&gt;</code> &amp; more"), "{shown}");
    }

    #[test]
    fn a_schema_in_few_words_names_its_bounds() {
        let schema = json!({ "type": ["integer", "null"], "minimum": 1, "maximum": 9, "default": 5 });
        let words = kind(&schema).into_string();
        assert_eq!(
            words,
            "integer or null, at least <code>1</code>, at most <code>9</code>, default <code>5</code>"
        );
    }
}
