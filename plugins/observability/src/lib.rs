//! The host's metrics for those who scrape them: Prometheus' text format, OpenMetrics, and JSON.
//!
//! The host counts; this extension only renders, so that a crash in it loses nothing. [`negotiate`] chooses the format,
//! [`exposition`] writes the two text formats, which differ in little, and [`json`] the third.

pub mod exposition;
pub mod json;
pub mod negotiate;

use exposition::Format;
use ordinaut_sdk::prelude::*;

/// Bytes that an exposition has at most; what does not fit is left out family by family, and counted.
pub const MAX_BYTES: usize = 4 << 20;

/// The extension.
pub struct Observability;

impl Extension for Observability {
    fn describe(ext: &mut Describe) {
        let readers = || Access::Scope("metrics:read".to_owned());
        ext.route(GET, "/", readers(), index).about("What can be scraped here.");
        ext.route(GET, "/metrics", readers(), metrics)
            .about("The host's metrics as Prometheus text, or as OpenMetrics for those who accept it.");
        ext.route(GET, "/metrics.json", readers(), metrics_json)
            .about("The host's metrics as JSON.");
    }
}

ordinaut_sdk::extension!(Observability: routes; requests {
    "metrics.snapshot": true,
});

fn metrics(request: &mut Request) -> Result<Response, Error> {
    let accept: Vec<&str> = request
        .headers()
        .iter()
        .filter(|(name, _)| name.eq_ignore_ascii_case("accept"))
        .filter_map(|(_, value)| std::str::from_utf8(value).ok())
        .collect();
    let format = negotiate::format(&accept.join(","));
    let text = exposition::render(&metrics::snapshot()?, format, MAX_BYTES);
    Ok(fresh(Response::bytes(content_type(format), text)).header("vary", "accept"))
}

fn metrics_json(_: &mut Request) -> Result<Response, Error> {
    let families = metrics::snapshot()?;
    Ok(fresh(Response::json(&json::document(&families, MAX_BYTES))?))
}

fn index(_: &mut Request) -> Result<Response, Error> {
    let families = metrics::snapshot()?;
    let series: usize = families.iter().map(|family| family.samples.len()).sum();
    Ok(fresh(Response::json(&json!({
        "metrics": "metrics",
        "metrics_json": "metrics.json",
        "families": families.len(),
        "series": series,
    }))?))
}

/// Numbers of a moment are not to be kept.
fn fresh(response: Response) -> Response {
    response.header("cache-control", "no-store")
}

const fn content_type(format: Format) -> &'static str {
    match format {
        Format::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
        Format::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
    }
}

#[cfg(test)]
mod tests;
