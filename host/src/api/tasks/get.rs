//! `GET /tasks/{id}`: one task, with its schedule in words and its `ETag`; 304 when the client has it already.

use axum::{
    extract::State,
    response::{IntoResponse as _, Response},
};
use http::{HeaderMap, StatusCode, header};

use super::{etag, reachable, schedule, shown, wire};
use crate::api::{caller::Caller, input::Segment, problem::Problem, state::ApiState};

pub(in crate::api) async fn get(
    State(state): State<ApiState>,
    caller: Caller,
    Segment(id): Segment,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let task = reachable(&state, &caller, "tasks:read", &id).await?;
    let mut body = wire::task(&task);
    body["schedule"] = schedule::shown(&task, state.now()).await?;
    let full = shown(StatusCode::OK, &task, body).into_response();
    if is_known(&headers, &etag(&task)) {
        let (parts, _) = full.into_parts();
        let mut unchanged = StatusCode::NOT_MODIFIED.into_response();
        for name in [header::ETAG, header::CACHE_CONTROL] {
            if let Some(value) = parts.headers.get(&name) {
                unchanged.headers_mut().insert(name, value.clone());
            }
        }
        return Ok(unchanged);
    }
    Ok(full)
}

/// RFC 9110 §13.1.2: weak comparison, several values, or `*`.
fn is_known(headers: &HeaderMap, etag: &str) -> bool {
    headers
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .any(|value| {
            value
                .split(',')
                .map(str::trim)
                .any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_version_is_recognised_in_every_spelling() {
        let table = [
            ("\"3\"", true),
            ("W/\"3\"", true),
            ("\"1\", \"3\"", true),
            ("*", true),
            ("\"4\"", false),
            ("3", false),
        ];
        for (value, expected) in table {
            let mut headers = HeaderMap::new();
            headers.insert(header::IF_NONE_MATCH, value.parse().unwrap());
            assert_eq!(is_known(&headers, "\"3\""), expected, "{value}");
        }
        assert!(!is_known(&HeaderMap::new(), "\"3\""));
    }
}
