use super::*;

fn scopes(text: &str) -> Scopes {
    text.split_ascii_whitespace()
        .map(|scope| scope.parse::<Scope>().unwrap())
        .collect()
}

#[test]
fn a_token_gets_what_was_asked_for_or_everything() {
    let held = scopes("tasks:read:any tasks:write ext:*");
    assert_eq!(narrow(&held, None).unwrap(), held);
    assert_eq!(narrow(&held, Some("  ")).unwrap(), held);
    assert_eq!(
        narrow(&held, Some("tasks:read ext:demo")).unwrap(),
        scopes("tasks:read ext:demo")
    );
}

#[test]
fn nobody_gets_more_than_they_have() {
    let held = scopes("tasks:read");
    for wanted in [
        "tasks:write",
        "tasks:read:any",
        "tasks:read tasks:write",
        "ext:demo",
        "nonsense",
        "*",
    ] {
        assert!(
            matches!(narrow(&held, Some(wanted)), Err(GrantError::InvalidScope(_))),
            "{wanted}"
        );
    }
}
