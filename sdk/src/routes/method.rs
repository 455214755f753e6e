//! HTTP methods.

use std::borrow::Cow;

/// An HTTP method, in capitals.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Method(Cow<'static, str>);

/// Reads.
pub const GET: Method = Method(Cow::Borrowed("GET"));
/// Reads the headers only.
pub const HEAD: Method = Method(Cow::Borrowed("HEAD"));
/// Does something.
pub const POST: Method = Method(Cow::Borrowed("POST"));
/// Replaces.
pub const PUT: Method = Method(Cow::Borrowed("PUT"));
/// Changes a part.
pub const PATCH: Method = Method(Cow::Borrowed("PATCH"));
/// Removes.
pub const DELETE: Method = Method(Cow::Borrowed("DELETE"));
/// In a route: every method.
pub const ANY: Method = Method(Cow::Borrowed("*"));

impl Method {
    /// Any other method. It is written in capitals whatever is given.
    pub fn new(name: &str) -> Self {
        Self(Cow::Owned(name.to_ascii_uppercase()))
    }

    /// The name, in capitals.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a route with this method takes such a request. A route for GET answers HEAD as well.
    pub(crate) fn accepts(&self, asked: &Self) -> bool {
        self == asked || *self == ANY || (*self == GET && *asked == HEAD)
    }
}
