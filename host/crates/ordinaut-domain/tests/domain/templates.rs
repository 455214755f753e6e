//! `${…}`: what is rendered, and what is refused.

use ordinaut_domain::pipeline::{Condition, Scope, Template, effect_key, render_value};
use ordinaut_domain::{RunCause, RunId, StepState};
use serde_json::{Value, json};

use crate::support::{NOW, at, record, run_of, scope, step, task};

fn render(text: &str) -> Value {
    Template::compile(text)
        .unwrap_or_else(|error| panic!("{text}: {error}"))
        .render(&scope())
        .unwrap()
}

fn refused(text: &str) -> (usize, String) {
    let error = Template::compile(text)
        .and_then(|template| template.render(&scope()))
        .unwrap_err();
    (error.position, error.message)
}

#[test]
fn a_template_that_is_the_whole_string_keeps_its_type() {
    for (text, expected) in [
        ("${params.n}", json!(5)),
        ("${ params.n }", json!(5)),
        ("${params.f}", json!(1.5)),
        ("${params.whole}", json!(41.0)),
        ("${params.big}", json!(9_007_199_254_740_993_i64)),
        ("${params.yes}", json!(true)),
        ("${params.nothing}", Value::Null),
        ("${params.missing.deeper[3]}", Value::Null),
        ("${params.name}", json!("Ana")),
        ("${params.list}", json!([3, 1, 2])),
        ("${params.object}", json!({"b": 1, "a": {"c": "x"}})),
        ("${params.\"key with space\"}", json!("spaced")),
        ("${params.list[-1]}", json!(2)),
        ("${params.list[::-1]}", json!([2, 1, 3])),
        ("${params.items[*].name}", json!(["a", "b", "c"])),
        ("${params.items[?price > `15`].name}", json!(["b", "c"])),
        ("${params.missing || 'default'}", json!("default")),
        (
            "${{id: event.data.id, who: params.name}}",
            json!({"id": 42, "who": "Ana"}),
        ),
        ("${[params.n, `\"}\"`, '}']}", json!([5, "}", "}"])),
        ("${params.object | a.c}", json!("x")),
        ("${steps.page.status}", json!(200)),
        ("${steps.fetch.result.body}", json!("hi")),
        ("${steps.fetch.status}", json!("succeeded")),
        ("${steps.fetch.attempts}", json!(1)),
        (
            "${steps.quiet}",
            json!({"result": null, "status": "skipped", "attempts": 0, "error": null, "simulated": false}),
        ),
        ("${event.type}", json!("orders.created")),
        ("${task.title}", json!("Morning report")),
        ("${run.attempt}", json!(1)),
    ] {
        assert_eq!(render(text), expected, "{text}");
    }
}

#[test]
fn inside_a_longer_string_texts_stand_bare_and_everything_else_as_compact_json() {
    for (text, expected) in [
        ("Hello ${params.name}!", "Hello Ana!"),
        ("${params.name}${params.n}", "Ana5"),
        (" ${params.n}", " 5"),
        (
            "n=${params.n} f=${params.f} y=${params.yes} x=${params.missing}",
            "n=5 f=1.5 y=true x=null",
        ),
        ("${params.list} and ${params.object.a}", "[3,1,2] and {\"c\":\"x\"}"),
        ("costs $5, $${params.n} is ${params.n}", "costs $5, ${params.n} is 5"),
        ("$$${params.n}", "$${params.n}"),
        ("}{ ${'}'} }", "}{ } }"),
        ("", ""),
        ("no template", "no template"),
    ] {
        assert_eq!(render(text), json!(expected), "{text}");
    }
}

