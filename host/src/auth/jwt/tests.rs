use serde_json::{Value, json};

use super::*;
use crate::mac::hmac_sha256;

const NOW: i64 = 1_800_000_000;

fn keys() -> SigningKeys {
    SigningKeys::from_seed(&[3; 32])
}

fn terms() -> TokenTerms {
    TokenTerms {
        issuer: "https://ordinaut.example".into(),
        audience: "ordinaut-api".into(),
        base_url: "https://ordinaut.example".into(),
        ttl_seconds: 900,
    }
}

fn claims() -> Claims {
    Claims {
        iss: terms().issuer,
        aud: terms().audience.into(),
        sub: "0192f0c1-2b3c-7def-8123-456789abcdef".into(),
        client_id: "0192f0c1-2b3c-7def-8123-456789abcdef".into(),
        scope: "tasks:read tasks:write".into(),
        iat: NOW,
        nbf: NOW,
        exp: NOW + 900,
        jti: "x".into(),
        token_version: 1,
        auth_time: None,
    }
}

fn verified(token: &str, now: i64) -> Result<Claims, Rejection> {
    verify(&keys(), token, &terms(), None, now)
}

fn part(value: &impl Serialize) -> String {
    base64url(&serde_json::to_vec(value).unwrap())
}

fn signed(keys: &SigningKeys, message: &str) -> String {
    let signature = jsonwebtoken::crypto::sign(message.as_bytes(), keys.active(), Algorithm::EdDSA).unwrap();
    format!("{message}.{signature}")
}

/// A token with a header and claims of our choice, correctly signed with the real key.
fn forged(header: &Value, claims: &Value) -> String {
    signed(&keys(), &format!("{}.{}", part(header), part(claims)))
}

fn header() -> Value {
    json!({ "alg": "EdDSA", "typ": "at+jwt", "kid": keys().kid() })
}

fn with_header(name: &str, value: Value) -> Result<Claims, Rejection> {
    let mut header = header();
    header[name] = value;
    verified(&forged(&header, &json!(claims())), NOW)
}

fn with_claim(name: &str, value: Value) -> Result<Claims, Rejection> {
    let mut claims = json!(claims());
    claims[name] = value;
    verified(&forged(&header(), &claims), NOW)
}

#[test]
fn a_token_of_our_own_is_accepted() {
    assert_eq!(verified(&sign(&keys(), &claims()), NOW), Ok(claims()));
}

#[test]
fn an_audience_may_be_one_of_several() {
    assert!(with_claim("aud", json!(["other", "ordinaut-api"])).is_ok());
    assert_eq!(with_claim("aud", json!(["other"])), Err(Rejection::Claim("aud")));
}

#[test]
fn a_token_without_a_signature_is_refused() {
    let none = json!({ "alg": "none", "typ": "at+jwt", "kid": keys().kid() });
    let message = format!("{}.{}", part(&none), part(&claims()));
    assert_eq!(verified(&format!("{message}."), NOW), Err(Rejection::Algorithm));
    assert_eq!(verified(&message, NOW), Err(Rejection::Malformed));

    let unsigned = format!("{}.{}.", part(&header()), part(&claims()));
    assert_eq!(verified(&unsigned, NOW), Err(Rejection::Signature));
}

#[test]
fn the_public_key_is_no_secret_for_hmac() {
    let header = json!({ "alg": "HS256", "typ": "at+jwt", "kid": keys().kid() });
    let message = format!("{}.{}", part(&header), part(&claims()));
    let code = hmac_sha256(&keys().public_bytes(), &[message.as_bytes()]);
    let token = format!("{message}.{}", base64url(&code));
    assert_eq!(verified(&token, NOW), Err(Rejection::Algorithm));
}

#[test]
fn every_other_algorithm_is_refused_even_with_a_right_signature() {
    for alg in ["none", "None", "HS256", "RS256", "ES256", "eddsa", "Ed25519", ""] {
        assert_eq!(with_header("alg", json!(alg)), Err(Rejection::Algorithm), "{alg}");
    }
    assert_eq!(with_header("alg", json!(null)), Err(Rejection::Malformed));
}

#[test]
fn only_access_tokens_are_accepted() {
    for typ in [json!("JWT"), json!("id_token"), json!(""), json!(null)] {
        assert_eq!(with_header("typ", typ.clone()), Err(Rejection::Type), "{typ}");
    }
    assert!(with_header("typ", json!("application/at+jwt")).is_ok());
}

