//! `if`: whether a step is run.

use super::expression::Expression;
use super::scan::{self, Piece};
use super::scope::Scope;
use super::template::{TemplateError, characters_before};

/// A condition: a JMESPath expression, with or without `${…}` around it.
///
/// JMESPath's truth decides: false, null, and empty strings, lists and objects are false; everything else is true,
/// the number 0 included.
#[derive(Debug)]
pub struct Condition {
    expression: Expression,
    /// The character of the text at which the expression begins.
    offset: usize,
}

impl Condition {
    /// Reads a condition.
    pub fn compile(text: &str) -> Result<Self, TemplateError> {
        let trimmed = text.trim();
        let leading = characters_before(text, text.len() - text.trim_start().len());
        if !trimmed.starts_with("${") {
            return Self::of(trimmed, leading);
        }
        let pieces = scan::pieces(trimmed).map_err(|error| shifted(error, leading))?;
        if let [Piece::Expression { source, start }] = pieces.as_slice() {
            return Self::of(source, leading + start);
        }
        let message = "a condition is one expression: write it without `${` and `}`, as in \
                       steps.a.n > `1` && params.wanted";
        Err(TemplateError::new(leading, message))
    }

    /// Whether the condition is true in `scope`.
    pub fn holds(&self, scope: &Scope) -> Result<bool, TemplateError> {
        match self.expression.evaluate(scope) {
            Ok(value) => Ok(value.is_truthy()),
            Err(error) => Err(shifted(error, self.offset)),
        }
    }

    pub(super) fn expression(&self) -> (&Expression, usize) {
        (&self.expression, self.offset)
    }

    fn of(source: &str, offset: usize) -> Result<Self, TemplateError> {
        let expression = Expression::compile(source).map_err(|error| shifted(error, offset))?;
        Ok(Self { expression, offset })
    }
}

fn shifted(error: TemplateError, by: usize) -> TemplateError {
    TemplateError {
        position: error.position + by,
        ..error
    }
}
