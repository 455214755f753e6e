//! The tools.

use crate::Hostile;
use crate::attacks;
use crate::bindings::exports::ordinaut::tools::handler;
use crate::bindings::ordinaut::tools::registry;
use crate::bindings::ordinaut::tools::types::{Definition, Effect, Invocation};
use crate::bindings::ordinaut::types::types::Error;
use crate::bindings::wasi::clocks::monotonic_clock;
use crate::bindings::wasi::logging::logging::{Level, log};

/// More than may be copied in one crossing (16 MiB), less than the memory that a call may have (64 MiB): it is the
/// copy that fails.
const HUGE_BYTES: usize = 32 << 20;
/// Log lines that are too many together, none of them alone.
const FLOOD_LINES: usize = 10_000;

const TOOLS: [&str; 14] = [
    "loop",
    "memory",
    "recurse",
    "overflow",
    "panic",
    "exit",
    "huge_result",
    "huge_log",
    "log_flood",
    "sleep_forever",
    "handles",
    "bad_json",
    "error_retryable",
    "error_permanent",
];

pub fn register() -> Result<(), Error> {
    for name in TOOLS {
        registry::register(&Definition {
            name: name.into(),
            title: None,
            description: "Misbehaves.".into(),
            input_schema: r#"{"type":"object"}"#.into(),
            output_schema: None,
            effect: Effect::Pure,
            timeout_ms: None,
        })?;
    }
    Ok(())
}

impl handler::Guest for Hostile {
    fn call(call: Invocation) -> Result<String, Error> {
        match call.name.as_str() {
            "loop" => attacks::spin(),
            "memory" => attacks::take_memory(),
            "recurse" => Ok(attacks::recurse().to_string()),
            "overflow" => Ok(attacks::overflow().to_string()),
            "panic" => panic!("the hostile tool panicked on purpose"),
            "exit" => std::process::exit(3),
            "huge_result" => Ok(attacks::text(HUGE_BYTES)),
            "huge_log" => {
                log(Level::Info, "hostile", &attacks::text(HUGE_BYTES));
                Ok("{}".into())
            }
            "log_flood" => {
                for line in 0..FLOOD_LINES {
                    log(
                        Level::Info,
                        "hostile",
                        &format!("line {line} of a flood that nobody wants to read"),
                    );
                }
                Ok(format!(r#"{{"lines":{FLOOD_LINES}}}"#))
            }
            "sleep_forever" => {
                attacks::sleep();
                Ok("{}".into())
            }
            "handles" => hoard_handles(),
            "bad_json" => Ok(r#"{"this is": not JSON"#.into()),
            "error_retryable" => Err(error("unavailable", "try again later", true)),
            "error_permanent" => Err(error("bad_day", "this will never work", false)),
            other => Err(error("not_found", other, false)),
        }
    }
}

/// Opens handles and gives none back.
fn hoard_handles() -> ! {
    let mut hoard = Vec::new();
    loop {
        hoard.push(monotonic_clock::subscribe_duration(u64::MAX));
    }
}

fn error(code: &str, message: &str, retryable: bool) -> Error {
    Error {
        code: code.into(),
        message: message.into(),
        retryable,
        details: None,
    }
}