#[test]
fn functions_follow_the_jmespath_specification() {
    for (text, expected) in [
        ("${length(params.list)}", json!(3)),
        ("${sum(params.list)}", json!(6)),
        ("${avg(params.list)}", json!(2.0)),
        ("${avg(params.empty)}", Value::Null),
        ("${join(', ', sort(params.items[*].name))}", json!("a, b, c")),
        ("${sort_by(params.items, &price)[*].name}", json!(["a", "c", "b"])),
        ("${max_by(params.items, &price).name}", json!("b")),
        ("${min_by(params.items, &price).name}", json!("a")),
        ("${min_by(params.empty, &price)}", Value::Null),
        ("${map(&name, params.items)}", json!(["a", "b", "c"])),
        ("${map(&missing, params.items)}", json!([null, null, null])),
        ("${contains(params.list, `2`)}", json!(true)),
        ("${to_string(params.object)}", json!("{\"a\":{\"c\":\"x\"},\"b\":1}")),
        ("${to_number('12')}", json!(12)),
        ("${merge(params.object, {z: 'y'}).z}", json!("y")),
        ("${not_null(params.missing, params.n)}", json!(5)),
        ("${type(params.list)}", json!("array")),
        ("${params.list[]}", json!([3, 1, 2])),
        ("${[params.list, [params.n]][]}", json!([3, 1, 2, 5])),
        ("${params.object.*}", json!([{"c": "x"}, 1])),
        ("${!params.empty && params.yes}", json!(true)),
        ("${!params.object.a.c}", json!(false)),
        ("${!params.object.missing}", json!(true)),
        ("${!!params.object.a}", json!(true)),
        ("${!params.items[?price > `99`]}", json!(true)),
        ("${!params.items[*].name}", json!(false)),
        ("${!params.list[]}", json!(false)),
        ("${!params.object.*}", json!(false)),
        ("${!params.n | [@]}", json!([false])),
        ("${params.items[?!contains(['a'], name)].name}", json!(["b", "c"])),
        ("${{no: !params.object.missing}}", json!({"no": true})),
        ("${params.n == `5`}", json!(true)),
        ("${params.name < params.n}", Value::Null),
    ] {
        assert_eq!(render(text), expected, "{text}");
    }
}

#[test]
fn now_can_be_moved_and_written_in_any_form_and_zone() {
    for (text, expected) in [
        ("${now}", json!("2026-03-02T10:00:00.000Z")),
        ("${now()}", json!("2026-03-02T10:00:00.000Z")),
        ("${now+24h}", json!("2026-03-03T10:00:00.000Z")),
        ("${now - 7d}", json!("2026-02-23T10:00:00.000Z")),
        ("${now + 1w1d - 30m - 1s}", json!("2026-03-10T09:29:59.000Z")),
        ("from ${now-1h} on", json!("from 2026-03-02T09:00:00.000Z on")),
        ("${params.now}", json!("mine")),
        ("${time_add(params.at, '-1d')}", json!("2026-03-28T00:30:00.000Z")),
        ("${format_time(now, '%Y-%m-%d')}", json!("2026-03-02")),
        ("${format_time(now+12h30m, '%H:%M', 'Europe/Chisinau')}", json!("00:30")),
        (
            "${format_time(params.at, '%d.%m. %H:%M %Z', task.zone || 'Europe/Chisinau')}",
            json!("29.03. 03:30 EEST"),
        ),
        ("${format_time(`0`, '%Y')}", json!("1970")),
        ("${unix_time(now)}", json!(1_772_445_600)),
        ("${unix_time(now) > `1000`}", json!(true)),
        (
            "${params.items[?price > `15`].{name: name, by: now()} | [0].by}",
            json!("2026-03-02T10:00:00.000Z"),
        ),
    ] {
        assert_eq!(render(text), expected, "{text}");
    }
}

#[test]
fn faults_name_the_character_and_the_mend() {
    for (text, position, part) in [
        ("${", 0, "`$${`"),
        ("ä ${params.a", 2, "not closed"),
        ("${}", 2, "no expression"),
        ("ä ${ }", 4, "no expression"),
        ("hi ${params.a >} x", 15, "ends too early"),
        ("ä ${params.n > 25}", 15, "backticks"),
        ("${lenght(params.list)}", 2, "did you mean `length`"),
        ("${join(',', params.list)}", 2, "array[string]"),
        ("x${sum(params.name)}", 3, "argument 1"),
        ("${format_time(params.name, '%Y')}", 2, "must be a time"),
        ("${time_add(now, params.name)}", 2, "duration"),
        ("${sort_by(params.items, price)}", 2, "&name"),
        ("${sort_by(params.items, &@)}", 2, "numbers or all strings"),
        ("${&a}", 2, "only an argument"),
    ] {
        let (at, message) = refused(text);
        assert_eq!((at, message.contains(part)), (position, true), "{text}: {message}");
    }
}

#[test]
fn argument_trees_are_rendered_throughout_except_for_their_keys() {
    let given = json!({"${params.n}": ["${params.n}", {"deep": "a ${params.name}"}], "plain": [1, null, true, "x"]});
    let rendered = render_value(&given, &scope()).unwrap();
    assert_eq!(
        rendered,
        json!({"${params.n}": [5, {"deep": "a Ana"}], "plain": [1, null, true, "x"]})
    );
    let error = render_value(&json!({"a/b": [0, "${sum(params.name)}"]}), &scope()).unwrap_err();
    assert_eq!(error.pointer, "/a~1b/1");
    assert!(error.to_string().starts_with("/a~1b/1: "), "{error}");
}

