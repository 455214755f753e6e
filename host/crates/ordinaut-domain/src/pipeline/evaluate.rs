//! Evaluates an expression's tree over a scope, within a budget.
//!
//! The JMESPath library's own interpreter has no bounds: nested projections over literals, or lists that double at
//! every `|`, let four kibibytes of text ask for more work and memory than any machine has. This one follows the
//! JMESPath specification and the library's values and functions, but pays for each node it visits and each element
//! and byte it makes, and stops when the budget is spent.

use std::collections::BTreeMap;

use jmespath::ast::{Ast, Comparator};
use jmespath::{Rcvar, Variable};

use super::functions;
use super::scope::{Scope, time_text};

/// What one evaluation may cost. One unit is one node visited or element made, or [`BYTES_PER_UNIT`] bytes: it
/// allows a filter over some hundred thousand elements, and ends after some tens of milliseconds.
const BUDGET: usize = 2_000_000;
const BYTES_PER_UNIT: usize = 64;

/// The longest text that a function may make, in bytes; no longer one could be rendered.
const MAX_TEXT_BYTES: usize = super::template::MAX_OUTPUT_BYTES;

/// Why an evaluation failed.
#[derive(Debug)]
pub(super) struct Failure {
    /// The byte of the (rewritten) expression.
    pub(super) offset: usize,
    pub(super) message: String,
}

type Evaluated = Result<Rcvar, Failure>;

/// The value of `ast` with the scope as root.
pub(super) fn evaluate(ast: &Ast, scope: &Scope) -> Evaluated {
    Evaluation { scope, left: BUDGET }.visit(scope.root(), ast)
}

struct Evaluation<'a> {
    scope: &'a Scope,
    left: usize,
}

