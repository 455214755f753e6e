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

/// What the section says besides the requests: keys and plain texts.
pub type Facts<'a> = [(&'a str, &'a str)];

/// The length of what [`section`] writes.
pub const fn section_len(facts: &Facts<'_>, requests: &str) -> usize {
    write_section(&mut [], facts, requests)
}

/// The content of the custom section `ordinaut:extension`: `{"description": "…", …, "requests": {…}}`.
pub const fn section<const N: usize>(facts: &Facts<'_>, requests: &str) -> [u8; N] {
    let mut out = [0; N];
    write_section(&mut out, facts, requests);
    out
}

const fn write_section(out: &mut [u8], facts: &Facts<'_>, requests: &str) -> usize {
    let mut at = put(out, 0, b"{");
    let mut fact = 0;
    while fact < facts.len() {
        let (key, text) = facts[fact];
        at = put(out, at, b"\"");
        at = put(out, at, key.as_bytes());
        at = put(out, at, b"\":\"");
        let text = text.as_bytes();
        let mut index = 0;
        while index < text.len() {
            // A JSON string (RFC 8259, section 7). A control character has no business in such a text.
            at = match text[index] {
                byte @ (b'"' | b'\\') => put(out, at, &[b'\\', byte]),
                0..=0x1f => put(out, at, b" "),
                byte => put(out, at, &[byte]),
            };
            index += 1;
        }
        at = put(out, at, b"\",");
        fact += 1;
    }
    at = put(out, at, b"\"requests\":");
    at = put(out, at, requests.as_bytes());
    put(out, at, b"}")
}

/// The bytes of a text, for the sections that hold plain text.
pub const fn bytes<const N: usize>(text: &str) -> [u8; N] {
    let mut out = [0; N];
    put(&mut out, 0, text.as_bytes());
    out
}

/// Writes where there is room, and answers where the next byte goes: without any room it only counts.
const fn put(out: &mut [u8], at: usize, from: &[u8]) -> usize {
    let mut index = 0;
    while index < from.len() {
        if at + index < out.len() {
            out[at + index] = from[index];
        }
        index += 1;
    }
    at + from.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_section_is_json_whatever_the_description_holds() {
        const FACTS: &Facts<'_> = &[("description", "Says \"hi\"\nand C:\\"), ("version", "1.2.3")];
        const REQUESTS: &str = r#"{"http.outbound":[{"host":"*"}]}"#;
        const SECTION: [u8; section_len(FACTS, REQUESTS)] = section(FACTS, REQUESTS);
        let read: serde_json::Value = serde_json::from_slice(&SECTION).unwrap();
        assert_eq!(read["description"], "Says \"hi\" and C:\\");
        assert_eq!(read["version"], "1.2.3");
        assert_eq!(read["requests"]["http.outbound"][0]["host"], "*");
    }
}
