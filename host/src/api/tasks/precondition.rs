//! `If-Match` (RFC 9110 §13.1.1), without which nobody changes or deletes a task (RFC 6585 §3): so no change is lost
//! that somebody else made in the meantime.

use http::{HeaderMap, header};

use crate::api::problem::{Problem, kind};

/// Refuses unless the client says that it knows the present version, or that it does not care.
pub(super) fn require_match(headers: &HeaderMap, etag: &str) -> Result<(), Problem> {
    let mut values = headers.get_all(header::IF_MATCH).iter().peekable();
    if values.peek().is_none() {
        let detail = "Send `If-Match` with the ETag that GET /tasks/{id} answered, so that no other change is overwritten; \
                      `If-Match: *` does without that protection.";
        return Err(Problem::new(kind::PRECONDITION_REQUIRED, detail));
    }
    // Strong comparison: a weak tag matches nothing.
    let matches = values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .any(|tag| tag == "*" || tag == etag);
    if matches {
        return Ok(());
    }
    let detail = format!(
        "`If-Match` names another version than the task's, whose ETag is {etag} now: read it again, make the change anew, \
         and send that ETag, with its quotes and without `W/`."
    );
    Err(Problem::new(kind::PRECONDITION_FAILED, detail).with("etag", etag))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(values: &[&str]) -> Result<(), Problem> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(header::IF_MATCH, value.parse().unwrap());
        }
        require_match(&headers, "\"3\"")
    }

    #[test]
    fn only_the_present_version_matches() {
        for good in [&["\"3\""][..], &["*"], &["\"1\", \"3\""], &["\"1\"", "\"3\""]] {
            assert!(ask(good).is_ok(), "{good:?}");
        }
        for stale in ["\"2\"", "W/\"3\"", "3", "", "\"33\""] {
            let problem = ask(&[stale]).unwrap_err();
            assert_eq!(problem.kind().code, "precondition_failed", "{stale}");
            assert_eq!(problem.kind().status, 412);
        }
        let missing = ask(&[]).unwrap_err();
        assert_eq!(
            (missing.kind().code, missing.kind().status.as_u16()),
            ("precondition_required", 428)
        );
    }
}
