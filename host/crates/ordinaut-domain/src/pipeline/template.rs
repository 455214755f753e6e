//! Templates: text with expressions, and whole trees of arguments.

use std::fmt::Write as _;

use jmespath::Variable;
use serde_json::Value;

use super::expression::Expression;
use super::scan::{self, Piece};
use super::scope::{Scope, to_value};

/// The longest rendered value, in bytes of JSON: what a step sends to its tool.
pub const MAX_OUTPUT_BYTES: usize = 1024 * 1024;

/// How deep a rendered value may be. The same as what JSON readers accept.
pub const MAX_DEPTH: usize = 120;

/// Why a template cannot be read or rendered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message} (at character {})", position + 1)]
pub struct TemplateError {
    /// What is wrong and what to write instead.
    pub message: String,
    /// The character of the template at which it is wrong, counted from 0.
    pub position: usize,
}

impl TemplateError {
    pub(super) fn new(position: usize, message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            position,
        }
    }

    /// An error at a byte of `text`.
    pub(super) fn at_byte(text: &str, byte: usize, message: impl Into<String>) -> Self {
        Self::new(characters_before(text, byte), message)
    }
}

/// How many characters of `text` begin before `byte`.
pub(super) fn characters_before(text: &str, byte: usize) -> usize {
    text.char_indices().take_while(|(at, _)| *at < byte).count()
}

/// A string of a pipeline, ready to be rendered.
///
/// A template that is one expression and nothing else keeps the JSON type of its value. Inside a longer string the
/// value is written as text: strings as they are, everything else as compact JSON.
#[derive(Debug)]
pub struct Template {
    parts: Vec<Part>,
}

#[derive(Debug)]
enum Part {
    Text(String),
    /// `offset` is the character of the template at which the expression begins.
    Expression {
        expression: Expression,
        offset: usize,
    },
}

impl Template {
    /// Reads a template.
    pub fn compile(text: &str) -> Result<Self, TemplateError> {
        let mut parts = Vec::new();
        // Characters are counted on from expression to expression: a long template has many.
        let (mut counted, mut offset) = (0, 0);
        for piece in scan::pieces(text)? {
            parts.push(match piece {
                Piece::Text(text) => Part::Text(text.to_owned()),
                Piece::Expression { source, start } => {
                    offset += text.get(counted..start).map_or(0, |passed| passed.chars().count());
                    counted = start;
                    Part::Expression {
                        expression: compile_at(source, offset)?,
                        offset,
                    }
                }
            });
        }
        Ok(Self { parts })
    }

    /// The value of the template in `scope`.
    pub fn render(&self, scope: &Scope) -> Result<Value, TemplateError> {
        self.render_within(scope, &mut OutputBudget::new())
    }

    /// The expressions in it, each with the character at which it begins.
    pub(super) fn expressions(&self) -> impl Iterator<Item = (&Expression, usize)> {
        self.parts.iter().filter_map(|part| match part {
            Part::Text(_) => None,
            Part::Expression { expression, offset } => Some((expression, *offset)),
        })
    }

    fn render_within(&self, scope: &Scope, budget: &mut OutputBudget) -> Result<Value, TemplateError> {
        if let [Part::Expression { expression, offset }] = self.parts.as_slice() {
            let result = evaluate_at(expression, *offset, scope)?;
            return to_value(&result, budget, 0).map_err(|message| TemplateError::new(*offset, message));
        }
        let mut text = String::new();
        for part in &self.parts {
            match part {
                Part::Text(literal) => {
                    budget
                        .take(literal.len())
                        .map_err(|message| TemplateError::new(0, message))?;
                    text.push_str(literal);
                }
                Part::Expression { expression, offset } => {
                    let result = evaluate_at(expression, *offset, scope)?;
                    write_text(&mut text, &result, budget).map_err(|message| TemplateError::new(*offset, message))?;
                }
            }
        }
        Ok(Value::String(text))
    }
}

