//! JSON-RPC errors that are answered before, or instead of, rmcp.

use serde_json::{Value, json};

use crate::bridge::Outgoing;

/// The body is not JSON.
pub const PARSE_ERROR: i64 = -32700;
/// The body is not one JSON-RPC message, or not one that is served.
pub const INVALID_REQUEST: i64 = -32600;
/// The parameters of the method are not what it needs.
pub const INVALID_PARAMS: i64 = -32602;
/// The revision is not spoken here (2026-07-28, "Protocol version negotiation").
pub const UNSUPPORTED_VERSION: i64 = -32022;

/// An error for the message with this id, where it has one.
pub fn error(status: u16, id: Option<&Value>, code: i64, message: &str, data: Option<Value>) -> Outgoing {
    let mut error = json!({ "code": code, "message": message });
    if let Some(data) = data {
        error["data"] = data;
    }
    let mut body = json!({ "jsonrpc": "2.0" });
    if let Some(id) = id.filter(|id| is_id(id)) {
        body["id"] = id.clone();
    }
    body["error"] = error;
    Outgoing {
        status,
        headers: vec![("content-type".into(), "application/json".into())],
        body: body.to_string().into_bytes(),
    }
}

/// Whether this may be a request's id: text or a whole number.
pub fn is_id(id: &Value) -> bool {
    id.is_string() || id.is_i64() || id.is_u64()
}
