//! What is wrong with a configuration, for the person who wrote it: where, what, and what to do.

use std::fmt;

use figment::error::Kind;

/// One fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    /// The file, variable or flag, when it is known.
    pub source: Option<String>,
    /// Dotted key, for instance `server.bind`; empty when the whole source is meant.
    pub key: String,
    /// What is wrong with it and what to write instead.
    pub problem: String,
}

/// All faults of a configuration; never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigErrors(pub Vec<ConfigError>);

impl ConfigError {
    pub(crate) fn at(key: &str, problem: impl Into<String>) -> Self {
        Self {
            source: None,
            key: key.to_owned(),
            problem: problem.into(),
        }
    }

    pub(crate) fn in_source(source: impl Into<String>, key: &str, problem: impl Into<String>) -> Self {
        Self {
            source: Some(source.into()),
            key: key.to_owned(),
            problem: problem.into(),
        }
    }
}

impl ConfigErrors {
    pub(super) fn one(error: ConfigError) -> Self {
        Self(vec![error])
    }

    /// A source that is no TOML, or cannot be read.
    pub(super) fn unreadable(errors: figment::Error) -> Self {
        Self(errors.into_iter().map(|error| unreadable(&error)).collect())
    }
}

fn unreadable(error: &figment::Error) -> ConfigError {
    let source = error.metadata.as_ref().map(|m| match &m.source {
        Some(source) => source.to_string(),
        None => m.name.to_string(),
    });
    ConfigError {
        source,
        key: error.path.join("."),
        problem: match &error.kind {
            Kind::Message(message) => message.trim().to_owned(),
            other => other.to_string(),
        },
    }
}

/// The sentence for a name that does not exist.
pub(super) fn unknown(what: &str, found: &str, known: &[&str]) -> String {
    let suggestion = suggest(found, known.iter().copied());
    format!("is not a known {what}{suggestion}; known here: {}", list(known))
}

/// `; did you mean …?` when one of the candidates is near.
pub(crate) fn suggest<'a>(found: &str, candidates: impl IntoIterator<Item = &'a str>) -> String {
    nearest(found, candidates).map_or_else(String::new, |name| format!("; did you mean `{name}`?"))
}

/// The candidate that was most probably meant.
pub(crate) fn nearest<'a>(found: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    candidates
        .into_iter()
        .map(|name| (strsim::damerau_levenshtein(found, name), name))
        .filter(|(distance, name)| *distance <= (name.chars().count() / 3).max(1))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// Up to `limit` dotted candidates that were most probably meant, the nearest first: also those with the same last part.
pub(crate) fn nearest_few<'a>(
    found: &str,
    candidates: impl IntoIterator<Item = &'a str>,
    limit: usize,
) -> Vec<&'a str> {
    // What is far too long is like nothing, and comparing it would take long.
    if found.len() > 200 {
        return Vec::new();
    }
    let last = |name: &str| name.rsplit('.').next().unwrap_or_default().to_owned();
    let mut near: Vec<(usize, &str)> = candidates
        .into_iter()
        .map(|name| (strsim::damerau_levenshtein(found, name), name))
        .filter(|(distance, name)| *distance <= (name.chars().count() / 3).max(1) || last(name) == last(found))
        .collect();
    near.sort_unstable();
    near.into_iter().take(limit).map(|(_, name)| name).collect()
}

/// Names as they are written, separated by commas.
pub(super) fn list(names: &[&str]) -> String {
    names
        .iter()
        .map(|name| format!("`{name}`"))
        .collect::<Vec<_>>()
        .join(", ")
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(source) = &self.source {
            write!(f, "{source}: ")?;
        }
        if !self.key.is_empty() {
            write!(f, "`{}` ", self.key)?;
        }
        f.write_str(&self.problem)
    }
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the configuration cannot be used:")?;
        for error in &self.0 {
            write!(f, "\n  {error}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigErrors {}
