//! Path patterns: literals, `{name}` for one segment, a final `{*rest}` for all that follows.

use super::percent_decode;
use crate::Error;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Segment<'a> {
    Rest(&'a str),
    Param(&'a str),
    Literal(&'a str),
}

pub(crate) struct Pattern<'a>(Vec<Segment<'a>>);

/// What a path gave to the parameters of a pattern, still percent-encoded.
pub(crate) struct Match {
    params: Vec<(String, String)>,
    // One rank for each segment from the left: literal 2, parameter 1, rest 0.
    ranks: Vec<u8>,
}

impl<'a> Pattern<'a> {
    pub(crate) fn parse(text: &'a str) -> Result<Self, Error> {
        let wrong = |why: &str| Error::invalid_argument(format!("route path `{text}`: {why}"));
        let Some(below) = text.strip_prefix('/') else {
            return Err(wrong("it must start with `/`"));
        };
        let mut segments = Vec::new();
        let mut names: Vec<&str> = Vec::new();
        for part in below.split('/') {
            if matches!(segments.last(), Some(Segment::Rest(_))) {
                return Err(wrong("`{*…}` must be the last segment"));
            }
            let segment = match part.strip_prefix('{').map(|inner| inner.strip_suffix('}')) {
                Some(Some(inner)) => inner.strip_prefix('*').map_or(Segment::Param(inner), Segment::Rest),
                Some(None) => return Err(wrong("a `{` is not closed in its segment")),
                None if part.contains(['{', '}']) => return Err(wrong("a parameter takes a whole segment")),
                None => Segment::Literal(part),
            };
            if let Segment::Param(name) | Segment::Rest(name) = segment {
                if name.is_empty() || names.contains(&name) {
                    return Err(wrong("parameters need names, each its own"));
                }
                names.push(name);
            }
            segments.push(segment);
        }
        Ok(Self(segments))
    }

    /// Matches a percent-encoded path. One trailing slash is tolerated.
    pub(crate) fn matches(&self, path: &str) -> Option<Match> {
        let below = path.strip_prefix('/')?;
        let below = if below.len() > 1 {
            below.strip_suffix('/').unwrap_or(below)
        } else {
            below
        };
        let mut params = Vec::new();
        let mut ranks = Vec::new();
        let mut rest = Some(below);
        for segment in &self.0 {
            let left = rest?;
            let (part, after) = left
                .split_once('/')
                .map_or((left, None), |(part, after)| (part, Some(after)));
            match *segment {
                Segment::Literal(literal) if percent_decode(part).as_deref() == Some(literal) => ranks.push(2),
                Segment::Literal(_) => return None,
                Segment::Param(_) if part.is_empty() => return None,
                Segment::Param(name) => {
                    ranks.push(1);
                    params.push((name.to_owned(), part.to_owned()));
                }
                Segment::Rest(name) => {
                    ranks.push(0);
                    params.push((name.to_owned(), left.to_owned()));
                    return Some(Match { params, ranks });
                }
            }
            rest = after;
        }
        rest.is_none().then_some(Match { params, ranks })
    }
}

impl Match {
    /// Whether this match is more specific.
    pub(crate) fn precedes(&self, other: &Self) -> bool {
        self.ranks > other.ranks
    }

    /// The parameters, decoded.
    pub(crate) fn decode(self) -> Result<Vec<(String, String)>, Error> {
        self.params
            .into_iter()
            .map(|(name, raw)| {
                let value = percent_decode(&raw).ok_or_else(|| {
                    Error::invalid_argument(format!("`{name}` in the path is not percent-encoded UTF-8"))
                })?;
                Ok((name, value))
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn params(pattern: &str, path: &str) -> Option<Vec<(String, String)>> {
        Pattern::parse(pattern)
            .unwrap()
            .matches(path)
            .map(|found| found.decode().unwrap())
    }

    #[test]
    fn parameters_take_one_segment_and_a_rest_takes_all() {
        assert_eq!(params("/", "/"), Some(vec![]));
        assert_eq!(params("/a/{x}", "/a/b%20c"), Some(vec![("x".into(), "b c".into())]));
        assert_eq!(params("/a/{x}", "/a/b/"), Some(vec![("x".into(), "b".into())]));
        assert_eq!(params("/a/{x}", "/a/b/c"), None);
        assert_eq!(params("/a/{x}", "/a/"), None);
        assert_eq!(params("/a/{*x}", "/a/b/c"), Some(vec![("x".into(), "b/c".into())]));
        assert_eq!(params("/count", "/counts"), None);
    }

    #[test]
    fn the_more_literal_pattern_wins() {
        let of = |pattern: &str| Pattern::parse(pattern).unwrap().matches("/a/b").unwrap();
        assert!(of("/a/b").precedes(&of("/a/{x}")));
        assert!(of("/a/{x}").precedes(&of("/{x}/b")));
        assert!(of("/a/{x}").precedes(&of("/a/{*x}")));
    }

    #[test]
    fn a_pattern_that_cannot_work_is_refused_with_the_reason() {
        for (pattern, why) in [
            ("a", "start with"),
            ("/{*a}/b", "last segment"),
            ("/{a", "not closed"),
            ("/x{a}", "whole segment"),
            ("/{a}/{a}", "each its own"),
            ("/{}", "need names"),
        ] {
            let error = Pattern::parse(pattern).err().unwrap();
            assert!(error.message().contains(why), "{pattern}: {error}");
        }
    }
}