#[test]
fn conditions_take_jmespath_with_or_without_the_braces_and_follow_its_truth() {
    for (text, expected) in [
        ("params.n > `3`", true),
        ("${params.n > `3`}", true),
        ("  ${ params.n > `7` }  ", false),
        ("params.missing", false),
        ("params.empty", false),
        ("params.name", true),
        ("`0`", true),
        ("''", false),
        ("`true`", true),
        ("steps.page.status == `200` && !params.nothing", true),
        ("steps.quiet.status == 'skipped'", true),
        ("unix_time(now+1h) > unix_time(now)", true),
    ] {
        let condition = Condition::compile(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(condition.holds(&scope()).unwrap(), expected, "{text}");
    }
    for (text, position) in [
        ("${a} && ${b}", 0),
        ("params.n > 3", 11),
        ("  ${params.n > 3}", 15),
        ("a = b", 2),
        ("", 0),
        ("${a", 0),
    ] {
        assert_eq!(Condition::compile(text).unwrap_err().position, position, "{text}");
    }
}

#[test]
fn a_scope_grows_by_each_step_without_touching_what_was_shared_before() {
    let mut scope = scope();
    let before = scope.with_item(&json!({"k": 1}));
    let next = step(json!({"id": "same", "uses": "demo.echo", "save_as": "same"}));
    scope.push_step(&next, &record("same", StepState::Succeeded, Some(json!("done"))));
    let render = |scope: &Scope, text: &str| Template::compile(text).unwrap().render(scope).unwrap();
    assert_eq!(
        render(&scope, "${steps.same}"),
        json!("done"),
        "its save_as claims the name of the step"
    );
    assert_eq!(render(&before, "${steps.same}"), Value::Null);
    assert_eq!(render(&before, "${item.k}"), json!(1));
    assert_eq!(render(&scope, "${item}"), Value::Null);
    let failed = step(json!({"id": "failed", "uses": "demo.echo", "save_as": "nothing"}));
    scope.push_step(&failed, &record("failed", StepState::Failed, Some(json!("partial"))));
    assert_eq!(
        render(&scope, "${[steps.nothing, steps.failed.status]}"),
        json!([null, "failed"])
    );
}

#[test]
fn the_scope_of_a_run_tells_of_task_run_and_event() {
    let task = task(json!({"payload": {"params": {"a": 1}, "pipeline": []}, "tags": ["x"]}));
    let trigger = json!({"id": "e1"});
    let by_event = Scope::for_run(&task, &run_of(&task, RunCause::Event, trigger.clone()), at(NOW));
    let by_hand = Scope::for_run(&task, &run_of(&task, RunCause::Manual, trigger), at(NOW));
    let render = |scope: &Scope, text: &str| Template::compile(text).unwrap().render(scope).unwrap();
    assert_eq!(render(&by_event, "${event.id}"), json!("e1"));
    assert_eq!(render(&by_hand, "${event}"), Value::Null);
    assert_eq!(render(&by_hand, "${run.trigger.id}"), json!("e1"));
    assert_eq!(
        render(
            &by_hand,
            "${[params.a, task.title, task.tags[0], run.cause, run.attempt, run.scheduled_for]}"
        ),
        json!([1, "Morning report", "x", "manual", 2, "2026-03-02T10:00:00.000Z"])
    );
}

#[test]
fn effect_keys_are_stable_and_differ_by_run_step_and_item() {
    let (one, two) = (RunId::new(at(NOW), [1; 10]), RunId::new(at(NOW), [2; 10]));
    let key = effect_key(one, "send", 0);
    assert_eq!(key, effect_key(one, "send", 0));
    assert_eq!(key.len(), 64);
    assert!(key.bytes().all(|byte| byte.is_ascii_hexdigit()));
    for other in [
        effect_key(two, "send", 0),
        effect_key(one, "sent", 0),
        effect_key(one, "send", 1),
    ] {
        assert_ne!(key, other);
    }
    // A change of this value would make interrupted calls look new to the outside world.
    let fixed = RunId::from(uuid::Uuid::from_u128(0x0192_f0c1_2b3c_7def_8123_4567_89ab_cdef));
    assert_eq!(
        effect_key(fixed, "send", 0),
        "8b005b92d019122eb60b612967087f9ef25f2c27a2c36a5c57ac21f156f27fcd"
    );
}
