//! HTTP routes below `/ext/<name>/`: plain functions from a [`Request`] to a [`Response`].

mod method;
mod pattern;
mod request;
mod response;
mod sse;

use std::borrow::Cow;

pub use method::{ANY, DELETE, GET, HEAD, Method, PATCH, POST, PUT};
pub(crate) use request::{Body, percent_decode};
pub use request::{Headers, Request};
pub(crate) use response::ResponseBody;
pub use response::{Response, Sink};
pub use sse::{EventSink, SseEvent};

use crate::{Describe, Error, host};
use pattern::Pattern;

/// Who may call a route. The host checks it before the extension is woken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Access {
    /// Anybody, without a token. Needs the operator's grant for the path (`routes.public`).
    Public,
    /// Any agent with a valid token.
    Authenticated,
    /// An agent whose token holds this scope, for instance `tasks:read`.
    Scope(String),
}

/// What the host is told about a route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Definition {
    /// An HTTP method in capitals, or `*` for all.
    pub method: String,
    /// Path below `/ext/<name>`, starting with `/`.
    pub path: String,
    /// Who may call it.
    pub access: Access,
    /// Whether the answer may stay open.
    pub streaming: bool,
    /// What it does.
    pub description: String,
}

type Handler = Box<dyn Fn(&mut Request) -> Result<Response, Error>>;

/// A route, as [`Describe::route`] adds it.
pub struct Route {
    method: Method,
    path: Cow<'static, str>,
    access: Access,
    streaming: bool,
    description: Cow<'static, str>,
    handler: Handler,
}

impl Route {
    pub(crate) fn new(
        method: Method,
        path: Cow<'static, str>,
        access: Access,
        handler: impl Fn(&mut Request) -> Result<Response, Error> + 'static,
    ) -> Self {
        Self {
            method,
            path,
            access,
            streaming: false,
            description: Cow::Borrowed(""),
            handler: Box::new(handler),
        }
    }

    /// Says that the answer may stay open (server-sent events): such a call has the stream lifetime as its deadline.
    pub fn streaming(&mut self) -> &mut Self {
        self.streaming = true;
        self
    }

    /// What the route does, for documentation.
    pub fn about(&mut self, description: impl Into<Cow<'static, str>>) -> &mut Self {
        self.description = description.into();
        self
    }

    /// What the host is told.
    pub fn definition(&self) -> Definition {
        Definition {
            method: self.method.as_str().to_owned(),
            path: self.path.to_string(),
            access: self.access.clone(),
            streaming: self.streaming,
            description: self.description.to_string(),
        }
    }
}

/// Tells the host about all routes.
pub(crate) fn register(table: &Describe) -> Result<(), Error> {
    for route in &table.routes {
        Pattern::parse(&route.path)?;
        host::register_route(&route.definition())?;
    }
    Ok(())
}

/// Serves one request. Every error becomes a problem (RFC 9457).
pub(crate) fn serve(table: &Describe, mut request: Request) -> Response {
    let mut best: Option<(&Route, pattern::Match)> = None;
    let mut allowed: Vec<&str> = Vec::new();
    for route in &table.routes {
        let Some(found) = Pattern::parse(&route.path)
            .ok()
            .and_then(|pattern| pattern.matches(request.raw_path()))
        else {
            continue;
        };
        if !route.method.accepts(request.method()) {
            allowed.push(route.method.as_str());
            continue;
        }
        if best.as_ref().is_none_or(|(_, before)| found.precedes(before)) {
            best = Some((route, found));
        }
    }
    let Some((route, found)) = best else {
        return nothing_matches(&request, &mut allowed);
    };
    let answer = found.decode().and_then(|params| {
        request.set_params(params);
        (route.handler)(&mut request)
    });
    answer.unwrap_or_else(|error| Response::from_error(&error))
}

fn nothing_matches(request: &Request, allowed: &mut Vec<&str>) -> Response {
    if allowed.is_empty() {
        return Response::problem(
            404,
            "not_found",
            &format!("this extension has no route `{}`", request.path()),
        );
    }
    allowed.sort_unstable();
    allowed.dedup();
    let allowed = allowed.join(", ");
    let detail = format!(
        "`{}` does not take {}; it takes {allowed}",
        request.path(),
        request.method().as_str()
    );
    Response::problem(405, "method_not_allowed", &detail).header("allow", &allowed)
}
