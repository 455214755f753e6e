//! Small components written as text.

/// The error record, imported as every component that uses it does.
const TYPES: &str = r#"
    (import "ordinaut:types/types@0.1.0" (instance $types
        (type $r (record (field "code" string) (field "message" string) (field "retryable" bool)
            (field "details" (option string))))
        (export "error" (type (eq $r)))))
    (alias export $types "error" (type $error))
"#;

/// Memory with zeroes at 64, which is where every answer lies: zeroes mean success and nothing else.
const CORE: &str = r#"
    (memory (export "mem") 1)
    (global $free (mut i32) (i32.const 4096))
    (func (export "realloc") (param i32 i32 i32 i32) (result i32)
        (global.get $free)
        (global.set $free (i32.add (global.get $free) (i32.add (local.get 3) (i32.const 8)))))
"#;

fn binary(text: &str) -> Vec<u8> {
    wat::parse_str(text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// A component whose `init` is `body`, which leaves 64 on the stack if it succeeds. `more` stands beside it.
pub(crate) fn lifecycle(body: &str, more: &str) -> Vec<u8> {
    binary(&format!(
        r#"(component {TYPES}
            (core module $m {CORE} (func (export "init") (result i32) {body}))
            (core instance $i (instantiate $m))
            (func $init (result (result (error $error)))
                (canon lift (core func $i "init") (memory (core memory $i "mem")) (realloc (core func $i "realloc"))))
            (instance (export "ordinaut:extension/lifecycle@0.1.0") (export "init" (func $init)))
            {more})"#
    ))
}

/// An `init` that succeeds.
pub(crate) const SUCCEEDS: &str = "i32.const 64";

/// A component with one job, run every second. `body` is the run: it has `$attempt`, and leaves 64 on the stack if it
/// succeeds.
pub(crate) fn job(body: &str) -> Vec<u8> {
    registering_a_job(
        body,
        r#"(instance (export "ordinaut:background/job@0.1.0") (export "run" (func $run)))"#,
    )
}

/// The same without the export that would run it.
pub(crate) fn job_without_handler() -> Vec<u8> {
    registering_a_job("i32.const 64", "")
}

fn registering_a_job(body: &str, export: &str) -> Vec<u8> {
    // Flat arguments of `register`: name, schedule, no time zone, no time-out, and where the answer goes.
    let register = "(i32.const 0) (i32.const 4) (i32.const 8) (i32.const 8) \
         (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 64)";
    binary(&format!(
        r#"(component {TYPES}
            (import "ordinaut:background/types@0.1.0" (instance $b
                (type $d (record (field "name" string) (field "schedule" string) (field "timezone" (option string))
                    (field "timeout-ms" (option u32))))
                (export "definition" (type (eq $d)))
                (type $o (record (field "name" string) (field "scheduled-for-ms" u64) (field "attempt" u32)))
                (export "occurrence" (type (eq $o)))))
            (alias export $b "definition" (type $definition))
            (alias export $b "occurrence" (type $occurrence))
            (import "ordinaut:background/registry@0.1.0" (instance $registry
                (alias outer 1 $definition (type $d)) (export "definition" (type (eq $d)))
                (alias outer 1 $error (type $e)) (export "error" (type (eq $e)))
                (export "register" (func (param "job" 0) (result (result (error 2)))))))
            (core module $memory {CORE}
                (data (i32.const 0) "tick") (data (i32.const 8) "every 1s"))
            (core instance $mem (instantiate $memory))
            (core func $register (canon lower (func $registry "register") (memory (core memory $mem "mem"))
                (realloc (core func $mem "realloc"))))
            (core module $m
                (import "host" "register" (func $register (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32)))
                (func (export "init") (result i32) (call $register {register}) (i32.const 64))
                (func (export "run") (param i32 i32 i64) (param $attempt i32) (result i32) {body}))
            (core instance $i (instantiate $m
                (with "host" (instance (export "register" (func $register))))))
            (func $init (result (result (error $error)))
                (canon lift (core func $i "init") (memory (core memory $mem "mem")) (realloc (core func $mem "realloc"))))
            (func $run (param "occurrence" $occurrence) (result (result (option string) (error $error)))
                (canon lift (core func $i "run") (memory (core memory $mem "mem")) (realloc (core func $mem "realloc"))))
            (instance (export "ordinaut:extension/lifecycle@0.1.0") (export "init" (func $init)))
            {export})"#
    ))
}

/// A component with a service that does `body`.
pub(crate) fn service(body: &str) -> Vec<u8> {
    binary(&format!(
        r#"(component {TYPES}
            (core module $m {CORE} (func (export "run") (result i32) {body}))
            (core instance $i (instantiate $m))
            (func $run (result (result (error $error)))
                (canon lift (core func $i "run") (memory (core memory $i "mem")) (realloc (core func $i "realloc"))))
            (instance (export "ordinaut:background/service@0.1.0") (export "run" (func $run))))"#
    ))
}

/// A component that imports an interface with one function.
pub(crate) fn importing(interface: &str) -> Vec<u8> {
    binary(&format!(
        r#"(component (import "{interface}" (instance (export "f" (func)))))"#
    ))
}

/// A custom section, to stand in a component.
pub(crate) fn section(json: &str) -> String {
    let escaped = json.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', " ");
    format!(r#"(core module (@custom "ordinaut:extension" "{escaped}"))"#)
}

/// The smallest core module.
pub(crate) fn core_module() -> Vec<u8> {
    binary("(module)")
}

/// A component that exports nothing.
pub(crate) fn empty_component() -> Vec<u8> {
    binary("(component)")
}
