//! The functions that expressions can call: those of JMESPath, and ours for times.

use std::sync::LazyLock;

use jmespath::{Context, Runtime, Variable};
use serde_json::Number;

use super::time;

/// A function's name and how many arguments it takes, at least and (unless open) at most.
pub(super) struct Known {
    pub(super) name: &'static str,
    pub(super) arguments: (usize, Option<usize>),
}

/// In alphabetical order.
const KNOWN: [Known; 30] = [
    known("abs", 1),
    known("avg", 1),
    known("ceil", 1),
    known("contains", 2),
    known("ends_with", 2),
    known("floor", 1),
    Known {
        name: "format_time",
        arguments: (2, Some(3)),
    },
    known("join", 2),
    known("keys", 1),
    known("length", 1),
    known("map", 2),
    known("max", 1),
    known("max_by", 2),
    Known {
        name: "merge",
        arguments: (1, None),
    },
    known("min", 1),
    known("min_by", 2),
    Known {
        name: "not_null",
        arguments: (1, None),
    },
    known("now", 0),
    known("reverse", 1),
    known("sort", 1),
    known("sort_by", 2),
    known("starts_with", 2),
    known("sum", 1),
    known("time_add", 2),
    known("to_array", 1),
    known("to_number", 1),
    known("to_string", 1),
    known("type", 1),
    known("unix_time", 1),
    known("values", 1),
];

const fn known(name: &'static str, arguments: usize) -> Known {
    Known {
        name,
        arguments: (arguments, Some(arguments)),
    }
}

/// The function of that name.
pub(super) fn find(name: &str) -> Option<&'static Known> {
    KNOWN.iter().find(|known| known.name == name)
}

/// All names.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    KNOWN.iter().map(|known| known.name)
}

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    let mut runtime = Runtime::new();
    runtime.register_builtin_functions();
    runtime
});

/// Calls a function that needs neither the scope nor an expression as argument.
pub(super) fn call(name: &str, args: &[jmespath::Rcvar]) -> Result<jmespath::Rcvar, String> {
    if let Some(result) = time_function(name, args) {
        return result.map(jmespath::Rcvar::new);
    }
    // The specification says null; the library divides by zero.
    if name == "avg" && args.first().and_then(|list| list.as_array()).is_some_and(Vec::is_empty) {
        return Ok(jmespath::Rcvar::new(Variable::Null));
    }
    let function = RUNTIME
        .get_function(name)
        .ok_or_else(|| format!("there is no function `{name}`"))?;
    let result = function
        .evaluate(args, &mut Context::new("", &RUNTIME))
        .map_err(|error| {
            let reason = error.reason.to_string();
            let reason = reason
                .strip_prefix("Runtime error: ")
                .or_else(|| reason.strip_prefix("Parse error: "))
                .unwrap_or(&reason)
                .to_owned();
            format!("`{name}`: {}", count_from_one(&reason))
        })?;
    Ok(if matches!(name, "abs" | "ceil" | "floor" | "sum") {
        whole(result)
    } else {
        result
    })
}

/// The library counts arguments from 0.
fn count_from_one(reason: &str) -> String {
    let Some(rest) = reason.strip_prefix("Argument ") else {
        return reason.to_owned();
    };
    let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    match rest[..digits].parse::<usize>() {
        Ok(number) => format!("argument {}{}", number + 1, &rest[digits..]),
        Err(_) => reason.to_owned(),
    }
}

/// The library computes in floating point; a sum of whole numbers should look like one.
fn whole(result: jmespath::Rcvar) -> jmespath::Rcvar {
    /// Whole numbers up to here are exact in floating point.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    match result.as_number() {
        Some(number) if number.fract() == 0.0 && number.abs() < EXACT => {
            jmespath::Rcvar::new(Variable::Number(Number::from(number as i64)))
        }
        _ => result,
    }
}

fn time_function(name: &str, args: &[jmespath::Rcvar]) -> Option<Result<Variable, String>> {
    let text = |index: usize, what: &str| {
        args.get(index)
            .and_then(|value| value.as_string())
            .map(String::as_str)
            .ok_or_else(|| format!("`{name}`: argument {} must be {what}", index + 1))
    };
    let instant = || {
        args.first()
            .ok_or_else(String::new)
            .and_then(|value| time::instant_of(value))
    };
    let result = match name {
        "time_add" => instant().and_then(|at| {
            let duration = time::parse_duration(text(1, "a duration such as '24h'")?)?;
            let moved = at.checked_add_signed(duration).ok_or("the time lies too far away")?;
            Ok(Variable::String(super::scope::time_text(moved)))
        }),
        "format_time" => instant().and_then(|at| {
            let zone = if args.len() > 2 {
                Some(time::parse_zone(text(2, "the name of a time zone")?)?)
            } else {
                None
            };
            time::format(at, text(1, "a format such as '%Y-%m-%d'")?, zone).map(Variable::String)
        }),
        "unix_time" => instant().map(|at| {
            let millis = at.timestamp_millis();
            let number = if millis % 1000 == 0 {
                Some(Number::from(millis / 1000))
            } else {
                Number::from_f64(millis as f64 / 1000.0)
            };
            number.map_or(Variable::Null, Variable::Number)
        }),
        _ => return None,
    };
    Some(result.map_err(|reason| {
        if reason.starts_with('`') {
            reason
        } else {
            format!("`{name}`: {reason}")
        }
    }))
}
