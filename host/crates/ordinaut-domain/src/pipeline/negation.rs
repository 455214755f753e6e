//! `!params.a.b` means "not `params.a.b`".
//!
//! JMESPath's grammar does not say how `!` and `.` bind, and its implementations let `!` bind tighter: they read
//! `(!params).a.b`, a field of a boolean, which is always null. Nobody means that, and as a condition it is silently
//! false. So the tree is turned around here: what is selected from a negation is what is negated.

use jmespath::ast::{Ast, KeyValuePair};

/// Moves every negation out of the selection that its author wrote behind it. `text` is what was parsed.
pub(super) fn lift(ast: Ast, text: &str) -> Ast {
    let part = |inner: Box<Ast>| Box::new(lift(*inner, text));
    let all = |items: Vec<Ast>| items.into_iter().map(|item| lift(item, text)).collect();
    match ast {
        // `|` makes the same node as `.`, and keeps its operand's negation.
        Ast::Subexpr { offset, lhs, rhs } if text.as_bytes().get(offset) == Some(&b'|') => Ast::Subexpr {
            offset,
            lhs: part(lhs),
            rhs: part(rhs),
        },
        Ast::Subexpr { offset, lhs, rhs } => {
            let rhs = part(rhs);
            outside(lift(*lhs, text), |lhs| Ast::Subexpr { offset, lhs, rhs })
        }
        Ast::Projection { offset, lhs, rhs } => {
            let rhs = part(rhs);
            outside(lift(*lhs, text), |lhs| Ast::Projection { offset, lhs, rhs })
        }
        Ast::ObjectValues { offset, node } => outside(lift(*node, text), |node| Ast::ObjectValues { offset, node }),
        Ast::Flatten { offset, node } => outside(lift(*node, text), |node| Ast::Flatten { offset, node }),
        Ast::Comparison {
            offset,
            comparator,
            lhs,
            rhs,
        } => Ast::Comparison {
            offset,
            comparator,
            lhs: part(lhs),
            rhs: part(rhs),
        },
        Ast::And { offset, lhs, rhs } => Ast::And {
            offset,
            lhs: part(lhs),
            rhs: part(rhs),
        },
        Ast::Or { offset, lhs, rhs } => Ast::Or {
            offset,
            lhs: part(lhs),
            rhs: part(rhs),
        },
        Ast::Condition {
            offset,
            predicate,
            then,
        } => Ast::Condition {
            offset,
            predicate: part(predicate),
            then: part(then),
        },
        Ast::Not { offset, node } => Ast::Not {
            offset,
            node: part(node),
        },
        Ast::Expref { offset, ast } => Ast::Expref { offset, ast: part(ast) },
        Ast::Function { offset, name, args } => Ast::Function {
            offset,
            name,
            args: all(args),
        },
        Ast::MultiList { offset, elements } => Ast::MultiList {
            offset,
            elements: all(elements),
        },
        Ast::MultiHash { offset, elements } => {
            let lifted = |pair: KeyValuePair| KeyValuePair {
                key: pair.key,
                value: lift(pair.value, text),
            };
            Ast::MultiHash {
                offset,
                elements: elements.into_iter().map(lifted).collect(),
            }
        }
        leaf @ (Ast::Identity { .. }
        | Ast::Field { .. }
        | Ast::Index { .. }
        | Ast::Literal { .. }
        | Ast::Slice { .. }) => leaf,
    }
}

/// Selects from `from`, below its negations if it has any.
fn outside(from: Ast, select: impl FnOnce(Box<Ast>) -> Ast) -> Ast {
    match from {
        Ast::Not { offset, node } => Ast::Not {
            offset,
            node: Box::new(outside(*node, select)),
        },
        other => select(Box::new(other)),
    }
}
