//! Which tools of other extensions may be called: `http.request`, `http.*`, or `*` for all.

use std::{fmt, str::FromStr};

use ordinaut_domain::{ToolAddress, tool::is_name};
use serde::{Deserialize, Serialize};

/// One tool, all tools of one extension, or all tools.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum ToolPattern {
    /// `*`
    All,
    /// `http.*`
    Of(String),
    /// `http.request`
    One(ToolAddress),
}

/// Text that is not such a pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` does not name tools: expected `<extension>.<tool>`, `<extension>.*`, or `*`")]
pub struct InvalidToolPattern(String);

impl ToolPattern {
    /// Whether the tool is meant.
    pub fn matches(&self, tool: &ToolAddress) -> bool {
        match self {
            Self::All => true,
            Self::Of(extension) => extension == tool.extension(),
            Self::One(one) => one == tool,
        }
    }

    /// Whether every tool that `other` means is meant.
    pub(crate) fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::All, _) => true,
            (Self::Of(own), Self::Of(other)) => own == other,
            (own, Self::One(tool)) => own.matches(tool),
            _ => false,
        }
    }
}

impl FromStr for ToolPattern {
    type Err = InvalidToolPattern;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = || InvalidToolPattern(text.chars().take(140).collect());
        if text == "*" {
            return Ok(Self::All);
        }
        if let Some(extension) = text.strip_suffix(".*") {
            return if is_name(extension) {
                Ok(Self::Of(extension.to_owned()))
            } else {
                Err(invalid())
            };
        }
        text.parse().map(Self::One).map_err(|_| invalid())
    }
}

impl TryFrom<String> for ToolPattern {
    type Error = InvalidToolPattern;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<ToolPattern> for String {
    fn from(pattern: ToolPattern) -> Self {
        pattern.to_string()
    }
}

impl fmt::Display for ToolPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("*"),
            Self::Of(extension) => write!(f, "{extension}.*"),
            Self::One(tool) => write!(f, "{tool}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_means_one_tool_an_extensions_tools_or_all() {
        for (pattern, tool, meant) in [
            ("*", "http.request", true),
            ("http.*", "http.request", true),
            ("http.*", "http2.request", false),
            ("http.request", "http.request", true),
            ("http.request", "http.request2", false),
        ] {
            let parsed: ToolPattern = pattern.parse().unwrap();
            assert_eq!(parsed.matches(&tool.parse().unwrap()), meant, "{pattern} {tool}");
            assert_eq!(parsed.to_string(), pattern);
        }
        for text in [
            "",
            "http",
            "*.request",
            "http.",
            ".*",
            "http.re*",
            "Http.*",
            "**",
            "a.b.c",
        ] {
            assert!(text.parse::<ToolPattern>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_wider_pattern_covers_a_narrower_one() {
        let covers = |a: &str, b: &str| a.parse::<ToolPattern>().unwrap().covers(&b.parse().unwrap());
        assert!(covers("*", "a.*") && covers("*", "*") && covers("a.*", "a.b") && covers("a.b", "a.b"));
        assert!(!covers("a.*", "*") && !covers("a.b", "a.*") && !covers("a.*", "b.c") && !covers("a.b", "a.c"));
    }
}
