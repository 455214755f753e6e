//! `http.request`: HTTP requests as a tool for pipelines.
//!
//! A request goes through four hands: [`arguments`] says what may be asked, [`request`] makes an HTTP request of it,
//! the host sends it where the operator has granted it (and refuses it, with the line to write, where not), and
//! [`answer`] makes the tool's result of what came back.

pub mod answer;
pub mod arguments;
pub mod expect;
pub mod request;

use answer::Answer;
use arguments::Arguments;
use ordinaut_sdk::prelude::*;

/// The extension.
pub struct Http;

impl Extension for Http {
    fn describe(ext: &mut Describe) {
        ext.tool("request", DESCRIPTION, send)
            .title("HTTP request")
            .effect(Effect::Keyed);
    }
}

ordinaut_sdk::extension!(Http: tools; requests {
    // Any host: which ones, on which ports and with which methods is the operator's decision alone.
    "http.outbound": [{ "host": "*" }],
});

const DESCRIPTION: &str = "Sends an HTTP request and answers its status, headers and body; the body is parsed when it \
    is JSON. Every status is a result, also 404 and 500, unless `expect_status` says which are wanted. Use it to call \
    web APIs and webhooks. The operator must have granted host, port and method in plugins/http.toml.";

fn send(arguments: Arguments, call: &ToolContext) -> Result<Answer, Error> {
    let expected = arguments.expect_status.clone();
    let request = request::build(arguments, &call.effect_key)?;
    let answer = Answer::of(&request.send()?);
    match expected {
        Some(expected) if !expected.includes(answer.status) => Err(answer.unexpected(&expected)),
        _ => Ok(answer),
    }
}

#[cfg(test)]
mod tests;
