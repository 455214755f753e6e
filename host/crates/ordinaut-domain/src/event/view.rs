//! Which events somebody may see.
//!
//! Events of users and extensions are for everybody who may read events at all. Those that Ordinaut tells about itself
//! say what happens to things that have owners, so they are as visible as these things are.

use crate::{AgentId, Caller, Event, Topic};

/// The root of the topics under which Ordinaut tells about itself.
const CORE: &str = "ordinaut";

/// What one reader may see of the log. Whether they may read events at all is not asked here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a right of its own")]
pub struct EventView {
    /// Sees what is told about this agent's own tasks, their runs and steps.
    pub agent: AgentId,
    /// `ordinaut.task.**` of everybody.
    pub all_tasks: bool,
    /// `ordinaut.run.**` and `ordinaut.step.**` of everybody.
    pub all_runs: bool,
    /// `ordinaut.extension.**`.
    pub extensions: bool,
    /// `ordinaut.agent.**`.
    pub agents: bool,
}

impl EventView {
    /// What the caller's scopes let them see.
    pub fn of(caller: &Caller) -> Self {
        let allows = |scope| caller.scopes.allows(scope);
        Self {
            agent: caller.id,
            all_tasks: allows("tasks:read:any"),
            all_runs: allows("runs:read:any"),
            extensions: allows("extensions:read"),
            agents: allows("agents:admin"),
        }
    }

    /// Whether an event of this topic is visible. `owner` is whom the task belongs to that it tells of, as far as the
    /// event says so: without an owner it is only for those who see everybody's.
    pub fn sees(&self, topic: &Topic, owner: Option<AgentId>) -> bool {
        let mut segments = topic.as_str().split('.');
        if !segments.next().is_some_and(|root| root.eq_ignore_ascii_case(CORE)) {
            return true;
        }
        let own = owner == Some(self.agent);
        match segments.next() {
            Some("task") => own || self.all_tasks,
            Some("run" | "step") => own || self.all_runs,
            Some("extension") => self.extensions,
            Some("agent") => self.agents,
            // Whoever adds a kind of event says here whom it is for.
            _ => false,
        }
    }

    /// Whether the event is visible.
    pub fn sees_event(&self, event: &Event) -> bool {
        self.sees(&event.topic, event.owner())
    }
}

impl Event {
    /// Whom the task belongs to that the event tells of. Only for events of Ordinaut itself: what others write into
    /// their data means nothing here.
    pub fn owner(&self) -> Option<AgentId> {
        if !self.topic.root().eq_ignore_ascii_case(CORE) {
            return None;
        }
        self.data.get("owner")?.as_str()?.parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn agent(number: u128) -> AgentId {
        uuid::Uuid::from_u128(number).into()
    }

    fn sees(scopes: &[&str], topic: &str, owner: Option<u128>) -> bool {
        let caller = Caller {
            id: agent(1),
            name: "a".into(),
            scopes: scopes.iter().map(|scope| scope.parse().unwrap()).collect(),
        };
        EventView::of(&caller).sees(&topic.parse().unwrap(), owner.map(agent))
    }

    #[test]
    fn what_happens_to_a_task_is_told_to_its_owner_and_to_those_who_see_all() {
        for (topic, any) in [
            ("ordinaut.task.created", "tasks:read:any"),
            ("ordinaut.run.failed", "runs:read:any"),
            ("ordinaut.step.succeeded", "runs:read:any"),
            ("ORDINAUT.run.failed", "runs:read:any"),
        ] {
            assert!(sees(&[], topic, Some(1)), "{topic}");
            assert!(!sees(&["tasks:read", "runs:read"], topic, Some(2)), "{topic}");
            assert!(!sees(&[], topic, None), "{topic}");
            assert!(sees(&[any], topic, Some(2)), "{topic}");
            assert!(sees(&[any], topic, None), "{topic}");
        }
        assert!(!sees(&["tasks:read:any"], "ordinaut.run.failed", Some(2)));
    }

    #[test]
    fn events_of_others_are_for_every_reader_and_unknown_ones_of_the_core_for_nobody() {
        assert!(sees(&[], "orders.created", None));
        assert!(sees(&[], "ext.demo.tick", Some(2)));
        assert!(sees(&[], "ordinautic.run", None));
        assert!(!sees(&[], "ordinaut.extension.ready", None));
        assert!(sees(&["extensions:read"], "ordinaut.extension.ready", None));
        assert!(!sees(&["tasks:read:any"], "ordinaut.agent.created", Some(1)));
        assert!(sees(&["agents:admin"], "ordinaut.agent.created", None));
        for topic in ["ordinaut", "ordinaut.secret.made"] {
            assert!(!sees(
                &["tasks:read:any", "runs:read:any", "agents:admin"],
                topic,
                Some(1)
            ));
        }
    }
}
