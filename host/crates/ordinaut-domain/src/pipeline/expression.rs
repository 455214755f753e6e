//! One JMESPath expression: read, checked for what can be known beforehand, and evaluated within bounds.

use jmespath::ast::{Ast, Comparator};
use jmespath::{ErrorReason, Rcvar, Variable};

use super::functions;
use super::scan::quoted_end;
use super::scope::Scope;
use super::template::{TemplateError, characters_before};
use super::{evaluate, negation, time};
use crate::document::{clip, nearest};

/// The longest expression, in bytes.
pub const MAX_EXPRESSION_BYTES: usize = 4 * 1024;

/// How deep an expression may nest, counting operators in a row as well as brackets: parser, evaluator and the
/// freeing of the tree all descend that far.
const MAX_NESTING: usize = 100;

/// A slice's step beyond this selects one element at most, and overflows the JMESPath library's index.
const MAX_SLICE_STEP: i32 = 1_000_000;

/// A compiled expression.
#[derive(Debug)]
pub(super) struct Expression {
    source: String,
    /// `source` with time arithmetic rewritten; offsets in the tree refer to it.
    rewritten: time::Rewritten,
    ast: Ast,
}

impl Expression {
    /// Reads an expression. Positions in errors are characters of `source`.
    pub(super) fn compile(source: &str) -> Result<Self, TemplateError> {
        if source.len() > MAX_EXPRESSION_BYTES {
            let message = format!(
                "the expression has {} bytes; at most {MAX_EXPRESSION_BYTES} are read",
                source.len()
            );
            return Err(TemplateError::new(0, message));
        }
        if source.trim().is_empty() {
            return Err(TemplateError::new(
                0,
                "there is no expression here; write one, for instance `params.name`",
            ));
        }
        let rewritten = time::rewrite(source)?;
        check_nesting(source)?;
        let ast = jmespath::parse(&rewritten.text).map_err(|error| {
            let byte = rewritten.original(error.offset);
            let reason = match &error.reason {
                ErrorReason::Parse(reason) => reason.as_str(),
                ErrorReason::Runtime(_) => "",
            };
            TemplateError::at_byte(source, byte, explain(reason, source, byte))
        })?;
        let expression = Self {
            source: source.to_owned(),
            ast: negation::lift(ast, &rewritten.text),
            rewritten,
        };
        expression.check(&expression.ast)?;
        Ok(expression)
    }

    /// The value of the expression in `scope`.
    pub(super) fn evaluate(&self, scope: &Scope) -> Result<Rcvar, TemplateError> {
        evaluate::evaluate(&self.ast, scope)
            .map_err(|error| TemplateError::new(self.position(error.offset), error.message))
    }

    /// The syntax tree.
    pub(super) fn ast(&self) -> &Ast {
        &self.ast
    }

    /// The character of the source that an offset of the tree refers to.
    pub(super) fn position(&self, offset: usize) -> usize {
        characters_before(&self.source, self.rewritten.original(offset))
    }

    fn error(&self, offset: usize, message: impl Into<String>) -> TemplateError {
        TemplateError::new(self.position(offset), message)
    }

    /// What makes an expression wrong whatever the data: unknown functions, numbers of arguments, slices.
    fn check(&self, ast: &Ast) -> Result<(), TemplateError> {
        match ast {
            Ast::Function { name, args, offset } => {
                // The library notes the place of the parenthesis.
                let offset = offset.saturating_sub(name.len());
                self.check_function(name, args, offset)?;
            }
            Ast::Slice { step, offset, .. } if *step == 0 || step.abs() > MAX_SLICE_STEP => {
                let message =
                    format!("a slice's step must be from 1 to {MAX_SLICE_STEP}, or negative down to -{MAX_SLICE_STEP}");
                return Err(self.error(*offset, message));
            }
            Ast::Comparison {
                comparator, lhs, rhs, ..
            } if !matches!(comparator, Comparator::Equal | Comparator::NotEqual) => {
                for side in [lhs, rhs] {
                    if let Ast::Literal { value, offset } = side.as_ref()
                        && !value.is_number()
                    {
                        let message = "`<`, `<=`, `>` and `>=` compare numbers only and this is none; numbers are \
                                       written in backticks, as in params.n > `25`";
                        return Err(self.error(*offset, message));
                    }
                }
            }
            _ => {}
        }
        for_each_child(ast, &mut |child| self.check(child))
    }

