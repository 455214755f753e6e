//! Effect keys: what makes a repeated tool call recognisable to the outside world.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};

use crate::{AgentId, RunId, ToolAddress};

/// The effect key of a tool call: 64 hexadecimal digits, the same on every attempt and worker, and different for
/// every run, step and item of a loop. `index` is the item's place in its loop, 0 outside of one.
///
/// It does not depend on the arguments: a tool that is called again with other arguments under the same key is told
/// by the key that it has been called before, which is what an idempotency key is for.
pub fn effect_key(run: RunId, step: &str, index: u32) -> String {
    let mut hash = Sha256::new();
    hash.update(b"ordinaut effect 1\0");
    hash.update(run.as_uuid().as_bytes());
    hash.update((step.len() as u64).to_be_bytes());
    hash.update(step.as_bytes());
    hash.update(index.to_be_bytes());
    hexadecimal(hash)
}

/// The effect key of a call that an agent makes outside of any run, with a key of its own choice: 64 hexadecimal digits.
/// Agents and tools do not meet in it, whatever keys they choose.
pub fn call_effect_key(agent: AgentId, tool: &ToolAddress, key: &str) -> String {
    let mut hash = Sha256::new();
    hash.update(b"ordinaut effect of a call 1\0");
    hash.update(agent.as_uuid().as_bytes());
    hash.update(tool.to_string());
    // No tool has it in its name.
    hash.update([0]);
    hash.update(key);
    hexadecimal(hash)
}

fn hexadecimal(hash: Sha256) -> String {
    hash.finalize()
        .iter()
        .fold(String::with_capacity(64), |mut text, byte| {
            // Writing to a string cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_calls_differ_by_agent_tool_and_key_and_by_nothing_else() {
        let agent = |number| AgentId::from(uuid::Uuid::from_u128(number));
        let key = |number, tool: &str, key| call_effect_key(agent(number), &tool.parse().unwrap(), key);
        let first = key(1, "a.b", "k");
        assert_eq!(first, key(1, "a.b", "k"));
        assert_eq!(first.len(), 64);
        for other in [key(2, "a.b", "k"), key(1, "a.bk", ""), key(1, "a.b", "k2")] {
            assert_ne!(first, other);
        }
    }
}
