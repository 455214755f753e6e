//! Calling other servers. Needs the grant `http.outbound`, host by host; a refusal is a typed error.
//!
//! ```no_run
//! # use ordinaut_sdk::{http, Error};
//! # use std::time::Duration;
//! # fn f() -> Result<(), Error> {
//! let answer = http::Request::get("https://api.open-meteo.com/v1/forecast")
//!     .query("latitude", "47.01")
//!     .timeout(Duration::from_secs(5))
//!     .send()?;
//! let forecast: serde_json::Value = answer.json()?;
//! # Ok(()) }
//! ```

mod client;
mod error;
mod redirect;
mod url;

pub use client::{Request, Response};
pub use error::{Error, Kind};
pub use url::{Url, percent_encode};

use crate::routes::{Headers, Method};
use std::time::Duration;

/// One exchange with one server, as it is given to the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// The method.
    pub method: Method,
    /// Where to.
    pub url: Url,
    /// The header fields.
    pub headers: Headers,
    /// The body.
    pub body: Vec<u8>,
    /// How long the whole exchange may take, the body included.
    pub timeout: Duration,
    /// How many bytes of the answer's body are taken.
    pub max_body: usize,
}

/// What came back from one exchange.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Incoming {
    /// The status.
    pub status: u16,
    /// The header fields.
    pub headers: Headers,
    /// The body.
    pub body: Vec<u8>,
}