    fn check_function(&self, name: &str, args: &[Ast], offset: usize) -> Result<(), TemplateError> {
        let Some(known) = functions::find(name) else {
            let shown = clip(name, 60);
            let message = match nearest(name, functions::names()) {
                Some(meant) => format!("there is no function `{shown}`; did you mean `{meant}`?"),
                None => format!("there is no function `{shown}`"),
            };
            return Err(self.error(offset, message));
        };
        let (least, most) = known.arguments;
        if args.len() < least || most.is_some_and(|most| args.len() > most) {
            let expected = match most {
                Some(most) if most == least => format!("{least}"),
                Some(most) => format!("{least} to {most}"),
                None => format!("at least {least}"),
            };
            let message = format!("`{name}` takes {expected} arguments, not {}", args.len());
            return Err(self.error(offset, message));
        }
        let literal = |index: usize| match args.get(index) {
            Some(Ast::Literal { value, .. }) => match value.as_ref() {
                Variable::String(text) => Some(text.as_str()),
                _ => None,
            },
            _ => None,
        };
        let checked = match name {
            "time_add" => literal(1).map_or(Ok(()), |text| time::parse_duration(text).map(drop)),
            "format_time" => literal(1)
                .map_or(Ok(()), time::check_format)
                .and_then(|()| literal(2).map_or(Ok(()), |zone| time::parse_zone(zone).map(drop))),
            _ => Ok(()),
        };
        checked.map_err(|message| self.error(offset, message))
    }
}

/// Calls `visit` for each direct part of a node.
pub(super) fn for_each_child<E>(ast: &Ast, visit: &mut dyn FnMut(&Ast) -> Result<(), E>) -> Result<(), E> {
    match ast {
        Ast::Comparison { lhs, rhs, .. }
        | Ast::Projection { lhs, rhs, .. }
        | Ast::And { lhs, rhs, .. }
        | Ast::Or { lhs, rhs, .. }
        | Ast::Subexpr { lhs, rhs, .. } => {
            visit(lhs)?;
            visit(rhs)
        }
        Ast::Condition { predicate, then, .. } => {
            visit(predicate)?;
            visit(then)
        }
        Ast::Expref { ast, .. } => visit(ast),
        Ast::Flatten { node, .. } | Ast::Not { node, .. } | Ast::ObjectValues { node, .. } => visit(node),
        Ast::Function { args, .. } => args.iter().try_for_each(visit),
        Ast::MultiList { elements, .. } => elements.iter().try_for_each(visit),
        Ast::MultiHash { elements, .. } => elements.iter().try_for_each(|pair| visit(&pair.value)),
        Ast::Identity { .. } | Ast::Field { .. } | Ast::Index { .. } | Ast::Literal { .. } | Ast::Slice { .. } => {
            Ok(())
        }
    }
}

/// Refuses what would make the tree too deep. Per open bracket the operators since the last comma are counted,
/// because a row of operators nests as brackets do.
fn check_nesting(source: &str) -> Result<(), TemplateError> {
    let bytes = source.as_bytes();
    let mut levels: Vec<usize> = vec![0];
    let mut depth = 0usize;
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let level = levels.len() - 1;
        match byte {
            b'\'' | b'"' | b'`' => at = quoted_end(bytes, at).unwrap_or(bytes.len()),
            b'(' | b'[' | b'{' => {
                levels[level] += 1;
                depth += 1;
                levels.push(0);
            }
            b')' | b']' | b'}' if level > 0 => depth -= levels.pop().unwrap_or(0),
            b',' => depth -= std::mem::take(&mut levels[level]),
            b'.' | b'|' | b'&' | b'!' | b'=' | b'<' | b'>' | b'*' => {
                levels[level] += 1;
                depth += 1;
            }
            _ => {}
        }
        if depth > MAX_NESTING {
            let message = format!(
                "the expression nests too deeply: at most {MAX_NESTING} operators and brackets may be within one \
                 another; compute a part of it in a step of its own"
            );
            return Err(TemplateError::at_byte(source, at, message));
        }
        at += 1;
    }
    Ok(())
}

