//! The only cryptography that tokens are signed and checked with: Ed25519 (RFC 8032), as JWS calls it EdDSA (RFC 8037).
//!
//! `jsonwebtoken` reads and writes tokens but leaves signatures to a provider of the process. Its own providers bring
//! RSA, ECDSA and HMAC along, the first with an open timing advisory; this one knows one algorithm and refuses the
//! others, so a fault in what stands above it cannot make a token of another kind acceptable.

use std::sync::OnceLock;

use ed25519_dalek::{Signature, SigningKey, VerifyingKey};
use jsonwebtoken::{
    Algorithm, AlgorithmFamily, DecodingKey, EncodingKey,
    crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils},
    errors::{Error, ErrorKind, new_error},
    signature::{self, Signer, Verifier},
};

static PROVIDER: CryptoProvider = CryptoProvider {
    signer_factory: |algorithm, key| signer(*algorithm, key),
    verifier_factory: |algorithm, key| verifier(*algorithm, key),
    // Only needed to derive JWKs from private keys, which happens nowhere here.
    key_utils: KeyUtils {
        rsa_pub_components_from_private_key: |_| Err(unsupported()),
        rsa_pub_components_from_public_key: |_| Err(unsupported()),
        ec_pub_components_from_private_key: |_, _| Err(unsupported()),
        ed_pub_components_from_private_key: |_, _| Err(unsupported()),
        compute_digest: |_, _| Err(unsupported()),
    },
};

/// The key that signs. Whoever has one from here has the provider installed as well.
pub(crate) fn encoding_key(seed: &[u8; 32]) -> EncodingKey {
    install();
    // The library does not look into a key; ours are read in `signer`, as the bare seed.
    EncodingKey::from_ed_der(seed)
}

/// The key that checks signatures.
pub(crate) fn decoding_key(public: &VerifyingKey) -> DecodingKey {
    install();
    DecodingKey::from_ed_der(public.as_bytes())
}

/// Makes this the provider of the process, the first time. Several hosts in one process share it.
fn install() {
    static INSTALLED: OnceLock<()> = OnceLock::new();
    INSTALLED.get_or_init(|| {
        // With another provider keys would be read differently and signatures checked less strictly.
        assert!(
            PROVIDER.install_default().is_ok(),
            "this process has installed another CryptoProvider for jsonwebtoken; leave that to ordinaut"
        );
    });
}

fn signer(algorithm: Algorithm, key: &EncodingKey) -> Result<Box<dyn JwtSigner>, Error> {
    expect_eddsa(algorithm, key.family())?;
    let seed = key.as_bytes().try_into().map_err(|_| invalid_key())?;
    Ok(Box::new(Ed25519Signer(SigningKey::from_bytes(seed))))
}

fn verifier(algorithm: Algorithm, key: &DecodingKey) -> Result<Box<dyn JwtVerifier>, Error> {
    expect_eddsa(algorithm, key.family())?;
    let public = key.try_get_as_bytes()?.try_into().map_err(|_| invalid_key())?;
    let public = VerifyingKey::from_bytes(public).map_err(|_| invalid_key())?;
    Ok(Box::new(Ed25519Verifier(public)))
}

fn expect_eddsa(algorithm: Algorithm, family: AlgorithmFamily) -> Result<(), Error> {
    if algorithm == Algorithm::EdDSA && family == AlgorithmFamily::Ed {
        Ok(())
    } else {
        Err(unsupported())
    }
}

fn unsupported() -> Error {
    new_error(ErrorKind::UnsupportedAlgorithm)
}

fn invalid_key() -> Error {
    new_error(ErrorKind::InvalidEddsaKey)
}

struct Ed25519Signer(SigningKey);

impl Signer<Vec<u8>> for Ed25519Signer {
    fn try_sign(&self, message: &[u8]) -> Result<Vec<u8>, signature::Error> {
        Ok(self.0.try_sign(message)?.to_bytes().to_vec())
    }
}

impl JwtSigner for Ed25519Signer {
    fn algorithm(&self) -> Algorithm {
        Algorithm::EdDSA
    }
}

struct Ed25519Verifier(VerifyingKey);

impl Verifier<Vec<u8>> for Ed25519Verifier {
    /// Strict: weak keys and signatures that could be written in two ways are refused as well (RFC 8032 §8.4).
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> Result<(), signature::Error> {
        self.0.verify_strict(message, &Signature::from_slice(signature)?)
    }
}

