//! The reference is checked: every example in it that is marked as a pipeline, a task or a template is read.

use std::path::Path;

use ordinaut_domain::{Condition, Pipeline, Template};
use serde_json::Value;

use crate::support::parse;

/// The fenced blocks of a page that are marked with `tag`, each with its line.
fn blocks(page: &str, tag: &str) -> Vec<(usize, String)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../../docs/reference")
        .join(page);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut blocks = Vec::new();
    let mut open: Option<(usize, String)> = None;
    for (number, line) in text.lines().enumerate() {
        match (&mut open, line.strip_prefix("```")) {
            (None, Some(info)) => open = Some((number + 1, format!("{info}\n"))),
            (Some((_, block)), None) => block.extend([line, "\n"]),
            (Some(_), Some(_)) => {
                let (number, block) = open.take().unwrap();
                if let Some(body) = block.strip_prefix(&format!("{tag}\n")) {
                    blocks.push((number, body.to_owned()));
                }
            }
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "{page}: a block is not closed");
    blocks
}

fn json(page: &str, (line, block): &(usize, String)) -> Value {
    serde_json::from_str(block).unwrap_or_else(|error| panic!("{page}:{line}: {error}"))
}

#[test]
fn documented_pipelines_are_accepted() {
    let page = "pipelines.md";
    let examples = blocks(page, "json pipeline");
    assert!(examples.len() >= 3, "{}", examples.len());
    for example in &examples {
        let read = Pipeline::parse(&json(page, example));
        assert!(read.is_ok(), "{page}:{}: {:?}", example.0, read.unwrap_err());
    }
}

#[test]
fn documented_tasks_are_accepted_and_written_back_the_same() {
    let page = "tasks.md";
    let examples = blocks(page, "json task");
    assert!(examples.len() >= 4, "{}", examples.len());
    for example in &examples {
        let task = parse(&json(page, example)).unwrap_or_else(|faults| panic!("{page}:{}: {faults:#?}", example.0));
        assert_eq!(parse(&task.to_document()).unwrap(), task, "{page}:{}", example.0);
    }
}

#[test]
fn documented_templates_and_conditions_are_accepted() {
    let page = "pipelines.md";
    for (line, block) in blocks(page, "template") {
        for text in block.lines().filter(|text| !text.is_empty()) {
            let read = Template::compile(text);
            assert!(read.is_ok(), "{page}:{line}: {text}: {}", read.unwrap_err());
        }
    }
    for (line, block) in blocks(page, "condition") {
        for text in block.lines().filter(|text| !text.is_empty()) {
            let read = Condition::compile(text);
            assert!(read.is_ok(), "{page}:{line}: {text}: {}", read.unwrap_err());
        }
    }
    assert!(!blocks(page, "template").is_empty() && !blocks(page, "condition").is_empty());
}

#[test]
fn documented_faults_are_refused_with_their_codes() {
    let page = "pipelines.md";
    let examples = blocks(page, "json refused");
    assert!(!examples.is_empty());
    for example in &examples {
        let document = json(page, example);
        let faults = Pipeline::parse(&document["pipeline"]).expect_err("the example is a fault");
        let found: Vec<Value> = faults.iter().map(|f| serde_json::json!([f.pointer, f.code])).collect();
        assert_eq!(Value::from(found), document["faults"], "{page}:{}", example.0);
    }
}
