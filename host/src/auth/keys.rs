//! The Ed25519 keys that sign tokens.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ed25519_dalek::{SigningKey, VerifyingKey};
use jsonwebtoken::{DecodingKey, EncodingKey};
use ordinaut_store::{Agents, Entropy, StoreError};
use sha2::{Digest as _, Sha256};

use super::{
    seal::{SealingKey, Unsealable},
    signature,
};

/// Under which name the store keeps the key. A number, so that rotation can add others.
const STORED_AS: &str = "auth.signing_key.1";

/// The key that signs, and those whose signatures are accepted (for now the same one).
pub(crate) struct SigningKeys {
    active: EncodingKey,
    accepted: DecodingKey,
    public: VerifyingKey,
    /// RFC 7638 thumbprint of the public key.
    kid: String,
}

/// Why there is no signing key.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeyError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Unsealable(#[from] Unsealable),
    #[error("the stored signing key has {0} bytes instead of 32")]
    Length(usize),
}

impl SigningKeys {
    /// Reads the key from the store, or makes one. Of several processes that start at once, one wins.
    pub(crate) async fn load_or_create(
        store: &(impl Agents + ?Sized),
        sealing: &SealingKey,
        entropy: &dyn Entropy,
    ) -> Result<Self, KeyError> {
        let sealed = if let Some(sealed) = store.secret(STORED_AS).await? {
            sealed
        } else {
            let mut seed = [0; 32];
            entropy.fill(&mut seed);
            let sealed = sealing.seal(STORED_AS, &seed, entropy);
            store.secret_or_insert(STORED_AS, &sealed).await?
        };
        let seed = sealing.open(STORED_AS, &sealed)?;
        let seed: [u8; 32] = seed.try_into().map_err(|seed: Vec<u8>| KeyError::Length(seed.len()))?;
        Ok(Self::from_seed(&seed))
    }

    /// Whether the store holds a key already, sealed.
    pub(crate) async fn are_stored(store: &(impl Agents + ?Sized)) -> Result<bool, StoreError> {
        Ok(store.secret(STORED_AS).await?.is_some())
    }

    pub(crate) fn from_seed(seed: &[u8; 32]) -> Self {
        let public = SigningKey::from_bytes(seed).verifying_key();
        Self {
            active: signature::encoding_key(seed),
            accepted: signature::decoding_key(&public),
            public,
            kid: thumbprint(&public),
        }
    }

    /// The id of the key that signs.
    pub(crate) fn kid(&self) -> &str {
        &self.kid
    }

    /// The key that signs.
    pub(crate) fn active(&self) -> &EncodingKey {
        &self.active
    }

    /// The key with this id, if what it signed is accepted.
    pub(crate) fn accepted(&self, kid: &str) -> Option<&DecodingKey> {
        (kid == self.kid).then_some(&self.accepted)
    }

    /// The public keys (RFC 7517, RFC 8037).
    pub(crate) fn jwks(&self) -> serde_json::Value {
        let x = URL_SAFE_NO_PAD.encode(self.public.as_bytes());
        serde_json::json!({
            "keys": [{ "kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": self.kid, "x": x }]
        })
    }

    #[cfg(test)]
    pub(crate) fn public_bytes(&self) -> [u8; 32] {
        self.public.to_bytes()
    }
}

/// RFC 7638 §3: the required members in alphabetical order, without blanks.
fn thumbprint(key: &VerifyingKey) -> String {
    let x = URL_SAFE_NO_PAD.encode(key.as_bytes());
    let canonical = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#);
    URL_SAFE_NO_PAD.encode(Sha256::digest(canonical.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_id_is_the_thumbprint_of_rfc_8037_appendix_a() {
        // RFC 8037 A.1 to A.3: private key, public key and thumbprint.
        let seed = URL_SAFE_NO_PAD
            .decode("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A")
            .unwrap();
        let keys = SigningKeys::from_seed(&seed.try_into().unwrap());
        assert_eq!(
            keys.jwks()["keys"][0]["x"],
            "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
        );
        assert_eq!(keys.kid(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    }

    #[test]
    fn only_the_public_part_is_published() {
        let keys = SigningKeys::from_seed(&[9; 32]);
        let published = keys.jwks().to_string();
        assert!(!published.contains(&URL_SAFE_NO_PAD.encode([9; 32])));
        assert!(!published.contains("\"d\""));
    }
}
