//! Who may come in, and in which form: the checks that stand before the protocol.
//!
//! - Pages of foreign origins are refused (Streamable HTTP, "Security"): a browser is the one client that can be made
//!   to ask without its user's will.
//! - `Accept` is read kindly: clients that name only one of the two media types exist, and we only ever answer one.
//! - What is not one JSON-RPC message gets a JSON-RPC error instead of a bare status.

use http::header::{ACCEPT, CONTENT_TYPE, HOST, ORIGIN};
use http::{HeaderMap, HeaderName, HeaderValue, Uri};
use serde_json::{Value, json};

use crate::bridge::{Incoming, Outgoing};
use crate::rpc::{self, INVALID_PARAMS, INVALID_REQUEST, PARSE_ERROR, UNSUPPORTED_VERSION};
use crate::settings::Settings;

/// The revisions that are spoken, newest first.
pub const VERSIONS: [&str; 4] = ["2026-07-28", "2025-11-25", "2025-06-18", "2025-03-26"];

/// The first revision without sessions and handshake.
pub const MODERN: &str = VERSIONS[0];

const VERSION_HEADER: HeaderName = HeaderName::from_static("mcp-protocol-version");

/// Where a message of the modern era names its revision, below `params._meta`.
const VERSION_MEMBER: &str = "io.modelcontextprotocol/protocolVersion";

/// A message that was let in, and what was noticed on the way.
pub struct Admitted {
    /// The header fields, as the protocol shall see them.
    pub headers: HeaderMap,
    /// The message's id, if it is a request.
    pub id: Option<Value>,
    /// What the operator should know about: a use of `lenient_version_header`.
    pub remark: Option<String>,
}

/// Lets a message in, or answers why not.
pub fn admit(incoming: &Incoming, settings: &Settings) -> Result<Admitted, Outgoing> {
    let mut headers = incoming.headers.clone();
    check_origin(&headers, incoming.authority.as_deref(), settings)?;
    check_media_types(&mut headers)?;
    let message = read(&incoming.body)?;
    let id = message.get("id").cloned();
    let remark = check_version(&mut headers, &message, settings)?;
    let authority = incoming.authority.as_deref().unwrap_or("localhost");
    headers.insert(
        HOST,
        HeaderValue::from_str(authority).unwrap_or_else(|_| HeaderValue::from_static("localhost")),
    );
    Ok(Admitted { headers, id, remark })
}

/// What lets the page of an origin that the operator allowed read the answer.
pub fn cors(headers: &HeaderMap, settings: &Settings) -> Vec<(&'static str, String)> {
    let Some(origin) = headers.get(ORIGIN).and_then(|origin| origin.to_str().ok()) else {
        return Vec::new();
    };
    if !settings.allowed_origins.contains(&origin.to_ascii_lowercase()) {
        return Vec::new();
    }
    vec![
        ("access-control-allow-origin", origin.to_owned()),
        ("access-control-expose-headers", "www-authenticate".to_owned()),
        ("vary", "origin".to_owned()),
    ]
}

fn check_origin(headers: &HeaderMap, authority: Option<&str>, settings: &Settings) -> Result<(), Outgoing> {
    for origin in headers.get_all(ORIGIN) {
        let origin = origin.to_str().unwrap_or_default().to_ascii_lowercase();
        let configured = settings.allowed_origins.contains(&origin);
        if !configured && !is_own(&origin, authority) {
            let message = "Forbidden: pages of this Origin may not speak to this server. Its operator can allow it with \
                           `allowed_origins` in mcp_http.toml.";
            return Err(rpc::error(403, None, INVALID_REQUEST, message, None));
        }
    }
    Ok(())
}

/// Whether a page comes from this very host, on loopback. Elsewhere a name proves nothing: whoever controls a name can
/// let it lead here (DNS rebinding), and then page and server have the same one.
fn is_own(origin: &str, authority: Option<&str>) -> bool {
    let Ok(origin) = origin.parse::<Uri>() else {
        return false;
    };
    let (Some("http" | "https"), Some(from)) = (origin.scheme_str(), origin.authority()) else {
        return false;
    };
    let loopback = matches!(from.host(), "localhost" | "127.0.0.1" | "[::1]");
    loopback && authority.is_some_and(|asked| asked.eq_ignore_ascii_case(from.as_str()))
}

