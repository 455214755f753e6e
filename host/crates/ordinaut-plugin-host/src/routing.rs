//! Which registered route answers a path below `/ext/<name>`.

use std::collections::BTreeSet;

use http::Method;

use crate::manifest::Access;

/// One route of an extension.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Route {
    /// `None` stands for all methods.
    pub(crate) method: Option<Method>,
    pub(crate) pattern: PathPattern,
    pub(crate) access: Access,
    pub(crate) streaming: bool,
    pub(crate) description: String,
}

/// `/items/{id}/files/{*path}`, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PathPattern {
    text: String,
    segments: Vec<Segment>,
}

/// Declared in order of precedence: what is written out beats a parameter, a parameter beats the rest.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Segment {
    Literal(String),
    Parameter,
    Rest,
}

/// Text that is not a path pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a route: expected a path such as `/items/{{id}}` or `/files/{{*rest}}`, where `{{name}}`, each name once, stands for one segment and a final `{{*rest}}` for all that follow (no empty segments, at most {MAX_PATH_BYTES} bytes)"
)]
pub(crate) struct InvalidPath(String);

const MAX_PATH_BYTES: usize = 512;

impl PathPattern {
    pub(crate) fn parse(text: &str) -> Result<Self, InvalidPath> {
        let invalid = || InvalidPath(text.chars().take(MAX_PATH_BYTES).collect());
        let below = text
            .strip_prefix('/')
            .filter(|_| text.len() <= MAX_PATH_BYTES)
            .ok_or_else(invalid)?;
        let count = below.split('/').count();
        let mut parameters = BTreeSet::new();
        let mut is_new_parameter = |name| is_parameter(name) && parameters.insert(name);
        let segments = below
            .split('/')
            .enumerate()
            .map(
                |(index, part)| match part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) {
                    Some(name) => match name.strip_prefix('*') {
                        Some(name) if index + 1 == count && is_new_parameter(name) => Some(Segment::Rest),
                        None if is_new_parameter(name) => Some(Segment::Parameter),
                        _ => None,
                    },
                    // Only at the end may nothing follow a slash.
                    None => (is_literal(part) && (!part.is_empty() || index + 1 == count))
                        .then(|| Segment::Literal(part.to_owned())),
                },
            )
            .collect::<Option<Vec<_>>>()
            .ok_or_else(invalid)?;
        Ok(Self {
            text: text.to_owned(),
            segments,
        })
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    fn matches(&self, path: &[&str]) -> bool {
        let mut wanted = self.segments.iter();
        let mut given = path.iter();
        loop {
            match (wanted.next(), given.next()) {
                (Some(Segment::Rest), Some(_)) | (None, None) => return true,
                (Some(Segment::Parameter), Some(part)) if !part.is_empty() => {}
                (Some(Segment::Literal(text)), Some(part)) if text == part => {}
                _ => return false,
            }
        }
    }
}

fn is_parameter(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// An empty segment stands for a slash at the end, or for the root.
fn is_literal(part: &str) -> bool {
    !matches!(part, "." | "..")
        && part
            .bytes()
            .all(|b| b.is_ascii_graphic() && !matches!(b, b'{' | b'}' | b'*' | b'?' | b'#' | b'%' | b'\\'))
}

/// The routes of one extension.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct RouteTable(Vec<Route>);

/// Why no route answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum NoRoute {
    Path,
    /// These methods would be answered.
    Method(Vec<String>),
}

impl RouteTable {
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Route> {
        self.0.iter()
    }

    /// Adds a route, unless one with the same method and an equivalent path is there already.
    pub(crate) fn add(&mut self, route: Route) -> Result<(), Box<Route>> {
        let same = |other: &&Route| other.method == route.method && other.pattern.segments == route.pattern.segments;
        if let Some(other) = self.0.iter().find(same) {
            return Err(Box::new(other.clone()));
        }
        self.0.push(route);
        Ok(())
    }

