//! Client secrets: `ord_<id>_<43 characters>_<6 characters>`.
//!
//! The prefix lets secret scanners find them, `<id>` (the end of the agent's id) tells a reader whose it is without
//! the secret being of use, the middle is 32 random bytes, and the end is a CRC-32 that lets scanners and typing
//! errors be told apart from real secrets without asking the server.

use std::fmt;

use ordinaut_domain::AgentId;
use ordinaut_store::Entropy;
use sha2::{Digest, Sha256};

use crate::mac::same;

const PREFIX: &str = "ord_";
/// Digits of the agent's id that are shown.
const ID_DIGITS: usize = 12;
/// Base-62 digits that hold 32 bytes.
const RANDOM_DIGITS: usize = 43;
/// Base-62 digits that hold a CRC-32.
const CHECK_DIGITS: usize = 6;
const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// A secret in clear text. It is shown or written once, and never printed by `Debug`.
pub(crate) struct ClientSecret(String);

impl ClientSecret {
    /// A new secret for an agent.
    pub(crate) fn generate(agent: AgentId, entropy: &dyn Entropy) -> Self {
        let mut random = [0; 32];
        entropy.fill(&mut random);
        let id = agent.as_uuid().simple().to_string();
        let body = format!(
            "{PREFIX}{}_{}",
            &id[id.len() - ID_DIGITS..],
            base62(&random, RANDOM_DIGITS)
        );
        let check = base62(&crc32fast::hash(body.as_bytes()).to_be_bytes(), CHECK_DIGITS);
        Self(format!("{body}_{check}"))
    }

    /// The text to hand to the agent.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }

    /// What is stored: the secret has 256 random bits, so a plain hash cannot be reversed by guessing.
    pub(crate) fn hash(&self) -> [u8; 32] {
        Sha256::digest(self.0.as_bytes()).into()
    }

    /// Whether `text` is the secret with this hash. Takes the same time wherever the hashes differ.
    pub(crate) fn matches(text: &str, hash: &[u8; 32]) -> bool {
        let given: [u8; 32] = Sha256::digest(text.as_bytes()).into();
        same(&given, hash)
    }
}

impl fmt::Debug for ClientSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientSecret(…)")
    }
}

/// A big-endian number in base 62, with leading zeros up to `digits`.
fn base62(bytes: &[u8], digits: usize) -> String {
    let mut number = bytes.to_vec();
    let mut text = vec![b'0'; digits];
    for place in text.iter_mut().rev() {
        let mut remainder = 0;
        for byte in &mut number {
            let value = remainder * 256 + u32::from(*byte);
            *byte = (value / 62) as u8;
            remainder = value % 62;
        }
        *place = BASE62[remainder as usize];
    }
    text.into_iter().map(char::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Constant(u8);

    impl Entropy for Constant {
        fn fill(&self, out: &mut [u8]) {
            out.fill(self.0);
        }
    }

    fn agent() -> AgentId {
        "0192f0c1-2b3c-7def-8123-456789abcdef".parse().unwrap()
    }

    #[test]
    fn a_secret_is_scannable_and_carries_its_own_check() {
        let secret = ClientSecret::generate(agent(), &Constant(0xff));
        let parts: Vec<_> = secret.expose().split('_').collect();
        assert_eq!(parts[..2], ["ord", "456789abcdef"]);
        assert_eq!((parts[2].len(), parts[3].len()), (RANDOM_DIGITS, CHECK_DIGITS));
        let body = secret.expose().rsplit_once('_').unwrap().0;
        assert_eq!(
            parts[3],
            base62(&crc32fast::hash(body.as_bytes()).to_be_bytes(), CHECK_DIGITS)
        );
    }

    #[test]
    fn base_62_keeps_every_value_apart() {
        assert_eq!(base62(&[0], 2), "00");
        assert_eq!(base62(&[61], 2), "0z");
        assert_eq!(base62(&[62], 2), "10");
        // The largest values fit into the digits that are set aside for them.
        assert_eq!(base62(&[0xff; 4], CHECK_DIGITS), "4gfFC3");
        assert!(base62(&[0xff; 32], RANDOM_DIGITS) > base62(&[0xfe; 32], RANDOM_DIGITS));
    }

    #[test]
    fn only_the_whole_secret_matches_its_hash() {
        let secret = ClientSecret::generate(agent(), &Constant(7));
        assert!(ClientSecret::matches(secret.expose(), &secret.hash()));
        assert!(!ClientSecret::matches(&secret.expose()[1..], &secret.hash()));
        assert!(!ClientSecret::matches("", &[0; 32]));
    }

    #[test]
    fn debug_output_does_not_tell_the_secret() {
        let secret = ClientSecret::generate(agent(), &Constant(7));
        assert!(!format!("{secret:?}").contains(&secret.expose()[5..20]));
    }
}