impl Evaluation<'_> {
    fn visit(&mut self, data: &Rcvar, ast: &Ast) -> Evaluated {
        self.pay(1, offset_of(ast))?;
        match ast {
            Ast::Field { name, .. } => Ok(data.get_field(name)),
            Ast::Index { idx, .. } => Ok(match usize::try_from(*idx) {
                Ok(index) => data.get_index(index),
                Err(_) => data.get_negative_index(idx.unsigned_abs() as usize),
            }),
            Ast::Identity { .. } => Ok(data.clone()),
            Ast::Literal { value, .. } => Ok(value.clone()),
            Ast::Subexpr { lhs, rhs, .. } => {
                let left = self.visit(data, lhs)?;
                self.visit(&left, rhs)
            }
            Ast::Or { lhs, rhs, .. } => {
                let left = self.visit(data, lhs)?;
                if left.is_truthy() {
                    Ok(left)
                } else {
                    self.visit(data, rhs)
                }
            }
            Ast::And { lhs, rhs, .. } => {
                let left = self.visit(data, lhs)?;
                if left.is_truthy() {
                    self.visit(data, rhs)
                } else {
                    Ok(left)
                }
            }
            Ast::Not { node, .. } => Ok(truth(!self.visit(data, node)?.is_truthy())),
            Ast::Condition { predicate, then, .. } => {
                if self.visit(data, predicate)?.is_truthy() {
                    self.visit(data, then)
                } else {
                    Ok(null())
                }
            }
            Ast::Comparison {
                comparator,
                lhs,
                rhs,
                offset,
            } => {
                let left = self.visit(data, lhs)?;
                let right = self.visit(data, rhs)?;
                self.compare(comparator, &left, &right, *offset)
            }
            Ast::Projection { lhs, rhs, .. } => self.project(data, lhs, rhs),
            Ast::ObjectValues { node, offset } => match self.visit(data, node)?.as_object() {
                Some(fields) => {
                    self.pay(fields.len(), *offset)?;
                    Ok(list(fields.values().cloned().collect()))
                }
                None => Ok(null()),
            },
            Ast::Flatten { node, offset } => {
                let value = self.visit(data, node)?;
                self.flatten(&value, *offset)
            }
            Ast::Slice {
                start,
                stop,
                step,
                offset,
            } => {
                self.pay(data.as_array().map_or(0, Vec::len), *offset)?;
                // The compiler has refused steps that are zero or that the library's index could not bear.
                Ok(data.slice(*start, *stop, *step).map_or_else(null, list))
            }
            Ast::MultiList { elements, .. } => {
                if data.is_null() {
                    return Ok(null());
                }
                elements
                    .iter()
                    .map(|element| self.visit(data, element))
                    .collect::<Result<_, _>>()
                    .map(list)
            }
            Ast::MultiHash { elements, .. } => {
                if data.is_null() {
                    return Ok(null());
                }
                let mut fields = BTreeMap::new();
                for pair in elements {
                    fields.insert(pair.key.clone(), self.visit(data, &pair.value)?);
                }
                Ok(Rcvar::new(Variable::Object(fields)))
            }
            Ast::Expref { offset, .. } => {
                let message =
                    "`&…` is only an argument of `map`, `sort_by`, `min_by` and `max_by`, not a value".to_owned();
                Err(Failure {
                    offset: *offset,
                    message,
                })
            }
            Ast::Function { name, args, offset } => self.call(data, name, args, offset.saturating_sub(name.len())),
        }
    }

    fn project(&mut self, data: &Rcvar, lhs: &Ast, rhs: &Ast) -> Evaluated {
        let source = self.visit(data, lhs)?;
        let Some(elements) = source.as_array() else {
            return Ok(null());
        };
        let mut collected = Vec::new();
        for element in elements {
            let value = self.visit(element, rhs)?;
            if !value.is_null() {
                collected.push(value);
            }
        }
        Ok(list(collected))
    }

    fn flatten(&mut self, value: &Variable, offset: usize) -> Evaluated {
        let Some(elements) = value.as_array() else {
            return Ok(null());
        };
        let mut collected = Vec::new();
        for element in elements {
            if let Some(inner) = element.as_array() {
                self.pay(inner.len(), offset)?;
                collected.extend(inner.iter().cloned());
            } else {
                self.pay(1, offset)?;
                collected.push(element.clone());
            }
        }
        Ok(list(collected))
    }

    fn compare(&mut self, comparator: &Comparator, left: &Variable, right: &Variable, offset: usize) -> Evaluated {
        self.pay_to_compare(left, right, offset)?;
        Ok(left.compare(comparator, right).map_or_else(null, truth))
    }

    /// Comparing visits what both have in common; unequal kinds and lengths are told apart at once.
    fn pay_to_compare(&mut self, left: &Variable, right: &Variable, offset: usize) -> Result<(), Failure> {
        match (left, right) {
            (Variable::Array(a), Variable::Array(b)) if a.len() != b.len() => Ok(()),
            (Variable::Object(a), Variable::Object(b)) if a.len() != b.len() => Ok(()),
            (Variable::Array(_), Variable::Array(_)) | (Variable::Object(_), Variable::Object(_)) => {
                self.pay_for_tree(left, usize::MAX, offset).map(drop)
            }
            (Variable::String(a), Variable::String(b)) => self.pay(a.len().min(b.len()) / BYTES_PER_UNIT, offset),
            _ => Ok(()),
        }
    }

    fn call(&mut self, data: &Rcvar, name: &str, args: &[Ast], offset: usize) -> Evaluated {
        match (name, args) {
            ("now", _) => return Ok(Rcvar::new(Variable::String(time_text(self.scope.now())))),
            ("map", [by, list]) => return self.map(data, by, list, offset),
            ("sort_by", [list, by]) => return self.sort_by(data, list, by, offset),
            ("max_by" | "min_by", [list, by]) => return self.extreme_by(data, list, by, name, offset),
            _ => {}
        }
        let mut values = Vec::with_capacity(args.len());
        for arg in args {
            values.push(self.visit(data, arg)?);
        }
        self.pay_to_call(name, &values, offset)?;
        functions::call(name, &values).map_err(|message| Failure { offset, message })
    }

    fn pay_to_call(&mut self, name: &str, values: &[Rcvar], offset: usize) -> Result<(), Failure> {
        match (name, values) {
            ("to_string", [value]) if !value.is_string() => {
                self.pay_for_tree(value, MAX_TEXT_BYTES, offset)?;
            }
            ("contains", [haystack, needle]) => {
                if let Some(elements) = haystack.as_array() {
                    for element in elements {
                        self.pay(1, offset)?;
                        self.pay_to_compare(element, needle, offset)?;
                    }
                }
            }
            ("join", [glue, list]) => {
                let glue = glue.as_string().map_or(0, String::len);
                let parts = list.as_array().map_or(&[][..], Vec::as_slice);
                let bytes = parts.iter().fold(0usize, |sum, part| {
                    sum.saturating_add(glue)
                        .saturating_add(part.as_string().map_or(0, String::len))
                });
                if bytes > MAX_TEXT_BYTES {
                    return Err(too_long(offset));
                }
                self.pay(parts.len() + bytes / BYTES_PER_UNIT, offset)?;
            }
            _ => {}
        }
        for value in values {
            let size = match value.as_ref() {
                Variable::Array(items) => items.len(),
                Variable::Object(fields) => fields.len(),
                Variable::String(text) => text.len() / BYTES_PER_UNIT,
                _ => 0,
            };
            self.pay(size, offset)?;
        }
        Ok(())
    }

    fn map(&mut self, data: &Rcvar, by: &Ast, elements: &Ast, offset: usize) -> Evaluated {
        let by = expression_of(by, "map", 1, offset)?;
        let elements = self.visit(data, elements)?;
        let elements = array_of(&elements, "map", 2, offset)?;
        elements
            .iter()
            .map(|element| self.visit(element, by))
            .collect::<Result<_, _>>()
            .map(list)
    }

    fn sort_by(&mut self, data: &Rcvar, elements: &Ast, by: &Ast, offset: usize) -> Evaluated {
        let mut keyed = self.keyed(data, elements, by, "sort_by", offset)?;
        keyed.sort_by(|a, b| a.0.cmp(&b.0));
        Ok(list(keyed.into_iter().map(|(_, element)| element).collect()))
    }

    fn extreme_by(&mut self, data: &Rcvar, elements: &Ast, by: &Ast, name: &str, offset: usize) -> Evaluated {
        let keyed = self.keyed(data, elements, by, name, offset)?;
        let better = |a: &Rcvar, b: &Rcvar| if name == "max_by" { a > b } else { a < b };
        let best = keyed
            .into_iter()
            .reduce(|best, next| if better(&next.0, &best.0) { next } else { best });
        Ok(best.map_or_else(null, |(_, element)| element))
    }

    /// Each element with its key. All keys must be numbers, or all texts.
    fn keyed(
        &mut self,
        data: &Rcvar,
        elements: &Ast,
        by: &Ast,
        name: &str,
        offset: usize,
    ) -> Result<Vec<(Rcvar, Rcvar)>, Failure> {
        let elements = self.visit(data, elements)?;
        let (elements, by) = (
            array_of(&elements, name, 1, offset)?,
            expression_of(by, name, 2, offset)?,
        );
        let mut keyed: Vec<(Rcvar, Rcvar)> = Vec::with_capacity(elements.len());
        for element in elements {
            let key = self.visit(element, by)?;
            let fits = match keyed.first() {
                Some((first, _)) => first.get_type() == key.get_type(),
                None => key.is_number() || key.is_string(),
            };
            if !fits {
                let kind = key.get_type();
                let message = format!("`{name}`: the keys must be all numbers or all strings, but one is {kind}");
                return Err(Failure { offset, message });
            }
            keyed.push((key, element.clone()));
        }
        Ok(keyed)
    }

    fn pay(&mut self, units: usize, offset: usize) -> Result<(), Failure> {
        self.left = self.left.checked_sub(units).ok_or_else(|| Failure {
            offset,
            message: "the expression needs too much work; select less data, or compute it in a tool".to_owned(),
        })?;
        Ok(())
    }

    /// Pays for everything in a value, as often as it occurs; answers about how many bytes of JSON it is.
    fn pay_for_tree(&mut self, value: &Variable, most: usize, offset: usize) -> Result<usize, Failure> {
        self.pay(1, offset)?;
        let mut bytes = 2usize;
        match value {
            Variable::String(text) => {
                self.pay(text.len() / BYTES_PER_UNIT, offset)?;
                bytes += text.len();
            }
            Variable::Array(items) => {
                for item in items {
                    bytes += 1 + self.pay_for_tree(item, most, offset)?;
                    if bytes > most {
                        return Err(too_long(offset));
                    }
                }
            }
            Variable::Object(fields) => {
                for (key, field) in fields {
                    bytes += key.len() + 4 + self.pay_for_tree(field, most, offset)?;
                    if bytes > most {
                        return Err(too_long(offset));
                    }
                }
            }
            _ => bytes += 3,
        }
        Ok(bytes)
    }
}