#[test]
fn only_known_keys_are_accepted() {
    for kid in [
        json!("other"),
        json!(""),
        json!("../../etc/passwd"),
        json!("' OR 1=1 --"),
        json!(null),
    ] {
        assert_eq!(with_header("kid", kid.clone()), Err(Rejection::UnknownKey), "{kid}");
    }
    let other = SigningKeys::from_seed(&[4; 32]);
    assert_eq!(verified(&sign(&other, &claims()), NOW), Err(Rejection::UnknownKey));

    // Another key under our id.
    let message = format!("{}.{}", part(&header()), part(&claims()));
    assert_eq!(verified(&signed(&other, &message), NOW), Err(Rejection::Signature));
}

#[test]
fn critical_headers_are_refused() {
    assert_eq!(with_header("crit", json!(["exp"])), Err(Rejection::Critical));
}

#[test]
fn tokens_are_valid_from_nbf_to_exp_with_thirty_seconds_of_leeway() {
    let token = sign(&keys(), &claims());
    assert_eq!(verified(&token, NOW - 31), Err(Rejection::NotYetValid));
    assert!(verified(&token, NOW - 30).is_ok());
    assert!(verified(&token, NOW + 929).is_ok());
    assert_eq!(verified(&token, NOW + 930), Err(Rejection::Expired));
}

#[test]
fn times_at_the_edge_of_their_type_are_refused_not_overflowed() {
    assert!(with_claim("exp", json!(i64::MAX)).is_ok());
    assert_eq!(with_claim("exp", json!(i64::MIN)), Err(Rejection::Expired));
    assert_eq!(with_claim("nbf", json!(i64::MAX)), Err(Rejection::NotYetValid));
    assert_eq!(with_claim("exp", json!("soon")), Err(Rejection::Malformed));
}

#[test]
fn the_issuer_must_be_ours() {
    assert_eq!(
        with_claim("iss", json!("https://evil.example")),
        Err(Rejection::Claim("iss"))
    );
    assert_eq!(with_claim("iss", json!(null)), Err(Rejection::Malformed));
    // Several issuers are none.
    assert_eq!(with_claim("iss", json!([terms().issuer])), Err(Rejection::Malformed));
}

#[test]
fn every_claim_must_be_there() {
    let whole = json!(claims());
    for name in whole.as_object().unwrap().keys() {
        let mut claims = whole.clone();
        claims.as_object_mut().unwrap().remove(name);
        assert_eq!(
            verified(&forged(&header(), &claims), NOW),
            Err(Rejection::Malformed),
            "{name}"
        );
    }
}

#[test]
fn the_clock_that_counts_is_the_one_that_is_handed_in() {
    // Far from any time at which this runs.
    for at in [1_000, 100_000_000_000] {
        let mut claims = claims();
        (claims.iat, claims.nbf, claims.exp) = (at, at, at + 900);
        assert_eq!(verified(&sign(&keys(), &claims), at), Ok(claims));
    }
}

#[test]
fn the_header_says_algorithm_type_and_key_and_nothing_else() {
    let token = sign(&keys(), &claims());
    let header_part = token.split('.').next().unwrap();
    let decoded: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header_part).unwrap()).unwrap();
    assert_eq!(decoded, header());
}

#[test]
fn a_changed_token_is_refused_wherever_it_was_changed() {
    let token = sign(&keys(), &claims());
    for place in 0..token.len() {
        let mut bytes = token.clone().into_bytes();
        bytes[place] = if bytes[place] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(bytes).unwrap();
        assert!(verified(&changed, NOW).is_err(), "byte {place}");
    }
}

#[test]
fn anything_else_is_malformed() {
    for text in [
        "",
        ".",
        "..",
        "...",
        "a.b.c",
        "ord_0_0_0",
        "é.é.é",
        &"a".repeat(100_000),
    ] {
        assert!(matches!(verified(text, NOW), Err(Rejection::Malformed)), "{text:.20}");
    }
}

#[test]
fn a_token_for_an_extension_is_accepted_there_alone() {
    let token = |aud: &str| {
        sign(
            &keys(),
            &Claims {
                aud: aud.to_owned().into(),
                ..claims()
            },
        )
    };
    let accepted = |aud: &str, extension: Option<&str>| verify(&keys(), &token(aud), &terms(), extension, NOW).is_ok();
    let of_demo = "https://ordinaut.example/ext/demo";
    assert!(accepted(of_demo, Some("demo")));
    for elsewhere in [None, Some("other"), Some("dem"), Some("demo2")] {
        assert!(!accepted(of_demo, elsewhere), "{elsewhere:?}");
    }
    assert!(accepted("ordinaut-api", Some("demo")));
    assert!(!accepted("https://ordinaut.example", Some("demo")));
}
