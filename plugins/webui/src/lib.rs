//! The web interface: tasks, runs, events and extensions in a browser.
//!
//! The component holds nothing but files; what they show comes from the REST API, with the reader's own session. This
//! file is the glue, [`logic`] decides what is answered.

pub mod logic;

use logic::{Answer, Asked};
use ordinaut_sdk::prelude::*;

/// The extension.
pub struct WebUi;

impl Extension for WebUi {
    fn describe(ext: &mut Describe) {
        ext.route(GET, "/", Access::Public, serve).about("The web interface.");
        ext.route(GET, "/{*rest}", Access::Public, serve)
            .about("Its files, and the page for every place in it.");
    }
}

ordinaut_sdk::extension!(WebUi: routes; requests {
    "routes.public": ["/*"],
    "routes.same_origin": true,
});

#[expect(clippy::unnecessary_wraps, reason = "the form of a route's handler")]
fn serve(request: &mut Request) -> Result<Response, Error> {
    let answer = logic::answer(&Asked {
        path: request.sent_path(),
        accept_encoding: request.header("accept-encoding"),
        if_none_match: request.header("if-none-match"),
    });
    Ok(response(answer))
}

fn response(answer: Answer) -> Response {
    if answer.status == 404 {
        let detail = "There is no such file. If the page was open while Ordinaut was replaced, load it anew.";
        return Response::problem(404, "not_found", detail);
    }
    let mut response = Response::empty(answer.status);
    if let Some((content_type, body)) = answer.content {
        response = Response::bytes(content_type, body).status(answer.status);
    }
    for (name, value) in answer.headers {
        response = response.header(name, &value);
    }
    response
}

#[cfg(test)]
mod tests;
