//! HTTP by the bare interfaces: what comes in, and what goes to the API.

use serde_json::{Value, json};

use crate::bindings::wasi::http::outgoing_handler;
use crate::bindings::wasi::http::types::{
    Fields, IncomingBody, IncomingRequest, IncomingResponse, Method, OutgoingBody, OutgoingRequest, OutgoingResponse,
    ResponseOutparam, Scheme,
};
use crate::bindings::wasi::io::streams::{InputStream, StreamError};

/// Sends the request that the action describes; `authority` is the API's unless it says another.
pub(crate) fn ask(action: &Value) -> Value {
    match send(action) {
        Ok(answer) => answer,
        Err(error) => json!({ "error": { "code": "no_answer", "message": error } }),
    }
}

fn send(action: &Value) -> Result<Value, String> {
    let wrong = |what: &str| format!("cannot be set: {what}");
    let headers = Fields::new();
    for (name, value) in action["headers"].as_object().into_iter().flatten() {
        let value = value.as_str().unwrap_or_default().as_bytes().to_vec();
        headers.append(name, &value).map_err(|error| format!("{name}: {error:?}"))?;
    }
    let body = action.get("body").map(Value::to_string).unwrap_or_default();
    if !body.is_empty() {
        let json = b"application/json".to_vec();
        headers.append("content-type", &json).map_err(|error| format!("{error:?}"))?;
    }
    let request = OutgoingRequest::new(headers);
    let method = match action["method"].as_str().unwrap_or("GET") {
        "GET" => Method::Get,
        "POST" => Method::Post,
        "PATCH" => Method::Patch,
        "DELETE" => Method::Delete,
        other => Method::Other(other.to_owned()),
    };
    let scheme = match action["scheme"].as_str() {
        Some("https") => Scheme::Https,
        _ => Scheme::Http,
    };
    request.set_method(&method).map_err(|()| wrong("method"))?;
    request.set_scheme(Some(&scheme)).map_err(|()| wrong("scheme"))?;
    let authority = action["authority"].as_str().unwrap_or("ordinaut.internal");
    request.set_authority(Some(authority)).map_err(|()| wrong("authority"))?;
    request
        .set_path_with_query(Some(action["path"].as_str().unwrap_or("/")))
        .map_err(|()| wrong("path"))?;
    let outgoing = request.body().map_err(|()| wrong("body"))?;
    let future = outgoing_handler::handle(request, None).map_err(|error| format!("{error:?}"))?;
    write_all(outgoing, body.as_bytes())?;
    future.subscribe().block();
    let response = future
        .get()
        .ok_or("no answer")?
        .map_err(|()| "asked twice".to_owned())?
        .map_err(|error| format!("{error:?}"))?;
    read(&response)
}

fn read(response: &IncomingResponse) -> Result<Value, String> {
    let headers: serde_json::Map<String, Value> = response
        .headers()
        .entries()
        .into_iter()
        .map(|(name, value)| (name, Value::String(String::from_utf8_lossy(&value).into_owned())))
        .collect();
    let body = response.consume().map_err(|()| "no body".to_owned())?;
    let bytes = read_all(&body)?;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
    Ok(json!({ "status": response.status(), "headers": headers, "body": body }))
}

pub(crate) fn body_of(request: &IncomingRequest) -> Option<Vec<u8>> {
    read_all(&request.consume().ok()?).ok()
}

pub(crate) fn answer(out: ResponseOutparam, text: &str) {
    let headers = Fields::new();
    let json = b"application/json".to_vec();
    let _ = headers.append("content-type", &json);
    let response = OutgoingResponse::new(headers);
    let Ok(body) = response.body() else { return };
    ResponseOutparam::set(out, Ok(response));
    let _ = write_all(body, text.as_bytes());
}

fn write_all(body: OutgoingBody, bytes: &[u8]) -> Result<(), String> {
    let stream = body.write().map_err(|()| "no stream".to_owned())?;
    for part in bytes.chunks(4_096) {
        stream.blocking_write_and_flush(part).map_err(|error| format!("{error:?}"))?;
    }
    drop(stream);
    OutgoingBody::finish(body, None).map_err(|error| format!("{error:?}"))
}

fn read_all(body: &IncomingBody) -> Result<Vec<u8>, String> {
    let stream: InputStream = body.stream().map_err(|()| "no stream".to_owned())?;
    let mut bytes = Vec::new();
    loop {
        match stream.blocking_read(65_536) {
            Ok(part) => bytes.extend_from_slice(&part),
            Err(StreamError::Closed) => return Ok(bytes),
            Err(error) => return Err(format!("{error:?}")),
        }
    }
}
