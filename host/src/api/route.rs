//! One path of the route table: its handlers, and the methods that they answer, which a refusal names.
//!
//! Handlers and methods are given together, so that `Allow` cannot differ from what there is (RFC 9110 §15.5.6).

use axum::{
    Router,
    handler::Handler,
    response::{IntoResponse as _, Response},
    routing::{MethodFilter, MethodRouter},
};
use http::{HeaderValue, Method, StatusCode, Uri, header};

use super::{
    problem::{Problem, kind},
    state::ApiState,
};

/// See the module.
pub(super) struct Route {
    path: &'static str,
    methods: Vec<&'static str>,
    handlers: MethodRouter<ApiState>,
}

impl Route {
    pub(super) fn at(path: &'static str) -> Self {
        Self {
            path,
            methods: Vec::new(),
            handlers: MethodRouter::new(),
        }
    }

    /// Answers GET, and HEAD as RFC 9110 §9.3.2 wants it: with the same answer, whose content is not sent.
    pub(super) fn get<T: 'static>(mut self, handler: impl Handler<T, ApiState>) -> Self {
        self.methods.extend(["GET", "HEAD"]);
        self.handlers = self.handlers.on(MethodFilter::GET, handler);
        self
    }

    pub(super) fn post<T: 'static>(mut self, handler: impl Handler<T, ApiState>) -> Self {
        self.methods.push("POST");
        self.handlers = self.handlers.on(MethodFilter::POST, handler);
        self
    }

    pub(super) fn put<T: 'static>(mut self, handler: impl Handler<T, ApiState>) -> Self {
        self.methods.push("PUT");
        self.handlers = self.handlers.on(MethodFilter::PUT, handler);
        self
    }

    pub(super) fn patch<T: 'static>(mut self, handler: impl Handler<T, ApiState>) -> Self {
        self.methods.push("PATCH");
        self.handlers = self.handlers.on(MethodFilter::PATCH, handler);
        self
    }

    pub(super) fn delete<T: 'static>(mut self, handler: impl Handler<T, ApiState>) -> Self {
        self.methods.push("DELETE");
        self.handlers = self.handlers.on(MethodFilter::DELETE, handler);
        self
    }

    /// The path with its variables, and the methods.
    #[cfg(test)]
    pub(super) fn offered(&self) -> (&'static str, String) {
        (self.path, self.methods.join(", "))
    }

    /// The router with this path, which answers OPTIONS and refuses every other method.
    pub(super) fn add_to(self, router: Router<ApiState>) -> Router<ApiState> {
        let mut methods = self.methods;
        methods.push("OPTIONS");
        let otherwise = move |method: Method, uri: Uri| std::future::ready(others(&method, &uri, &methods));
        router.route(self.path, self.handlers.fallback(otherwise))
    }
}

/// What a method gets that has no handler.
fn others(method: &Method, uri: &Uri, offered: &[&str]) -> Response {
    if method == Method::OPTIONS {
        return options(offered);
    }
    not_offered(method, uri.path(), offered).into_response()
}

/// The methods that there are, in `Allow` (RFC 9110 §9.3.7).
fn options(offered: &[&str]) -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    if let Ok(allow) = HeaderValue::from_str(&offered.join(", ")) {
        response.headers_mut().insert(header::ALLOW, allow);
    }
    response
}

/// The refusal of a method.
pub(super) fn not_offered(method: &Method, path: &str, offered: &[impl AsRef<str>]) -> Problem {
    let names: Vec<&str> = offered.iter().map(AsRef::as_ref).collect();
    let method = shortened(method.as_str(), 32);
    let path = shortened(path, 200);
    let listed = match names.split_last() {
        Some((last, before)) if !before.is_empty() => format!("{} and {last} are", before.join(", ")),
        Some((only, _)) => format!("only {only} is"),
        None => "nothing is".to_owned(),
    };
    let detail = format!("{method} is not offered at {path}; {listed}.");
    Problem::new(kind::METHOD_NOT_ALLOWED, detail).header(header::ALLOW, names.join(", "))
}

/// The beginning of what a client wrote, for showing it to them.
pub(super) fn shortened(text: &str, chars_max: usize) -> String {
    text.chars().take(chars_max).collect()
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;

    use super::*;

    #[tokio::test]
    async fn a_refusal_names_the_methods_in_allow_and_in_words() {
        for (offered, allow, words) in [
            (
                &["GET", "HEAD", "POST"][..],
                "GET, HEAD, POST",
                "GET, HEAD and POST are.",
            ),
            (&["POST"], "POST", "only POST is."),
        ] {
            let answer = not_offered(&Method::DELETE, "/tasks", offered).render("/tasks", "r-1");
            assert_eq!(answer.headers()[header::ALLOW], allow);
            let body = answer.into_body().collect().await.unwrap().to_bytes();
            let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
            assert_eq!(body["detail"], format!("DELETE is not offered at /tasks; {words}"));
        }
    }
}
