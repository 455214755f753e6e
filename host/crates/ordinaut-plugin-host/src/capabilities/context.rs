//! `ordinaut:extension/context`: what a guest may know about the call that it serves.

use crate::{
    bindings::ordinaut::extension::context::{Call, Caller, Host},
    state::GuestState,
};

impl Host for GuestState {
    async fn current(&mut self) -> Call {
        let origin = &self.call.origin;
        Call {
            extension: self.extension.name.to_string(),
            entry: self.call.entry.to_owned(),
            request_id: origin.request_id.clone(),
            trace_id: origin.trace_id.clone(),
            task_id: origin.task.map(|id| id.to_string()),
            run_id: origin.run.map(|id| id.to_string()),
            attempt: self.call.attempt,
            deadline_ms: self.call.deadline_ms,
            caller: origin.caller.as_ref().map(|caller| Caller {
                id: caller.id.to_string(),
                name: caller.name.clone(),
                scopes: caller.scopes.iter().map(ToString::to_string).collect(),
            }),
        }
    }
}