fn check_media_types(headers: &mut HeaderMap) -> Result<(), Outgoing> {
    let sent = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let essence = sent.split(';').next().unwrap_or_default().trim();
    if !essence.eq_ignore_ascii_case("application/json") {
        let message = "Unsupported Media Type: send one JSON-RPC message as application/json.";
        return Err(rpc::error(415, None, INVALID_REQUEST, message, None));
    }
    let accepted: Vec<&str> = headers
        .get_all(ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .collect();
    let accepted = accepted.join(",").to_ascii_lowercase();
    let understood = ["application/json", "text/event-stream", "application/*", "*/*"];
    if accepted.trim().is_empty() || understood.iter().any(|one| accepted.contains(one)) {
        headers.insert(ACCEPT, HeaderValue::from_static("application/json, text/event-stream"));
        return Ok(());
    }
    let message = "Not Acceptable: this server answers application/json.";
    Err(rpc::error(406, None, INVALID_REQUEST, message, None))
}

/// The body as one JSON-RPC message.
fn read(body: &[u8]) -> Result<Value, Outgoing> {
    let message: Value = serde_json::from_slice(body).map_err(|error| {
        let message = format!("Parse error: the body is not JSON ({error}).");
        rpc::error(400, None, PARSE_ERROR, &message, None)
    })?;
    let refuse = |why: &str| Err(rpc::error(400, message.get("id"), INVALID_REQUEST, why, None));
    if message.is_array() {
        return refuse("Invalid Request: batches are not served; send one message per request.");
    }
    if !message.is_object() || message["jsonrpc"] != "2.0" {
        return refuse("Invalid Request: not a JSON-RPC 2.0 message.");
    }
    if message.get("id").is_some_and(|id| !rpc::is_id(id)) {
        return refuse("Invalid Request: an id is a text or a whole number.");
    }
    if message.get("method").is_some_and(|method| !method.is_string()) {
        return refuse("Invalid Request: a method is a text.");
    }
    if message.get("params").is_some_and(|params| !params.is_object()) {
        return refuse("Invalid Request: params are an object.");
    }
    if !["method", "result", "error"]
        .iter()
        .any(|member| message.get(member).is_some())
    {
        return refuse("Invalid Request: a message has a method, or a result or an error.");
    }
    check_handshake(&message)?;
    Ok(message)
}

/// Says what an `initialize` lacks, which rmcp would not. In the era without a handshake there is no such method.
fn check_handshake(message: &Value) -> Result<(), Outgoing> {
    let modern = message["params"]["_meta"].get(VERSION_MEMBER).is_some();
    if modern || message["method"] != "initialize" {
        return Ok(());
    }
    let params = &message["params"];
    let missing: Vec<&str> = [
        ("protocolVersion (a text)", params["protocolVersion"].is_string()),
        ("capabilities (an object)", params["capabilities"].is_object()),
        ("clientInfo.name (a text)", params["clientInfo"]["name"].is_string()),
        (
            "clientInfo.version (a text)",
            params["clientInfo"]["version"].is_string(),
        ),
    ]
    .into_iter()
    .filter_map(|(name, there)| (!there).then_some(name))
    .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let text = format!("Invalid params: initialize needs {}.", missing.join(", "));
    // The handshake is of the era in which an error of the protocol is an answer like any other.
    Err(rpc::error(200, message.get("id"), INVALID_PARAMS, &text, None))
}

/// Refuses revisions that nobody here speaks, where rmcp would not say which are; and, if the operator wants it,
/// brings a header that contradicts the message into line with it.
fn check_version(headers: &mut HeaderMap, message: &Value, settings: &Settings) -> Result<Option<String>, Outgoing> {
    let Some(header) = headers.get(VERSION_HEADER) else {
        return Ok(None);
    };
    let header = header.to_str().unwrap_or_default().to_owned();
    let named = message["params"]["_meta"][VERSION_MEMBER].as_str();
    if settings.lenient_version_header {
        let first = header.split(',').next().unwrap_or_default().trim();
        let doubled = header.contains(',') && header.split(',').all(|one| one.trim() == first);
        let older = named == Some(MODERN) && VERSIONS[1..].contains(&first);
        let meant = if older { MODERN } else { first };
        if (doubled || older) && VERSIONS.contains(&meant) {
            headers.insert(
                VERSION_HEADER,
                HeaderValue::from_str(meant).unwrap_or(HeaderValue::from_static(MODERN)),
            );
            return Ok(Some(format!(
                "the header MCP-Protocol-Version `{header}` was read as `{meant}`"
            )));
        }
    }
    if named.is_none() && message["method"] != "initialize" && !VERSIONS.contains(&header.as_str()) {
        let data = json!({ "supported": VERSIONS, "requested": header });
        let text = format!("Unsupported protocol version: {header}");
        return Err(rpc::error(
            400,
            message.get("id"),
            UNSUPPORTED_VERSION,
            &text,
            Some(data),
        ));
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn incoming(fields: &[(&'static str, &str)], body: &str) -> Incoming {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        for (name, value) in fields {
            headers.insert(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
        }
        Incoming {
            headers,
            authority: Some("127.0.0.1:8080".into()),
            body: body.as_bytes().to_vec(),
        }
    }

    fn status(fields: &[(&'static str, &str)], body: &str, settings: &Settings) -> u16 {
        match admit(&incoming(fields, body), settings) {
            Ok(_) => 200,
            Err(refusal) => refusal.status,
        }
    }

    const PING: &str = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;

    #[test]
    fn pages_of_foreign_origins_stay_outside() {
        let configured = Settings {
            allowed_origins: vec!["https://app.example.org".into()],
            ..Settings::default()
        };
        for (origin, expected) in [
            ("http://127.0.0.1:8080", 200),
            ("https://app.example.org", 200),
            ("HTTPS://App.Example.org", 200),
            ("http://127.0.0.1:9090", 403),
            ("http://localhost:8080", 403),
            ("https://app.example.org.evil.example", 403),
            ("http://evil.example", 403),
            ("null", 403),
            ("", 403),
        ] {
            assert_eq!(status(&[("origin", origin)], PING, &configured), expected, "{origin}");
        }
        // A rebound name: page and server look alike.
        let mut rebound = incoming(&[("origin", "http://evil.example")], PING);
        rebound.authority = Some("evil.example".into());
        assert_eq!(admit(&rebound, &configured).err().unwrap().status, 403);
        assert_eq!(status(&[], PING, &configured), 200);
    }

    #[test]
    fn accept_is_read_kindly_and_content_type_is_not() {
        let none = Settings::default();
        for (accept, expected) in [
            ("application/json", 200),
            ("text/event-stream", 200),
            ("*/*", 200),
            ("application/json;q=0.9, text/html", 200),
            ("text/html", 406),
        ] {
            assert_eq!(status(&[("accept", accept)], PING, &none), expected, "{accept}");
        }
        assert_eq!(status(&[("content-type", "text/plain")], PING, &none), 415);
        assert_eq!(
            status(&[("content-type", "application/json; charset=utf-8")], PING, &none),
            200
        );
    }

    #[test]
    fn what_is_not_one_message_is_refused_with_a_json_rpc_error() {
        for (body, code) in [
            ("{", PARSE_ERROR),
            ("[]", INVALID_REQUEST),
            (r#"[{"jsonrpc":"2.0","id":1,"method":"ping"}]"#, INVALID_REQUEST),
            ("7", INVALID_REQUEST),
            (r#"{"id":1,"method":"ping"}"#, INVALID_REQUEST),
            (r#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#, INVALID_REQUEST),
            (r#"{"jsonrpc":"2.0","id":1,"method":7}"#, INVALID_REQUEST),
            (
                r#"{"jsonrpc":"2.0","id":1,"method":"ping","params":[1]}"#,
                INVALID_REQUEST,
            ),
        ] {
            let refusal = admit(&incoming(&[], body), &Settings::default()).err().unwrap();
            assert_eq!(refusal.status, 400, "{body}");
            let answer: Value = serde_json::from_slice(&refusal.body).unwrap();
            assert_eq!(answer["error"]["code"], code, "{body}");
        }
    }

    #[test]
    fn an_unknown_revision_is_answered_with_those_that_are_spoken() {
        let refusal = admit(
            &incoming(&[("mcp-protocol-version", "2031-01-01")], PING),
            &Settings::default(),
        );
        let answer: Value = serde_json::from_slice(&refusal.err().unwrap().body).unwrap();
        assert_eq!(answer["error"]["code"], UNSUPPORTED_VERSION);
        assert_eq!(answer["error"]["data"]["supported"], json!(VERSIONS));
        assert_eq!(answer["id"], 1);
    }

    #[test]
    fn a_contradicting_version_is_brought_into_line_only_where_the_operator_wants_it() {
        let modern = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list",
                             "params": { "_meta": { VERSION_MEMBER: MODERN } } })
        .to_string();
        let lenient = Settings {
            lenient_version_header: true,
            ..Settings::default()
        };
        for (sent, seen) in [
            ("2025-11-25", MODERN),
            ("2026-07-28, 2026-07-28", MODERN),
            ("2026-07-28", MODERN),
            ("2031-01-01", "2031-01-01"),
        ] {
            let asked = incoming(&[("mcp-protocol-version", sent)], &modern);
            let strict = admit(&asked, &Settings::default()).ok().unwrap();
            assert_eq!(strict.headers[VERSION_HEADER], sent);
            let kind = admit(&asked, &lenient).ok().unwrap();
            assert_eq!(kind.headers[VERSION_HEADER], seen, "{sent}");
            assert_eq!(kind.remark.is_some(), sent != seen, "{sent}");
        }
    }
}
