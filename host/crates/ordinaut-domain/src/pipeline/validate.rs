//! What can be known about names before a pipeline runs: roots that do not exist, and steps that do not exist or have
//! not finished yet.
//!
//! The syntax tree is walked with what is known about the value at each place. Inside projections, filters and
//! `&expressions` the value is an element of some list, of which nothing is known, and nothing is claimed.

use jmespath::ast::Ast;
use serde_json::{Map, Value};

use super::expression::{Expression, for_each_child};
use super::scan;
use super::scope::{ROOTS, STEP_RECORD};
use super::template::Template;
use super::{Condition, Step};
use crate::Violation;
use crate::document::{child, clip, listed, nearest};

/// Checks the templates and conditions of one step against the steps of its pipeline. `step` is its index.
pub(super) fn check_names(steps: &[Step], step: usize, pointer: &str, violations: &mut Vec<Violation>) {
    let names = Names {
        steps,
        step,
        params: None,
    };
    names.check_step(pointer, violations);
}

/// What the templates and conditions of one step ask of `params` that is not there. Not what has a substitute:
/// `params.x || 'this'` and `not_null(params.x, 'this')`.
pub(super) fn missing_params(
    steps: &[Step],
    step: usize,
    params: &Map<String, Value>,
    pointer: &str,
    warnings: &mut Vec<Violation>,
) {
    let mut found = Vec::new();
    let names = Names {
        steps,
        step,
        params: Some(params),
    };
    names.check_step(pointer, &mut found);
    warnings.extend(found.into_iter().filter(|fault| fault.code == UNKNOWN_PARAM));
}

const UNKNOWN_PARAM: &str = "unknown_param";

/// Notes every template in `value` that cannot be read. False if the value nests deeper than `depth`, which is noted.
pub(super) fn check_templates(value: &Value, pointer: &str, depth: usize, violations: &mut Vec<Violation>) -> bool {
    let Some(deeper) = depth.checked_sub(1) else {
        violations.push(Violation::new(pointer, "too_deep", "this is nested too deeply"));
        return false;
    };
    match value {
        Value::String(text) if scan::is_template(text) => {
            if let Err(error) = Template::compile(text) {
                violations.push(Violation::new(pointer, "template_syntax", error.to_string()));
            }
            true
        }
        Value::Array(items) => items.iter().enumerate().fold(true, |shallow, (index, item)| {
            check_templates(item, &child(pointer, index), deeper, violations) && shallow
        }),
        Value::Object(fields) => fields.iter().fold(true, |shallow, (key, field)| {
            check_templates(field, &child(pointer, key), deeper, violations) && shallow
        }),
        _ => true,
    }
}

/// The names that one step can see.
struct Names<'a> {
    steps: &'a [Step],
    step: usize,
    /// The task's params, when they are to be looked at.
    params: Option<&'a Map<String, Value>>,
}

/// What is known about a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape<'a> {
    Root,
    Params,
    Steps,
    /// The record of the step with this id.
    Record(&'a str),
    Anything,
}

impl<'a> Names<'a> {
    fn check_step(&self, pointer: &str, violations: &mut Vec<Violation>) {
        let Some(this) = self.steps.get(self.step) else { return };
        if let Some(condition) = &this.condition
            && let Ok(condition) = Condition::compile(condition)
        {
            let (expression, offset) = condition.expression();
            self.check(expression, offset, &child(pointer, "if"), violations);
        }
        self.check_tree(&this.arguments, &child(pointer, "with"), violations);
    }

