//! A tool call that did not work out, told so that a model can act on it: a first line that says what to do, then
//! the details, and the problem (RFC 9457) for programs.

use serde_json::{Map, Value, json};

use crate::ask::Answer;

/// The most characters of a first line: hosts show no more.
pub const HEADLINE_CHARS: usize = 160;

/// How many places of an `errors` list are told.
const PLACES: usize = 8;

/// The longest text of an error, in characters.
const TEXT_CHARS: usize = 2_000;

/// Why a call failed.
#[derive(Debug, Clone, PartialEq)]
pub struct Failure {
    headline: String,
    details: Vec<String>,
    problem: Map<String, Value>,
}

impl Failure {
    /// A failure of our own making. Of `headline` at most [`HEADLINE_CHARS`] characters stand in the first line.
    pub fn new(code: &str, headline: impl Into<String>) -> Self {
        let headline = headline.into();
        let mut problem = Map::new();
        problem.insert("code".into(), json!(code));
        problem.insert("detail".into(), json!(headline));
        problem.insert("retryable".into(), json!(false));
        Self {
            headline,
            details: Vec::new(),
            problem,
        }
    }

    /// Arguments that cannot be used.
    pub fn arguments(what: impl std::fmt::Display) -> Self {
        Self::new("invalid_arguments", format!("Arguments not understood: {what}"))
    }

    /// The operator keeps this server from Ordinaut's API.
    pub fn not_granted(error: &str) -> Self {
        let headline = "This server may not use Ordinaut's API: its operator has to grant it `scheduler.scopes`.";
        Self::new("not_granted", headline).line(error)
    }

    /// Ordinaut did not answer.
    pub fn no_answer(error: &str) -> Self {
        let mut failure = Self::new("unavailable", "Ordinaut did not answer; try again in a moment.");
        failure.details.push(error.to_owned());
        failure.problem.insert("retryable".into(), json!(true));
        failure
    }

    /// A problem that the API answered.
    pub fn of_problem(answer: &Answer) -> Self {
        let status = answer.status;
        let problem = &answer.body;
        let code = problem["code"].as_str().unwrap_or("error");
        let detail = problem["detail"].as_str().or(problem["title"].as_str());
        let detail = detail.map_or_else(|| format!("Ordinaut answered {status}."), str::to_owned);
        let mut failure = Self::new(code, detail);
        for (member, name) in [("type", "type"), ("title", "title"), ("reason", "reason")] {
            if let Some(value) = problem.get(member) {
                failure.problem.insert(name.into(), value.clone());
            }
        }
        for member in ["errors", "required_scope", "etag", "existing", "request_id"] {
            if let Some(value) = problem.get(member) {
                failure.problem.insert(member.into(), value.clone());
            }
        }
        failure.problem.insert("status".into(), json!(status));
        let again = matches!(status, 408 | 429 | 503 | 504) || code == "idempotency_in_flight";
        failure.problem.insert("retryable".into(), json!(again));
        if let Some(seconds) = answer.header("retry-after").and_then(|text| text.parse::<u64>().ok()) {
            failure.problem.insert("retry_after_s".into(), json!(seconds));
        }
        failure.name_what_to_do();
        failure.list_places();
        failure
    }

    /// Replaces a headline that says what is wrong by one that says what to do, for the codes that everybody meets.
    fn name_what_to_do(&mut self) {
        let scope = self.problem.get("required_scope").and_then(Value::as_str);
        let headline = match (self.code(), scope) {
            ("insufficient_scope", Some(scope)) => {
                format!("Your token lacks the scope `{scope}`. Ask for a token that has it.")
            }
            ("insufficient_scope", None) => "Your token lacks a scope that this needs.".to_owned(),
            ("precondition_failed", _) => {
                "The task was changed meanwhile. Get it again with ordinaut_get_task and repeat with its etag."
                    .to_owned()
            }
            ("idempotency_key_reused", _) => {
                "This idempotency_key was used for another request. Use a new key.".to_owned()
            }
            ("idempotency_in_flight", _) => {
                "The same request is still under way. Wait a moment and repeat it with the same key.".to_owned()
            }
            _ => return,
        };
        let told = std::mem::replace(&mut self.headline, headline);
        self.details.push(told);
    }

    /// Says whose a missing scope is. A call has the rights that both its caller and this extension have: a scope that
    /// the caller holds is missing from the extension's grant.
    pub fn of_scope(mut self, held: &[String], only_read: bool) -> Self {
        if self.code() != "insufficient_scope" {
            return self;
        }
        let wanted = self
            .problem
            .get("required_scope")
            .and_then(Value::as_str)
            .map(str::to_owned);
        if let Some(scope) = wanted.filter(|scope| holds(held, scope)) {
            self.headline = format!(
                "The extension `mcp_http` was not granted `{scope}`, which your token has. Its operator can add it in \
                 plugins/mcp_http.toml."
            );
            self.details
                .push(format!("Under [grant]: scheduler.scopes = [\"{scope}\", …]"));
        }
        if !only_read {
            self.details.push("Nothing was changed.".to_owned());
        }
        self
    }

    fn list_places(&mut self) {
        let errors = self.problem.get("errors").and_then(Value::as_array).cloned();
        let errors = errors.unwrap_or_default();
        if errors.is_empty() {
            return;
        }
        for error in errors.iter().take(PLACES) {
            self.details.push(format!("- {}", place_and_detail(error)));
        }
        if errors.len() > PLACES {
            self.details.push(format!("- and {} more", errors.len() - PLACES));
            self.problem.insert("errors".into(), json!(&errors[..PLACES]));
        }
        let first = place_and_detail(&errors[0]);
        let which = match errors.len() {
            1 => "Not accepted".to_owned(),
            many => format!("Not accepted, {many} places are wrong; the first"),
        };
        self.headline = format!("{which}: {first}");
    }