/// The library's reason for refusing an expression, for people who do not know its tokens.
fn explain(reason: &str, source: &str, byte: usize) -> String {
    let rest = source.get(byte..).unwrap_or_default();
    let here = clip(rest, 20);
    if reason.contains("found Number(") {
        return format!("unexpected `{here}`: a number is written in backticks, as in params.n > `25`");
    }
    if rest.is_empty() || reason.contains("found Eof") {
        return "the expression ends too early".to_owned();
    }
    if reason.contains("Did you mean '=='") {
        return "a single `=` means nothing; write `==` to compare".to_owned();
    }
    if let Some(character) = rest.chars().next().filter(|c| matches!(c, '+' | '-' | '/' | '%')) {
        return format!(
            "`{character}` is not an operator: there is no arithmetic, except on `now` (now+24h, now - 7d) and by \
             `time_add(time, '24h')`; a name with `-` in it is written in double quotes"
        );
    }
    if rest.starts_with('$') {
        return "`$` has no meaning here; expressions do not nest, write the inner one without `${` and `}`".to_owned();
    }
    if let Some(json) = reason.strip_prefix("Unable to parse literal JSON ") {
        return format!(
            "between backticks there must be JSON: {}; a plain text is written in single quotes",
            clip(json, 120)
        );
    }
    if reason.starts_with("Did not parse the complete expression") {
        return format!("unexpected `{here}` after the end of the expression");
    }
    if reason.starts_with("Unable to parse quoted identifier") {
        return "a name in double quotes must be a JSON string".to_owned();
    }
    format!("unexpected `{here}`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_explained_at_their_place() {
        for (source, position, part) in [
            ("", 0, "no expression"),
            ("params.temp > 25", 14, "backticks"),
            ("params.a = `1`", 9, "=="),
            ("params.a + `1`", 9, "no arithmetic"),
            ("params.my-key", 9, "no arithmetic"),
            ("params.", 7, "ends too early"),
            ("params.a)", 8, "after the end"),
            ("params.é", 7, "unexpected `é`"),
            ("'é' && params.é", 14, "unexpected `é`"),
            ("`{a}`", 0, "must be JSON"),
            ("${params.a}", 0, "do not nest"),
            ("lenght(params.l)", 0, "did you mean `length`"),
            ("params.a || zzzzzz(params.l)", 12, "no function `zzzzzz`"),
            ("length()", 0, "takes 1 arguments, not 0"),
            ("merge()", 0, "at least 1"),
            ("format_time(now)", 0, "2 to 3"),
            ("format_time(now, '%Q')", 0, "%Q"),
            ("format_time(now, '%Y', 'Europe/Kishinev_')", 0, "time zone"),
            ("time_add(params.t, '3 weeks')", 0, "duration"),
            ("params.n > '25'", 11, "numbers only"),
            ("params.l[::0]", 12, "step"),
            ("params.l[1::2147483647]", 22, "step"),
            ("now + tomorrow", 6, "duration"),
            ("now+", 4, "duration"),
        ] {
            let error = Expression::compile(source).unwrap_err();
            assert_eq!(
                (error.position, error.message.contains(part)),
                (position, true),
                "{source}: {error}"
            );
        }
    }

    #[test]
    fn no_form_of_nesting_is_too_deep_for_the_stack() {
        let rows: [(&str, &str, &str); 12] = [
            ("(", "a", ")"),
            ("[", "a", "]"),
            ("{a: ", "a", "}"),
            ("!", "a", ""),
            ("& ", "a", ""),
            ("a.", "a", ""),
            ("a || ", "a", ""),
            ("*.", "a", ""),
            ("a[?", "a", "]"),
            ("length(", "a", ")"),
            ("a==", "a", ""),
            ("a[*]", "", ""),
        ];
        let scope = Scope::new(&super::super::scope::ScopeInput {
            params: &serde_json::Value::Null,
            event: &serde_json::Value::Null,
            task: &serde_json::Value::Null,
            run: &serde_json::Value::Null,
            now: chrono::DateTime::UNIX_EPOCH,
        });
        for (open, middle, close) in rows {
            for count in 1..400 {
                let source = format!("{}{middle}{}", open.repeat(count), close.repeat(count));
                if let Ok(expression) = Expression::compile(&source) {
                    let _ = expression.evaluate(&scope);
                }
            }
            assert!(Expression::compile(&format!("{}{middle}{}", open.repeat(400), close.repeat(400))).is_err());
        }
    }
}
