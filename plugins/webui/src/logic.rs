//! Which file a path means, and how it is sent: compressed or not, kept for ever or asked for anew.

use std::borrow::Cow;

include!(concat!(env!("OUT_DIR"), "/assets.rs"));

/// An embedded file.
pub(crate) struct Asset {
    name: &'static str,
    /// Whether the first load needs it.
    #[cfg_attr(not(test), expect(dead_code, reason = "the budget of the first load is a test"))]
    first: bool,
    content_type: &'static str,
    plain: &'static [u8],
    gzip: &'static [u8],
}

/// What the page may do: run its own scripts and styles, and talk to its own origin. Nothing inline, nothing foreign.
pub const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
     img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// A request, as far as it matters here.
#[derive(Debug, Clone, Copy, Default)]
pub struct Asked<'a> {
    /// The path as it was sent, with `/ext/<name>` before it and nothing decoded.
    pub path: &'a str,
    /// The field `Accept-Encoding` (RFC 9110, section 12.5.3).
    pub accept_encoding: Option<&'a str>,
    /// The field `If-None-Match` (RFC 9110, section 13.1.2).
    pub if_none_match: Option<&'a str>,
}

/// What is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// 200, 304, 308 or 404.
    pub status: u16,
    /// Header fields besides the content's type.
    pub headers: Vec<(&'static str, String)>,
    /// Content type and body.
    pub content: Option<(&'static str, Cow<'static, [u8]>)>,
}

/// Answers a request: an asset of this very build, or the page, whatever place in it is meant.
pub fn answer(asked: &Asked<'_>) -> Answer {
    let Some(below) = below_mount(asked.path) else {
        return redirect_into(asked.path);
    };
    match below.strip_prefix("assets/") {
        Some(file) => asset(file, asked),
        None => page(below, asked),
    }
}

/// The path below `/ext/<name>/`; none when the mount was asked for without its slash.
fn below_mount(path: &str) -> Option<&str> {
    let mounted = path.strip_prefix("/ext/").unwrap_or(path);
    mounted.split_once('/').map(|(_, below)| below)
}

/// From `/ext/webui` to `/ext/webui/`, said in a way that holds under any prefix: relative links need the slash.
fn redirect_into(path: &str) -> Answer {
    let name = path.rsplit('/').next().unwrap_or_default();
    Answer {
        status: 308,
        headers: vec![
            ("location", format!("{name}/")),
            ("cache-control", "no-cache".to_owned()),
        ],
        content: None,
    }
}

fn asset(file: &str, asked: &Asked<'_>) -> Answer {
    let found = file
        .split_once('/')
        .filter(|(hash, _)| *hash == HASH)
        .and_then(|(_, name)| ASSETS.iter().find(|asset| asset.name == name));
    let Some(asset) = found else {
        return Answer {
            status: 404,
            headers: Vec::new(),
            content: None,
        };
    };
    let packed = accepts_gzip(asked.accept_encoding);
    let mut headers = vec![
        ("cache-control", "public, max-age=31536000, immutable".to_owned()),
        ("vary", "accept-encoding".to_owned()),
        ("content-security-policy", CONTENT_SECURITY_POLICY.to_owned()),
    ];
    if packed {
        headers.push(("content-encoding", "gzip".to_owned()));
    }
    let body = if packed { asset.gzip } else { asset.plain };
    Answer {
        status: 200,
        headers,
        content: Some((asset.content_type, Cow::Borrowed(body))),
    }
}

/// The page. Its links are relative to where it was asked for, so that it is the same under any prefix.
fn page(below: &str, asked: &Asked<'_>) -> Answer {
    let depth = below.matches('/').count();
    // Deeper than any place in the interface; such a page would only grow.
    let depth = depth.min(16);
    let tag = format!("\"{HASH}-{depth}\"");
    let headers = vec![
        ("cache-control", "no-cache".to_owned()),
        ("etag", tag.clone()),
        ("content-security-policy", CONTENT_SECURITY_POLICY.to_owned()),
        ("referrer-policy", "same-origin".to_owned()),
        ("cross-origin-opener-policy", "same-origin".to_owned()),
    ];
    if asked.if_none_match.is_some_and(|known| names(known, &tag)) {
        return Answer {
            status: 304,
            headers,
            content: None,
        };
    }
    let assets = format!("{}assets/{HASH}", "../".repeat(depth));
    let body = INDEX.replace("{{assets}}", &assets).into_bytes();
    Answer {
        status: 200,
        headers,
        content: Some(("text/html; charset=utf-8", Cow::Owned(body))),
    }
}

/// Whether an `If-None-Match` names the tag, compared weakly (RFC 9110, section 8.8.3.2).
fn names(known: &str, tag: &str) -> bool {
    known
        .split(',')
        .map(str::trim)
        .any(|one| one == "*" || one.strip_prefix("W/").unwrap_or(one) == tag)
}

/// Whether `Accept-Encoding` allows gzip: named with a weight above 0, or not named and `*` is.
fn accepts_gzip(field: Option<&str>) -> bool {
    let mut any = false;
    for part in field.unwrap_or_default().split(',') {
        let (coding, parameters) = part.split_once(';').unwrap_or((part, ""));
        let weight = parameters
            .trim()
            .strip_prefix("q=")
            .map_or(Some(1.0_f32), |text| text.trim().parse().ok());
        let allowed = weight.is_some_and(|weight| weight > 0.0);
        match coding.trim().to_ascii_lowercase().as_str() {
            "gzip" | "x-gzip" => return allowed,
            "*" => any = allowed,
            _ => {}
        }
    }
    any
}

#[cfg(test)]
mod tests;
