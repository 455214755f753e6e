//! Nothing that anybody can write panics, runs away or makes something enormous.

use std::time::Instant;

use ordinaut_domain::pipeline::{Condition, MAX_EXPRESSION_BYTES, Pipeline, Template, parse_duration, render_value};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::support::scope;

#[test]
fn expressions_that_ask_for_too_much_work_are_stopped() {
    let ten = "`[1,2,3,4,5,6,7,8,9,10]`";
    let nested_map = (0..12).fold("@".to_owned(), |inner, _| format!("map(&{inner}, {ten})"));
    let nested_filter = (0..12).fold("@".to_owned(), |inner, _| format!("{ten}[?{inner}]"));
    let doubling = format!("${{[`1`]{}}}", " | [@, @][]".repeat(30));
    let doubled_text = format!("${{'abcdefgh'{}}}", " | join('', [@, @])".repeat(28));
    let shared = format!("${{`1`{}}}", " | [@, @]".repeat(40));
    let shared_text = format!("${{`1`{} | to_string(@)}}", " | [@, @]".repeat(40));
    let shared_equal = format!("${{`1`{} | @ == @}}", " | [@, @]".repeat(40));
    let shared_contained = format!("${{`1`{} | contains([@], @)}}", " | [@, @]".repeat(40));
    for text in [
        format!("${{{nested_map}}}"),
        format!("${{{nested_filter}}}"),
        doubling,
        doubled_text,
        shared,
        shared_text,
        shared_equal,
        shared_contained,
    ] {
        let template = Template::compile(&text).unwrap_or_else(|error| panic!("{text}: {error}"));
        let begun = Instant::now();
        let error = template.render(&scope()).unwrap_err();
        assert!(
            error.message.contains("too much work")
                || error.message.contains("KiB")
                || error.message.contains("levels"),
            "{text}: {error}"
        );
        // Generous: a debug build on a busy machine needs well below a second.
        assert!(begun.elapsed().as_secs() < 20, "{text} took {:?}", begun.elapsed());
    }
}

#[test]
fn sizes_and_depths_are_bounded() {
    let long = format!("${{'{}'}}", "x".repeat(MAX_EXPRESSION_BYTES));
    assert!(Template::compile(&long).unwrap_err().message.contains("at most 4096"));
    let many = "${params.name}".repeat(80_000);
    assert_eq!(
        Template::compile(&many)
            .unwrap()
            .render(&scope())
            .unwrap()
            .as_str()
            .unwrap()
            .len(),
        240_000
    );
    let large = json!(["x".repeat(700_000), "${params.name}", "x".repeat(700_000)]);
    assert!(
        render_value(&large, &scope())
            .unwrap_err()
            .to_string()
            .contains("larger than 1024 KiB")
    );
    let deep = (0..300).fold(json!("${params.n}"), |inner, _| json!([inner]));
    assert!(
        render_value(&deep, &scope())
            .unwrap_err()
            .to_string()
            .contains("levels deep")
    );
    let step = json!([{"uses": "demo.echo", "with": deep}]);
    assert_eq!(Pipeline::parse(&step).unwrap_err()[0].code, "too_deep");
}

/// Text that is likely to get far into the parsers.
fn expression_like() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        Just("params"),
        Just("steps"),
        Just("now"),
        Just("event.a"),
        Just("item"),
        Just("@"),
        Just("*"),
        Just("'x'"),
        Just("`1`"),
        Just("`{\"a\": [1]}`"),
        Just("\"k\""),
        Just("length("),
        Just("map(&"),
        Just("sort_by("),
        Just("merge("),
        Just("format_time(now, '%Y"),
        Just(")"),
        Just("["),
        Just("]"),
        Just("[?"),
        Just("[]"),
        Just("[-1]"),
        Just("[::-2]"),
        Just("{"),
        Just("a:"),
        Just("}"),
        Just("."),
        Just("||"),
        Just("&&"),
        Just("|"),
        Just("!"),
        Just("=="),
        Just("<"),
        Just(","),
        Just("+24h"),
        Just("-7d"),
        Just(" - "),
        Just("${"),
        Just("$${"),
        Just("\\"),
        Just("`"),
        Just("'"),
        Just("\""),
        Just("é"),
        Just("0"),
        Just("99999999999"),
        Just("\u{0}"),
        Just("😀"),
    ];
    prop::collection::vec(word, 0..24).prop_map(|words| words.concat())
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(|n| json!(n)),
        ".{0,12}".prop_map(Value::from),
        expression_like().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(
                "id|uses|with|if|save_as|retry|timeout_seconds|on_error|.{0,3}",
                inner,
                0..5
            )
            .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_makes_templates_or_conditions_panic(text in prop_oneof![".{0,80}", expression_like(), expression_like().prop_map(|e| format!("${{{e}}}"))]) {
        let characters = text.chars().count();
        match Template::compile(&text).and_then(|template| template.render(&scope())) {
            Ok(_) => {}
            Err(error) => prop_assert!(error.position <= characters, "{text:?}: {error:?}"),
        }
        match Condition::compile(&text).and_then(|condition| condition.holds(&scope())) {
            Ok(_) => {}
            Err(error) => prop_assert!(error.position <= characters, "{text:?}: {error:?}"),
        }
        let _ = parse_duration(&text);
    }

    #[test]
    fn text_without_a_dollar_is_rendered_as_it_stands(text in "[^$]{0,60}") {
        prop_assert_eq!(Template::compile(&text).unwrap().render(&scope()).unwrap(), Value::String(text));
    }

    #[test]
    fn an_escaped_template_is_rendered_as_its_text(text in "[^$]{0,60}") {
        let escaped = format!("$${{{text}");
        prop_assert_eq!(Template::compile(&escaped).unwrap().render(&scope()).unwrap(), Value::String(format!("${{{text}")));
    }

    #[test]
    fn values_pass_through_templates_unchanged(value in any_value()) {
        let step = crate::support::step(json!({"id": "s", "uses": "demo.echo", "save_as": "s"}));
        let mut scope = scope();
        scope.push_step(&step, &crate::support::record("s", ordinaut_domain::StepState::Succeeded, Some(value.clone())));
        prop_assert_eq!(Template::compile("${steps.s}").unwrap().render(&scope).unwrap(), value);
    }

    #[test]
    fn no_document_makes_the_pipeline_reader_panic(value in any_value()) {
        let _ = Pipeline::parse(&value);
        if let Err(faults) = Pipeline::parse(&json!([value])) {
            for fault in faults {
                prop_assert!(fault.pointer.is_empty() || fault.pointer.starts_with('/'));
                prop_assert!(!fault.detail.is_empty());
            }
        }
    }
}