fn too_long(offset: usize) -> Failure {
    Failure {
        offset,
        message: format!("the text would be longer than {} KiB", MAX_TEXT_BYTES / 1024),
    }
}

fn array_of<'v>(value: &'v Variable, name: &str, number: usize, offset: usize) -> Result<&'v [Rcvar], Failure> {
    value.as_array().map(Vec::as_slice).ok_or_else(|| Failure {
        offset,
        message: format!("`{name}`: argument {number} must be a list, not {}", value.get_type()),
    })
}

fn expression_of<'a>(ast: &'a Ast, name: &str, number: usize, offset: usize) -> Result<&'a Ast, Failure> {
    match ast {
        Ast::Expref { ast, .. } => Ok(ast),
        _ => Err(Failure {
            offset,
            message: format!("`{name}`: argument {number} must be an expression such as &name"),
        }),
    }
}

fn offset_of(ast: &Ast) -> usize {
    match ast {
        Ast::Comparison { offset, .. }
        | Ast::Condition { offset, .. }
        | Ast::Identity { offset }
        | Ast::Expref { offset, .. }
        | Ast::Flatten { offset, .. }
        | Ast::Function { offset, .. }
        | Ast::Field { offset, .. }
        | Ast::Index { offset, .. }
        | Ast::Literal { offset, .. }
        | Ast::MultiList { offset, .. }
        | Ast::MultiHash { offset, .. }
        | Ast::Not { offset, .. }
        | Ast::Projection { offset, .. }
        | Ast::ObjectValues { offset, .. }
        | Ast::And { offset, .. }
        | Ast::Or { offset, .. }
        | Ast::Slice { offset, .. }
        | Ast::Subexpr { offset, .. } => *offset,
    }
}

