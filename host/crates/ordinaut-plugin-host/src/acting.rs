//! In whose name an extension acts where it uses the product or another extension.
//!
//! The danger is the confused deputy: somebody with few rights has an extension with many do what they may not. So an
//! extension that serves somebody acts with no more than that one may, and its own rights count alone only where nobody
//! is served.

use ordinaut_domain::{Caller, Scopes};

/// In whose name, and with which rights at most.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ActingAs {
    /// Somebody is served: they themselves, with the scopes that both they and the extension have.
    Caller(Caller),
    /// Background work: the extension's own agent, with the scopes that the extension was granted.
    Own(Scopes),
    /// Somebody without credentials is served: nobody, who may do nothing that needs a right.
    Nobody,
}

/// For a call of the kind `entry` (`http`, `tool`, `job`, …) that is made for `caller`, by an extension that was
/// granted these scopes.
pub(crate) fn acting_as(entry: &str, caller: Option<&Caller>, granted: &Scopes) -> ActingAs {
    match (entry, caller) {
        (_, Some(caller)) => ActingAs::Caller(Caller {
            scopes: caller.scopes.intersection(granted),
            ..caller.clone()
        }),
        ("job" | "service" | "event", None) => ActingAs::Own(granted.clone()),
        // A public route, or a run whose owner is gone: that nobody is known does not make it background work.
        (_, None) => ActingAs::Nobody,
    }
}

#[cfg(test)]
mod tests {
    use ordinaut_domain::AgentId;

    use super::*;

    fn scopes(texts: &[&str]) -> Scopes {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn whoever_is_served_gets_what_both_may_and_only_background_work_has_the_grant_alone() {
        let granted = scopes(&["tasks:read:any", "tasks:write"]);
        let caller = Caller {
            id: AgentId::new(chrono::DateTime::UNIX_EPOCH, [7; 10]),
            name: "ann".to_owned(),
            scopes: scopes(&["tasks:read", "agents:admin"]),
        };
        for entry in ["http", "tool", "job"] {
            let ActingAs::Caller(acting) = acting_as(entry, Some(&caller), &granted) else {
                panic!("{entry}");
            };
            assert_eq!(
                (acting.id, acting.scopes),
                (caller.id, scopes(&["tasks:read"])),
                "{entry}"
            );
        }
        for entry in ["job", "service", "event"] {
            assert_eq!(
                acting_as(entry, None, &granted),
                ActingAs::Own(granted.clone()),
                "{entry}"
            );
        }
        for entry in ["http", "tool", "init", "other"] {
            assert_eq!(acting_as(entry, None, &granted), ActingAs::Nobody, "{entry}");
        }
    }
}