    fn check_tree(&self, value: &Value, pointer: &str, violations: &mut Vec<Violation>) {
        match value {
            Value::String(text) if scan::is_template(text) => {
                // What cannot be read has been noted already.
                let Ok(template) = Template::compile(text) else { return };
                for (expression, offset) in template.expressions() {
                    self.check(expression, offset, pointer, violations);
                }
            }
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.check_tree(item, &child(pointer, index), violations);
                }
            }
            Value::Object(fields) => {
                for (key, field) in fields {
                    self.check_tree(field, &child(pointer, key), violations);
                }
            }
            _ => {}
        }
    }

    fn check(&self, expression: &Expression, start: usize, pointer: &str, violations: &mut Vec<Violation>) {
        let mut found = Vec::new();
        self.walk(expression.ast(), Shape::Root, &mut found);
        for (offset, code, detail) in found {
            let character = start + expression.position(offset) + 1;
            violations.push(Violation::new(
                pointer,
                code,
                format!("{detail} (at character {character})"),
            ));
        }
    }

    /// What `ast` yields for a value of the given shape; faults go to `found`.
    fn walk(&self, ast: &Ast, shape: Shape<'a>, found: &mut Vec<Fault>) -> Shape<'a> {
        match ast {
            Ast::Field { name, offset } => self.field(name, *offset, shape, found),
            Ast::Identity { .. } => shape,
            Ast::Subexpr { lhs, rhs, .. } => {
                let left = self.walk(lhs, shape, found);
                self.walk(rhs, left, found)
            }
            Ast::Or { lhs, rhs, .. } | Ast::And { lhs, rhs, .. } => {
                let mut in_left = Vec::new();
                let left = self.walk(lhs, shape, &mut in_left);
                if matches!(ast, Ast::Or { .. }) {
                    in_left.retain(|fault| fault.1 != UNKNOWN_PARAM);
                }
                found.append(&mut in_left);
                let right = self.walk(rhs, shape, found);
                if left == right { left } else { Shape::Anything }
            }
            Ast::Condition { predicate, then, .. } => {
                self.walk(predicate, shape, found);
                self.walk(then, shape, found)
            }
            Ast::Projection { lhs, rhs, .. } => {
                self.walk(lhs, shape, found);
                self.walk(rhs, Shape::Anything, found);
                Shape::Anything
            }
            Ast::Expref { ast, .. } => {
                self.walk(ast, Shape::Anything, found);
                Shape::Anything
            }
            other => {
                let mut inside = Vec::new();
                let walked: Result<(), ()> = for_each_child(other, &mut |part| {
                    self.walk(part, shape, &mut inside);
                    Ok(())
                });
                debug_assert!(walked.is_ok());
                if matches!(other, Ast::Function { name, .. } if name == "not_null") {
                    inside.retain(|fault| fault.1 != UNKNOWN_PARAM);
                }
                found.append(&mut inside);
                Shape::Anything
            }
        }
    }

    fn field(&self, name: &str, offset: usize, shape: Shape<'a>, found: &mut Vec<Fault>) -> Shape<'a> {
        match shape {
            Shape::Root => {
                if let Some((code, detail)) = refuse_root(name) {
                    found.push((offset, code, detail));
                }
                match name {
                    "steps" => Shape::Steps,
                    "params" => Shape::Params,
                    _ => Shape::Anything,
                }
            }
            Shape::Params => {
                if let Some(params) = self.params.filter(|params| !params.contains_key(name)) {
                    let known: Vec<&str> = params.keys().map(String::as_str).collect();
                    let shown = clip(name, 60);
                    let mend = match nearest(name, known.iter().copied()) {
                        Some(meant) => format!("; did you mean params.{meant}?"),
                        None => String::new(),
                    };
                    let detail = format!("`payload.params` has no `{shown}`, so params.{shown} is null{mend}");
                    found.push((offset, UNKNOWN_PARAM, detail));
                }
                Shape::Anything
            }
            Shape::Steps => self.step_name(name, offset, found),
            Shape::Record(id) => {
                if !STEP_RECORD.contains(&name) {
                    let detail = format!(
                        "steps.{id} is the record of that step, whose fields are {}; write steps.{id}.result.{name}, \
                         or give the step a `save_as`",
                        listed(&STEP_RECORD)
                    );
                    found.push((offset, "unknown_name", detail));
                }
                Shape::Anything
            }
            Shape::Anything => Shape::Anything,
        }
    }

    fn step_name(&self, name: &str, offset: usize, found: &mut Vec<Fault>) -> Shape<'a> {
        let earlier = self.steps.get(..self.step).unwrap_or_default();
        if earlier.iter().any(|step| step.save_as.as_deref() == Some(name)) {
            return Shape::Anything;
        }
        if let Some(step) = earlier.iter().find(|step| step.id == name) {
            return Shape::Record(&step.id);
        }
        let named = |step: &Step| step.id == name || step.save_as.as_deref() == Some(name);
        let shown = clip(name, 60);
        let position = self.steps.iter().position(named);
        let fault = match position {
            Some(index) if index == self.step => (
                "later_step",
                format!("steps.{shown} is this step itself, which has no result yet"),
            ),
            Some(index) => (
                "later_step",
                format!(
                    "steps.{shown} is step {} of the pipeline, which has not run yet when this one begins",
                    index + 1
                ),
            ),
            None => {
                let names = earlier
                    .iter()
                    .flat_map(|step| step.save_as.as_deref().into_iter().chain([step.id.as_str()]));
                let known: Vec<&str> = earlier
                    .iter()
                    .map(|step| step.save_as.as_deref().unwrap_or(&step.id))
                    .collect();
                let mend = match nearest(name, names) {
                    Some(meant) => format!("did you mean steps.{meant}?"),
                    None if known.is_empty() => "no step runs before this one".to_owned(),
                    None => format!("the steps before this one are {}", listed(&known)),
                };
                ("unknown_step", format!("no step is called `{shown}`: {mend}"))
            }
        };
        found.push((offset, fault.0, fault.1));
        Shape::Anything
    }
}

/// An offset in the expression, a code and a sentence.
type Fault = (usize, &'static str, String);

fn refuse_root(name: &str) -> Option<(&'static str, String)> {
    if name == "item" {
        let detail = "`item` exists only inside a loop, and loops (`for_each`) are not supported yet";
        return Some(("not_supported_yet", detail.to_owned()));
    }
    if ROOTS.contains(&name) {
        return None;
    }
    let shown = clip(name, 60);
    let mend = match name {
        "true" | "false" | "null" => format!("write `{shown}` between backticks"),
        _ => match nearest(name, ROOTS) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => format!(
                "expressions begin with {} (a text is written in single quotes, a number in backticks)",
                listed(&ROOTS[..6])
            ),
        },
    };
    Some(("unknown_name", format!("there is no `{shown}`: {mend}")))
}
