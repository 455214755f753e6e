//! `ordinaut:tools/caller`: calls of other extensions' tools.

use std::fmt::Write as _;

use ordinaut_domain::{Scope, Scopes, ToolAddress, ToolError};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::{
    acting::{ActingAs, acting_as},
    bindings::ordinaut::{
        tools::caller::{Host, Request},
        types::types::Error,
    },
    invoke::tool::too_deep,
    services::OutgoingToolCall,
    state::{GuestState, guest_error},
};

const MAX_KEY_BYTES: usize = 255;
/// What somebody needs who has tools called.
const CALL_SCOPE: &str = "tools:call";

impl Host for GuestState {
    async fn call(&mut self, request: Request) -> Result<String, Error> {
        self.serving()?;
        let invalid = |message: String| guest_error("invalid_arguments", message);
        let address = request.tool.parse::<ToolAddress>();
        let address = address.map_err(|error| invalid(error.to_string()))?;
        if request
            .key
            .as_ref()
            .is_some_and(|key| key.is_empty() || key.len() > MAX_KEY_BYTES)
        {
            return Err(invalid(format!("a key has 1 to {MAX_KEY_BYTES} bytes")));
        }
        let arguments: Value = serde_json::from_str(&request.arguments)
            .map_err(|error| invalid(format!("the arguments of `{address}` are not JSON: {error}")))?;
        if !arguments.is_object() {
            return Err(invalid(format!("the arguments of `{address}` are not a JSON object")));
        }
        let acting = self.acting_for_tools(&address)?;
        let mut origin = self.call.origin.clone();
        origin.depth = origin.depth.saturating_add(1);
        if let Some(error) = too_deep(&address, origin.depth) {
            return Err(of_tool(error));
        }
        self.call.calls_made += 1;
        let call = OutgoingToolCall {
            effect_key: self.effect_key(&address, request.key.as_deref()),
            address,
            arguments,
            fence: self.call.fence,
            attempt: self.call.attempt,
            timeout_ms: request.timeout_ms,
            at_most_ms: self.left_ms(),
            origin,
        };
        let extension = self.extension.name.clone();
        let answer = self
            .services
            .read(|services| async move { Ok(services.call_tool(&extension, acting, call).await) });
        match answer.await? {
            Ok(result) => Ok(result.to_string()),
            Err(error) => Err(of_tool(error)),
        }
    }
}

impl GuestState {
    /// In whose name the tool is called, if it may be called at all: the extension needs the grant, and whoever is
    /// served the scope.
    fn acting_for_tools(&self, address: &ToolAddress) -> Result<ActingAs, Error> {
        let rights = &self.extension.rights;
        if !rights.may_call(address) {
            let remedy = rights.remedy_call(address);
            return Err(self.denied(format!("may not call `{address}`; {remedy}")));
        }
        // The grant for the tool is what the scope would be.
        let own = rights.scopes().into_iter().flat_map(Scopes::iter).cloned();
        let granted: Scopes = own.chain(CALL_SCOPE.parse::<Scope>().ok()).collect();
        let acting = acting_as(self.call.entry, self.call.origin.caller.as_ref(), &granted);
        let why = match &acting {
            ActingAs::Own(_) => return Ok(acting),
            ActingAs::Caller(caller) if caller.scopes.allows(CALL_SCOPE) => return Ok(acting),
            ActingAs::Caller(caller) => format!("`{}`, who is served, lacks the scope `{CALL_SCOPE}`", caller.name),
            ActingAs::Nobody => format!("nobody with the scope `{CALL_SCOPE}` is served"),
        };
        Err(self.denied(format!("may not call `{address}` here: {why}")))
    }

    /// What is left of the present call, in milliseconds.
    fn left_ms(&self) -> u32 {
        let now = u64::try_from(self.services.inner.now().timestamp_millis()).unwrap_or(0);
        u32::try_from(self.call.deadline_ms.saturating_sub(now)).unwrap_or(u32::MAX)
    }

    /// The key of the called tool's effect: the same whenever the present call is made again under its own key, and
    /// different for every other effect. Without a key of the guest's, the call's place in the order counts.
    fn effect_key(&self, address: &ToolAddress, key: Option<&str>) -> String {
        let place = self.call.calls_made.to_string();
        let (kind, own) = key.map_or(("place", place.as_str()), |key| ("key", key));
        let address = address.to_string();
        derive(&[&self.call.effect_key, &self.extension.name, &address, kind, own])
    }
}

/// 64 hexadecimal digits, different for every list of texts.
fn derive(texts: &[&str]) -> String {
    let mut hash = Sha256::new();
    hash.update(b"ordinaut nested effect 1\0");
    for text in texts {
        hash.update((text.len() as u64).to_be_bytes());
        hash.update(text.as_bytes());
    }
    hash.finalize()
        .iter()
        .fold(String::with_capacity(64), |mut text, byte| {
            // Writing to a text cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
}

fn of_tool(error: ToolError) -> Error {
    Error {
        code: error.code,
        message: error.message,
        retryable: error.retryable,
        details: error.details.map(|details| details.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::derive;

    #[test]
    fn keys_below_others_are_stable_and_do_not_run_into_each_other() {
        let key = derive(&["a", "echo", "http.request", "key", "1"]);
        assert_eq!(key, derive(&["a", "echo", "http.request", "key", "1"]));
        assert_eq!(key.len(), 64);
        for other in [
            ["b", "echo", "http.request", "key", "1"],
            ["a", "echoh", "ttp.request", "key", "1"],
            ["a", "echo", "http.request", "place", "1"],
            ["a", "echo", "http.request", "key", "2"],
        ] {
            assert_ne!(key, derive(&other), "{other:?}");
        }
    }
}
