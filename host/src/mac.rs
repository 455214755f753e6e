//! HMAC-SHA-256 (RFC 2104), as keys are derived and cursors authenticated with it.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// The code of a message that is given in parts; the parts are not told apart, so separate them where that matters.
pub(crate) fn hmac_sha256(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    #[expect(clippy::expect_used, reason = "HMAC takes keys of every length")]
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("a key");
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

/// Whether two secrets are the same. Takes the same time wherever they differ; their lengths are no secret.
pub(crate) fn same(a: &[u8], b: &[u8]) -> bool {
    let difference = a.iter().zip(b).fold(0, |difference, (a, b)| difference | (a ^ b));
    a.len() == b.len() && difference == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_is_that_of_rfc_4231() {
        // Test case 2 of RFC 4231 §4.3.
        let code = hmac_sha256(b"Jefe", &[b"what do ya want ", b"for nothing?"]);
        assert_eq!(code[..8], [0x5b, 0xdc, 0xc1, 0x46, 0xbf, 0x60, 0x75, 0x4e]);
    }

    #[test]
    fn secrets_are_the_same_or_not() {
        for (a, b, expected) in [
            ("", "", true),
            ("ab", "ab", true),
            ("ab", "ac", false),
            ("ab", "a", false),
            ("", "a", false),
        ] {
            assert_eq!(same(a.as_bytes(), b.as_bytes()), expected, "{a} {b}");
        }
    }
}
