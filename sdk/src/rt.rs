//! What the code that `extension!` writes calls. Not an interface: it may change in any version.

use crate::jobs::Occurrence;
use crate::{Describe, Error, Extension};

/// Made by `extension!`: what of an extension is exported, and how it registers. One function registers only what
/// was named, so that a component does not import the registries of what it does not have.
pub trait Declared: Extension {
    /// `tools`, `routes`, `events`, `jobs`, `service`.
    const PARTS: &'static [&'static str];
    /// The request for grants: a JSON object.
    const REQUESTS: &'static str;
    /// Registers the named parts.
    fn register(table: &Describe) -> Result<(), Error>;
}

pub fn init<E: Declared>() -> Result<(), Error> {
    let table = Describe::of::<E>();
    table.check(E::PARTS)?;
    E::init()?;
    E::register(&table)
}

pub fn register_tools(table: &Describe) -> Result<(), Error> {
    crate::tools::register(table)
}

pub fn register_routes(table: &Describe) -> Result<(), Error> {
    crate::routes::register(table)
}

pub fn register_events(table: &Describe) -> Result<(), Error> {
    crate::events::register(table)
}

pub fn register_jobs(table: &Describe) -> Result<(), Error> {
    crate::jobs::register(table)
}

pub fn register_service(_: &Describe) -> Result<(), Error> {
    // The export is the registration.
    Ok(())
}

pub fn run_job<E: Extension>(occurrence: &Occurrence) -> Result<Option<String>, Error> {
    crate::jobs::run(&Describe::of::<E>(), occurrence)
}

pub fn run_service<E: Extension>() -> Result<(), Error> {
    let service = Describe::of::<E>().service;
    service.map_or_else(|| Err(Error::not_found("this extension has no service")), |run| run())
}

/// The length of what [`section`] writes.
pub const fn section_len(description: &str, requests: &str) -> usize {
    let mut len = HEAD.len() + MIDDLE.len() + requests.len() + 1;
    let text = description.as_bytes();
    let mut at = 0;
    while at < text.len() {
        len += escaped(text[at]).1;
        at += 1;
    }
    len
}

const HEAD: &str = "{\"description\":\"";
const MIDDLE: &str = "\",\"requests\":";

/// The content of the custom section `ordinaut:extension`: `{"description": "…", "requests": {…}}`.
pub const fn section<const N: usize>(description: &str, requests: &str) -> [u8; N] {
    let mut out = [0; N];
    let mut at = copy(&mut out, 0, HEAD.as_bytes());
    let text = description.as_bytes();
    let mut index = 0;
    while index < text.len() {
        let (bytes, len) = escaped(text[index]);
        let mut part = 0;
        while part < len {
            out[at] = bytes[part];
            at += 1;
            part += 1;
        }
        index += 1;
    }
    at = copy(&mut out, at, MIDDLE.as_bytes());
    at = copy(&mut out, at, requests.as_bytes());
    out[at] = b'}';
    out
}

/// The bytes of a text, for the sections that hold plain text.
pub const fn bytes<const N: usize>(text: &str) -> [u8; N] {
    let mut out = [0; N];
    copy(&mut out, 0, text.as_bytes());
    out
}

const fn copy(out: &mut [u8], mut at: usize, from: &[u8]) -> usize {
    let mut index = 0;
    while index < from.len() {
        out[at] = from[index];
        at += 1;
        index += 1;
    }
    at
}

/// One byte of a JSON string (RFC 8259, section 7), and how many bytes of the answer it takes. A control character
/// becomes a space: it has no business in a description.
const fn escaped(byte: u8) -> ([u8; 2], usize) {
    match byte {
        b'"' | b'\\' => ([b'\\', byte], 2),
        0..=0x1f => ([b' ', 0], 1),
        _ => ([byte, 0], 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_section_is_json_whatever_the_description_holds() {
        const DESCRIPTION: &str = "Says \"hi\"\nand C:\\";
        const REQUESTS: &str = r#"{"http.outbound":[{"host":"*"}]}"#;
        const SECTION: [u8; section_len(DESCRIPTION, REQUESTS)] = section(DESCRIPTION, REQUESTS);
        let read: serde_json::Value = serde_json::from_slice(&SECTION).unwrap();
        assert_eq!(read["description"], "Says \"hi\" and C:\\");
        assert_eq!(read["requests"]["http.outbound"][0]["host"], "*");
    }
}
