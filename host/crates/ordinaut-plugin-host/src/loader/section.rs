//! Second step: what the file says about itself, read without running or compiling anything.

use wasmparser::{Parser, Payload};

use super::LoadError;
use crate::grants::Request;

/// The custom section that the author's toolkit writes.
const SECTION: &str = "ordinaut:extension";
const MAX_SECTION_BYTES: usize = 64 << 10;
/// Longer metadata is cut.
const MAX_TEXT_CHARS: usize = 1_000;

/// What stands in the custom sections.
#[derive(Debug, Clone, Default)]
pub(crate) struct Label {
    pub(crate) version: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) authors: Option<String>,
    pub(crate) licence: Option<String>,
    pub(crate) request: Request,
}

/// Reads the request (at most one, wherever the toolchain left it) and the metadata that registries use too.
pub(crate) fn describe(bytes: &[u8]) -> Result<Label, LoadError> {
    let mut found = Label::default();
    let mut request: Option<Request> = None;
    let mut depth = 0_usize;
    for payload in Parser::new(0).parse_all(bytes) {
        match payload.map_err(|error| parse_error(&error))? {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::CustomSection(section) if section.name() == SECTION => {
                if request.is_some() {
                    return Err(LoadError::Section("is there twice; an extension has one".to_owned()));
                }
                if section.data().len() > MAX_SECTION_BYTES {
                    return Err(LoadError::Section(format!("has more than {MAX_SECTION_BYTES} bytes")));
                }
                let parsed = Request::parse(section.data());
                request = Some(parsed.map_err(|error| LoadError::Section(format!("is not understood: {error}")))?);
            }
            // Metadata of the component itself; that of its modules is about its parts.
            Payload::CustomSection(section) if depth == 0 => {
                let field = match section.name() {
                    "version" => &mut found.version,
                    "description" => &mut found.description,
                    "authors" => &mut found.authors,
                    "licenses" => &mut found.licence,
                    _ => continue,
                };
                *field = text(section.data());
            }
            _ => {}
        }
    }
    let request = request.unwrap_or_default();
    // The author's own words win over what a packaging tool wrote.
    let or = |own: &Option<String>, other: Option<String>| own.clone().or(other).map(|text| cut(&text));
    Ok(Label {
        version: or(&request.version, found.version),
        description: or(&request.description, found.description),
        authors: or(&request.authors, found.authors),
        licence: or(&request.licence, found.licence),
        request,
    })
}

fn text(data: &[u8]) -> Option<String> {
    std::str::from_utf8(data)
        .ok()
        .map(str::trim)
        .filter(|text| !text.is_empty())
        .map(str::to_owned)
}

fn cut(text: &str) -> String {
    text.chars()
        .filter(|c| !c.is_control() || *c == '\n')
        .take(MAX_TEXT_CHARS)
        .collect()
}

fn parse_error(error: &wasmparser::BinaryReaderError) -> LoadError {
    let text = error.to_string();
    if text.contains("unexpected end") {
        LoadError::Truncated(text)
    } else {
        LoadError::Malformed(text)
    }
}