impl JwtVerifier for Ed25519Verifier {
    fn algorithm(&self) -> Algorithm {
        Algorithm::EdDSA
    }
}

#[cfg(test)]
mod tests {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    use jsonwebtoken::crypto::{sign, verify};

    use super::*;

    const OTHERS: [Algorithm; 11] = [
        Algorithm::HS256,
        Algorithm::HS384,
        Algorithm::HS512,
        Algorithm::ES256,
        Algorithm::ES384,
        Algorithm::RS256,
        Algorithm::RS384,
        Algorithm::RS512,
        Algorithm::PS256,
        Algorithm::PS384,
        Algorithm::PS512,
    ];

    fn kind<T>(result: Result<T, Error>) -> Option<ErrorKind> {
        result.err().map(Error::into_kind)
    }

    #[test]
    fn signatures_are_those_of_rfc_8037_appendix_a() {
        // RFC 8037 A.1, A.2 and A.4.
        let decode = |text| <[u8; 32]>::try_from(URL_SAFE_NO_PAD.decode(text).unwrap()).unwrap();
        let private = encoding_key(&decode("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"));
        let public = VerifyingKey::from_bytes(&decode("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo")).unwrap();
        let message = b"eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc";
        let signature = "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
        assert_eq!(sign(message, &private, Algorithm::EdDSA).unwrap(), signature);
        let public = decoding_key(&public);
        assert!(verify(signature, message, &public, Algorithm::EdDSA).unwrap());
        assert!(!verify(signature, b"another", &public, Algorithm::EdDSA).unwrap());
    }

    #[test]
    fn nothing_but_eddsa_signs_or_verifies() {
        let private = encoding_key(&[5; 32]);
        let public = decoding_key(&SigningKey::from_bytes(&[5; 32]).verifying_key());
        for algorithm in OTHERS {
            let signed = kind(sign(b"m", &private, algorithm));
            assert!(
                matches!(signed, Some(ErrorKind::UnsupportedAlgorithm)),
                "{algorithm:?}: {signed:?}"
            );
            let verified = kind(verify("AA", b"m", &public, algorithm));
            assert!(
                matches!(verified, Some(ErrorKind::UnsupportedAlgorithm)),
                "{algorithm:?}: {verified:?}"
            );
        }
    }

    #[test]
    fn keys_of_other_kinds_are_refused() {
        install();
        for key in [EncodingKey::from_secret(&[5; 32]), EncodingKey::from_ec_der(&[5; 32])] {
            let error = kind(sign(b"m", &key, Algorithm::EdDSA));
            assert!(matches!(error, Some(ErrorKind::UnsupportedAlgorithm)), "{error:?}");
        }
        let public = SigningKey::from_bytes(&[5; 32]).verifying_key().to_bytes();
        let error = kind(verify("AA", b"m", &DecodingKey::from_secret(&public), Algorithm::EdDSA));
        assert!(matches!(error, Some(ErrorKind::UnsupportedAlgorithm)), "{error:?}");
        for bytes in [&[][..], &[5; 31], &[5; 33]] {
            let error = kind(sign(b"m", &EncodingKey::from_ed_der(bytes), Algorithm::EdDSA));
            assert!(matches!(error, Some(ErrorKind::InvalidEddsaKey)), "{error:?}");
            let error = kind(verify("AA", b"m", &DecodingKey::from_ed_der(bytes), Algorithm::EdDSA));
            assert!(matches!(error, Some(ErrorKind::InvalidEddsaKey)), "{error:?}");
        }
    }

    #[test]
    fn a_weak_key_that_fits_every_message_is_refused() {
        // The neutral point as the key and as R, with S = 0: the equation of RFC 8032 §5.1.7 holds for all messages.
        let mut neutral = [0; 32];
        neutral[0] = 1;
        let weak = VerifyingKey::from_bytes(&neutral).unwrap();
        let mut signature = [0; 64];
        signature[0] = 1;
        assert!(Verifier::verify(&weak, b"anything", &Signature::from_bytes(&signature)).is_ok());

        let text = URL_SAFE_NO_PAD.encode(signature);
        assert!(!verify(&text, b"anything", &decoding_key(&weak), Algorithm::EdDSA).unwrap());
    }

    #[test]
    fn the_provider_may_be_installed_from_many_threads() {
        let threads: Vec<_> = (0..8).map(|_| std::thread::spawn(install)).collect();
        for thread in threads {
            thread.join().unwrap();
        }
        assert!(sign(b"m", &encoding_key(&[5; 32]), Algorithm::EdDSA).is_ok());
    }
}