/// Renders every string of `value` that is a template; keys are not templates.
///
/// The error names the place of the template within `value` by its JSON Pointer.
pub fn render_value(value: &Value, scope: &Scope) -> Result<Value, RenderError> {
    let mut pointer = String::new();
    render_tree(value, scope, &mut OutputBudget::new(), &mut pointer, 0)
        .map_err(|source| RenderError { pointer, source })
}

/// A template within a tree of arguments that could not be rendered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{source}", place(pointer))]
pub struct RenderError {
    /// Where the template stands; empty for the whole.
    pub pointer: String,
    /// What is wrong with it.
    pub source: TemplateError,
}

fn place(pointer: &str) -> String {
    if pointer.is_empty() {
        String::new()
    } else {
        format!("{pointer}: ")
    }
}

/// On failure `pointer` is left at the place of the fault.
fn render_tree(
    value: &Value,
    scope: &Scope,
    budget: &mut OutputBudget,
    pointer: &mut String,
    depth: usize,
) -> Result<Value, TemplateError> {
    if depth > MAX_DEPTH {
        return Err(TemplateError::new(
            0,
            format!("the value is nested more than {MAX_DEPTH} levels deep"),
        ));
    }
    match value {
        Value::String(text) if scan::is_template(text) => Template::compile(text)?.render_within(scope, budget),
        Value::Array(items) => {
            let mut rendered = Vec::with_capacity(items.len());
            for (index, item) in items.iter().enumerate() {
                let here = descend(pointer, &index.to_string());
                rendered.push(render_tree(item, scope, budget, pointer, depth + 1)?);
                pointer.truncate(here);
            }
            Ok(Value::Array(rendered))
        }
        Value::Object(fields) => {
            let mut rendered = serde_json::Map::with_capacity(fields.len());
            for (key, field) in fields {
                let here = descend(pointer, key);
                budget
                    .take(key.len() + 4)
                    .map_err(|message| TemplateError::new(0, message))?;
                rendered.insert(key.clone(), render_tree(field, scope, budget, pointer, depth + 1)?);
                pointer.truncate(here);
            }
            Ok(Value::Object(rendered))
        }
        other => {
            let size = other.as_str().map_or(8, str::len);
            budget.take(size).map_err(|message| TemplateError::new(0, message))?;
            Ok(other.clone())
        }
    }
}

fn descend(pointer: &mut String, key: &str) -> usize {
    let here = pointer.len();
    *pointer = crate::document::child(pointer, key);
    here
}

fn compile_at(source: &str, offset: usize) -> Result<Expression, TemplateError> {
    Expression::compile(source).map_err(|error| TemplateError {
        position: error.position + offset,
        ..error
    })
}

fn evaluate_at(expression: &Expression, offset: usize, scope: &Scope) -> Result<jmespath::Rcvar, TemplateError> {
    expression.evaluate(scope).map_err(|error| TemplateError {
        position: error.position + offset,
        ..error
    })
}

fn write_text(text: &mut String, result: &Variable, budget: &mut OutputBudget) -> Result<(), String> {
    if let Variable::String(string) = result {
        budget.take(string.len())?;
        text.push_str(string);
        return Ok(());
    }
    let value = to_value(result, budget, 0)?;
    write!(text, "{value}").map_err(|_| "the value cannot be written as text".to_owned())
}

/// How much may still be rendered.
#[derive(Debug)]
pub(super) struct OutputBudget {
    left: usize,
}

impl OutputBudget {
    pub(super) fn new() -> Self {
        Self { left: MAX_OUTPUT_BYTES }
    }

    /// Accounts for `bytes` of output, or says that it is too much.
    pub(super) fn take(&mut self, bytes: usize) -> Result<(), String> {
        self.left = self.left.checked_sub(bytes).ok_or_else(|| {
            format!(
                "the rendered value is larger than {} KiB; pass on less of it",
                MAX_OUTPUT_BYTES / 1024
            )
        })?;
        Ok(())
    }
}