fn null() -> Rcvar {
    Rcvar::new(Variable::Null)
}

fn truth(flag: bool) -> Rcvar {
    Rcvar::new(Variable::Bool(flag))
}

fn list(items: Vec<Rcvar>) -> Rcvar {
    Rcvar::new(Variable::Array(items))
}

#[cfg(test)]
mod tests {
    use jmespath::Context;
    use proptest::prelude::*;
    use serde_json::json;

    use super::super::scope::ScopeInput;
    use super::*;

    fn data() -> serde_json::Value {
        json!({
            "n": 5, "s": "text", "l": [3, 1, 2], "e": [], "z": null, "t": true,
            "o": {"a": {"b": [1, [2, [3]]]}, "c": "x"},
            "items": [{"k": "a", "v": 1, "d": [1]}, {"k": "b", "v": 3}, {"k": "c", "v": 2, "d": [2, 3]}, 7],
        })
    }

    /// Well-formed expressions over `data`, of a few levels.
    fn expression() -> impl Strategy<Value = String> {
        let leaf = prop::sample::select(vec![
            "params.n",
            "params.s",
            "params.l",
            "params.e",
            "params.z",
            "params.t",
            "params.o",
            "params.o.a.b",
            "params.items",
            "k",
            "v",
            "d",
            "@",
            "`1`",
            "`[1, [2]]`",
            "'text'",
            "`null`",
            "missing",
        ])
        .prop_map(str::to_owned);
        leaf.prop_recursive(4, 40, 3, |inner| {
            let two = (inner.clone(), inner.clone());
            prop_oneof![
                two.clone().prop_map(|(a, b)| format!("({a}) || ({b})")),
                two.clone().prop_map(|(a, b)| format!("({a}) && ({b})")),
                two.clone().prop_map(|(a, b)| format!("({a}) | ({b})")),
                two.clone().prop_map(|(a, b)| format!("({a}) == ({b})")),
                two.clone().prop_map(|(a, b)| format!("({a}) < ({b})")),
                two.clone().prop_map(|(a, b)| format!("[{a}, {b}]")),
                two.clone().prop_map(|(a, b)| format!("{{x: {a}, y: {b}}}")),
                two.clone().prop_map(|(a, b)| format!("({a})[?{b}]")),
                two.clone().prop_map(|(a, b)| format!("({a})[*].[{b}]")),
                two.clone().prop_map(|(a, b)| format!("map(&({b}), {a})")),
                two.clone().prop_map(|(a, b)| format!("sort_by({a}, &({b}))")),
                two.clone().prop_map(|(a, b)| format!("max_by({a}, &({b}))")),
                two.clone().prop_map(|(a, b)| format!("min_by({a}, &({b}))")),
                two.clone().prop_map(|(a, b)| format!("contains({a}, {b})")),
                two.prop_map(|(a, b)| format!("not_null({a}, {b})")),
                inner.clone().prop_map(|a| format!("!({a})")),
                inner.clone().prop_map(|a| format!("({a})[]")),
                inner.clone().prop_map(|a| format!("({a}).*")),
                inner.clone().prop_map(|a| format!("({a})[0]")),
                inner.clone().prop_map(|a| format!("({a})[-2]")),
                inner.clone().prop_map(|a| format!("({a})[1:]")),
                inner.clone().prop_map(|a| format!("({a})[::-1]")),
                inner.clone().prop_map(|a| format!("length({a})")),
                inner.clone().prop_map(|a| format!("to_string({a})")),
                inner.prop_map(|a| format!("keys({a})")),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn within_the_budget_the_result_is_that_of_the_jmespath_library(source in expression()) {
            let nothing = serde_json::Value::Null;
            let input = ScopeInput {
                params: &data(), event: &nothing, task: &nothing, run: &nothing, now: chrono::DateTime::UNIX_EPOCH,
            };
            let scope = Scope::new(&input);
            let mut runtime = jmespath::Runtime::new();
            runtime.register_builtin_functions();
            let ast = jmespath::parse(&source).unwrap();
            let theirs = jmespath::interpret(scope.root(), &ast, &mut Context::new(&source, &runtime));
            match (evaluate(&ast, &scope), theirs) {
                (Ok(ours), Ok(theirs)) => prop_assert_eq!(&*ours, &*theirs, "{}", source),
                (Err(_), Err(_)) => {}
                (ours, theirs) => prop_assert!(false, "{source}: {ours:?} and {theirs:?}"),
            }
        }
    }

    #[test]
    fn the_budget_is_spent_by_what_is_made_and_not_by_what_is_passed_on() {
        let text = "x".repeat(10_000_000);
        let large = json!({"text": text, "list": vec![1; 100_000]});
        let nothing = serde_json::Value::Null;
        let scope = Scope::new(&ScopeInput {
            params: &large,
            event: &nothing,
            task: &nothing,
            run: &nothing,
            now: chrono::DateTime::UNIX_EPOCH,
        });
        let run = |source: &str| evaluate(&jmespath::parse(source).unwrap(), &scope);
        assert!(run("params.text").is_ok());
        assert!(run("length(params.text)").is_ok());
        assert!(run("params.list[?@ == `1`] | length(@)").is_ok());
        assert!(run("params == `null`").is_ok());
        assert!(run("join('', [params.text, params.text])").is_err());
    }
}