    /// Another headline.
    pub fn headline(mut self, headline: impl Into<String>) -> Self {
        self.headline = headline.into();
        self
    }

    /// Adds a line below.
    pub fn line(mut self, line: impl Into<String>) -> Self {
        self.details.push(line.into());
        self
    }

    /// Adds a member to the problem.
    pub fn member(mut self, name: &str, value: Value) -> Self {
        self.problem.insert(name.to_owned(), value);
        self
    }

    /// The machine-readable code.
    pub fn code(&self) -> &str {
        self.problem.get("code").and_then(Value::as_str).unwrap_or_default()
    }

    /// The HTTP status that the API answered, if it was asked.
    pub fn status(&self) -> Option<u64> {
        self.problem.get("status").and_then(Value::as_u64)
    }

    /// The problem, for programs.
    pub fn problem(&self) -> &Map<String, Value> {
        &self.problem
    }

    /// The text, for a model: the headline, and the details below it.
    pub fn text(&self) -> String {
        let (first, rest) = split_headline(&self.headline);
        let mut lines = vec![first];
        lines.extend(rest);
        lines.extend(self.details.iter().cloned());
        shorten(&lines.join("\n"), TEXT_CHARS)
    }
}

/// Whether one of the scopes is this one, for the caller's own or for everybody's.
pub fn holds(scopes: &[String], scope: &str) -> bool {
    scopes
        .iter()
        .any(|held| held == scope || held.strip_suffix(":any") == Some(scope))
}

/// `place: what is wrong`, the place as the arguments of our tools name it.
fn place_and_detail(error: &Value) -> String {
    let place = error["pointer"].as_str().or(error["parameter"].as_str()).unwrap_or("");
    let detail = error["detail"]
        .as_str()
        .or(error["message"].as_str())
        .unwrap_or("is wrong");
    let place = argument_of(place);
    if place.is_empty() {
        detail.to_owned()
    } else {
        format!("{place}: {detail}")
    }
}

/// The API's pointer as a place in our arguments: `/payload/pipeline/0/uses` is `pipeline[0].uses`.
pub fn argument_of(pointer: &str) -> String {
    let below = pointer.strip_prefix("/payload").unwrap_or(pointer);
    let below = below.trim_start_matches('/');
    let mut place = String::new();
    for segment in below.split('/') {
        let segment = segment.replace("~1", "/").replace("~0", "~");
        if segment.bytes().all(|byte| byte.is_ascii_digit()) && !segment.is_empty() {
            place.extend(["[", &segment, "]"]);
        } else {
            if !place.is_empty() {
                place.push('.');
            }
            place.push_str(&segment);
        }
    }
    match place.as_str() {
        "schedule_expr" | "schedule_kind" => "schedule".to_owned(),
        _ => place,
    }
}

/// A first line of at most [`HEADLINE_CHARS`] characters; what does not fit stands whole in a line of its own.
fn split_headline(text: &str) -> (String, Option<String>) {
    let one_line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if one_line.chars().count() <= HEADLINE_CHARS {
        return (one_line, None);
    }
    let cut = shorten(&one_line, HEADLINE_CHARS);
    (cut, Some(one_line))
}

/// At most so many characters, with an ellipsis where something is missing, at a word's end where there is one near.
pub fn shorten(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let kept: String = text.chars().take(most.saturating_sub(1)).collect();
    let at_word = kept.rfind(' ').filter(|at| *at > kept.len() * 3 / 4);
    let kept = at_word.map_or(kept.as_str(), |at| &kept[..at]);
    format!("{kept}…")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(status: u16, body: Value) -> Failure {
        Failure::of_problem(&Answer {
            status,
            headers: vec![("retry-after".into(), "3".into())],
            body,
        })
    }

    #[test]
    fn faults_of_a_document_are_told_by_the_names_of_our_arguments() {
        let failure = problem(
            422,
            json!({ "code": "invalid_task", "detail": "2 places are wrong", "errors": [
                { "pointer": "/schedule_expr", "code": "x", "detail": "61 is not a minute" },
                { "pointer": "/payload/pipeline/0/uses", "code": "y", "detail": "is missing" },
            ] }),
        );
        let text = failure.text();
        assert!(
            text.starts_with("Not accepted, 2 places are wrong; the first: schedule: 61 is not a minute\n"),
            "{text}"
        );
        assert!(text.contains("- pipeline[0].uses: is missing"), "{text}");
        assert_eq!(failure.problem()["status"], 422);
        assert_eq!(failure.problem()["retryable"], false);
    }

    #[test]
    fn a_first_line_is_short_and_nothing_of_it_is_lost() {
        let long = "word ".repeat(60);
        let text = Failure::new("code", long.clone()).text();
        let first = text.lines().next().unwrap();
        assert!(first.chars().count() <= HEADLINE_CHARS, "{first}");
        assert!(text.contains(long.trim()));
        assert!(!Failure::new("code", "a\nb").text().contains('\n'));
    }

    #[test]
    fn a_missing_scope_is_named_and_what_may_be_tried_again_says_when() {
        let failure = problem(
            403,
            json!({ "code": "insufficient_scope", "detail": "no", "required_scope": "tasks:write" }),
        );
        assert!(
            failure.text().starts_with("Your token lacks the scope `tasks:write`"),
            "{}",
            failure.text()
        );
        let busy = problem(503, json!({ "code": "unavailable", "detail": "later" }));
        assert_eq!(
            (&busy.problem()["retryable"], &busy.problem()["retry_after_s"]),
            (&json!(true), &json!(3))
        );
    }
}