    /// The route that fits best: the most literal path, then the written-out method. HEAD falls back to GET.
    pub(crate) fn find(&self, method: &Method, path: &str) -> Result<&Route, NoRoute> {
        let segments: Vec<&str> = path.strip_prefix('/').unwrap_or(path).split('/').collect();
        // What an access rule says about a path must hold for every way in which a guest may read that path.
        if segments.iter().any(|segment| is_dots(segment)) {
            return Err(NoRoute::Path);
        }
        let fitting: Vec<&Route> = self.0.iter().filter(|route| route.pattern.matches(&segments)).collect();
        let answers = |route: &Route| {
            route
                .method
                .as_ref()
                .is_none_or(|m| m == method || (method == Method::HEAD && m == Method::GET))
        };
        // At the same path, the written-out method goes before GET for HEAD, and both before "all methods".
        let rank = |route: &Route| (route.method.is_none(), route.method.as_ref() != Some(method));
        let best = fitting
            .iter()
            .filter(|route| answers(route))
            .min_by(|a, b| (&a.pattern.segments, rank(a)).cmp(&(&b.pattern.segments, rank(b))));
        if let Some(route) = best {
            return Ok(route);
        }
        if fitting.is_empty() {
            return Err(NoRoute::Path);
        }
        let mut allowed: Vec<String> = fitting
            .iter()
            .filter_map(|r| r.method.as_ref())
            .map(ToString::to_string)
            .collect();
        allowed.sort();
        allowed.dedup();
        Err(NoRoute::Method(allowed))
    }
}

/// `.` or `..`, also percent-encoded.
fn is_dots(segment: &str) -> bool {
    let plain = segment.replace("%2e", ".").replace("%2E", ".");
    plain == "." || plain == ".."
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(method: &str, path: &str) -> Route {
        Route {
            method: (method != "*").then(|| method.parse().unwrap()),
            pattern: PathPattern::parse(path).unwrap(),
            access: Access::Authenticated,
            streaming: false,
            description: String::new(),
        }
    }

    fn table(routes: &[(&str, &str)]) -> RouteTable {
        let mut table = RouteTable::default();
        for (method, path) in routes {
            table.add(route(method, path)).unwrap();
        }
        table
    }

    #[test]
    fn the_most_literal_route_answers() {
        let table = table(&[
            ("*", "/{*rest}"),
            ("GET", "/"),
            ("GET", "/items/{id}"),
            ("GET", "/items/new"),
            ("*", "/items/{id}"),
            ("GET", "/files/{*rest}"),
        ]);
        for (method, path, expected) in [
            ("GET", "/", "/"),
            ("GET", "", "/"),
            ("HEAD", "/", "/"),
            ("POST", "/", "/{*rest}"),
            ("GET", "/items/new", "/items/new"),
            ("GET", "/items/7", "/items/{id}"),
            ("PUT", "/items/7", "/items/{id}"),
            ("GET", "/items/", "/{*rest}"),
            ("GET", "/files/a/b", "/files/{*rest}"),
            ("GET", "/other", "/{*rest}"),
        ] {
            let found = table.find(&method.parse().unwrap(), path).unwrap();
            assert_eq!(found.pattern.as_str(), expected, "{method} {path}");
        }
    }

    #[test]
    fn a_known_path_with_another_method_says_which_methods_would_do() {
        let table = table(&[("POST", "/x"), ("GET", "/x"), ("GET", "/y")]);
        assert_eq!(
            table.find(&Method::PUT, "/x"),
            Err(NoRoute::Method(vec!["GET".into(), "POST".into()]))
        );
        assert_eq!(table.find(&Method::PUT, "/z"), Err(NoRoute::Path));
        assert_eq!(table.find(&Method::HEAD, "/y").map(|r| r.pattern.as_str()), Ok("/y"));
    }

    #[test]
    fn a_path_that_can_be_read_in_two_ways_has_no_route() {
        let table = table(&[("*", "/{*rest}")]);
        for path in ["/a/../b", "/./b", "/a/%2e%2E/b", "/a/.%2e"] {
            assert_eq!(table.find(&Method::GET, path), Err(NoRoute::Path), "{path}");
        }
    }

    #[test]
    fn patterns_that_mean_nothing_are_refused() {
        for text in [
            "",
            "x",
            "/{",
            "/{}",
            "/{*rest}/x",
            "/a/{b",
            "/a*",
            "/..",
            "/a?b",
            "/ä",
            "/{a b}",
            "/a%20",
            "//",
            "/a//b",
            "//a",
            "/a//",
            "/{a}/{a}",
            "/{a}/{*a}",
        ] {
            assert!(PathPattern::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_same_route_twice_is_refused_even_under_other_parameter_names() {
        let mut table = table(&[("GET", "/items/{id}")]);
        assert!(table.add(route("GET", "/items/{key}")).is_err());
        assert!(table.add(route("POST", "/items/{key}")).is_ok());
    }
}
