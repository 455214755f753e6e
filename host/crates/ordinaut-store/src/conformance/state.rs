//! What extensions keep.

use super::fixture::Exam;
use crate::{StoreError, contract::StateQuota};

const AMPLE: StateQuota = StateQuota { keys_max: 100, bytes_max: 10_000 };

pub async fn values_are_kept_by_extension_bucket_and_key(exam: Exam) {
    let store = &exam.store;
    store.state_set("echo", "default", "k", b"one", AMPLE).await.unwrap();
    store.state_set("echo", "other", "k", b"two", AMPLE).await.unwrap();
    store.state_set("http", "default", "k", b"", AMPLE).await.unwrap();
    store.state_set("echo", "default", "k", b"\xff\x00three", AMPLE).await.unwrap();
    assert_eq!(store.state_get("echo", "default", "k").await.unwrap().as_deref(), Some(&b"\xff\x00three"[..]));
    assert_eq!(store.state_get("echo", "other", "k").await.unwrap().as_deref(), Some(&b"two"[..]));
    assert_eq!(store.state_get("http", "default", "k").await.unwrap().as_deref(), Some(&b""[..]));
    assert_eq!(store.state_get("http", "other", "k").await.unwrap(), None);
    store.state_delete("echo", "default", "k").await.unwrap();
    store.state_delete("echo", "default", "k").await.unwrap();
    assert_eq!(store.state_get("echo", "default", "k").await.unwrap(), None);
    assert!(store.state_get("echo", "other", "k").await.unwrap().is_some());
}

pub async fn keys_are_listed_in_order_and_in_slices(exam: Exam) {
    let store = &exam.store;
    for key in ["c", "a", "ș", "b"] {
        store.state_set("echo", "default", key, b"v", AMPLE).await.unwrap();
    }
    store.state_set("echo", "other", "x", b"v", AMPLE).await.unwrap();
    assert_eq!(store.state_keys("echo", "default", 0, 10).await.unwrap(), ["a", "b", "c", "ș"]);
    assert_eq!(store.state_keys("echo", "default", 1, 2).await.unwrap(), ["b", "c"]);
    assert!(store.state_keys("echo", "default", 4, 10).await.unwrap().is_empty());
    assert!(store.state_keys("http", "default", 0, 10).await.unwrap().is_empty());
}

pub async fn a_quota_counts_keys_and_bytes_of_the_extension(exam: Exam) {
    let store = &exam.store;
    // Two bytes of key and eight of value.
    let quota = StateQuota { keys_max: 2, bytes_max: 10 };
    store.state_set("echo", "a", "ș", b"12345678", quota).await.unwrap();
    let refused = store.state_set("echo", "b", "k", b"", quota).await;
    let Err(StoreError::Quota(message)) = refused else { panic!("{refused:?}") };
    assert!(message.contains("`echo`") && message.contains("11 bytes"), "{message}");
    assert_eq!(store.state_get("echo", "b", "k").await.unwrap(), None, "nothing was written");
    store.state_set("echo", "a", "ș", b"1", quota).await.unwrap();
    store.state_set("echo", "b", "k", b"", quota).await.unwrap();
    let refused = store.state_set("echo", "c", "l", b"", quota).await;
    assert!(matches!(refused, Err(StoreError::Quota(_))), "three keys: {refused:?}");
    store.state_set("echo", "b", "k", b"123456", quota).await.unwrap();
    let refused = store.state_set("echo", "b", "k", b"1234567", quota).await;
    assert!(matches!(refused, Err(StoreError::Quota(_))), "{refused:?}");
    assert_eq!(store.state_get("echo", "b", "k").await.unwrap().as_deref(), Some(&b"123456"[..]));
    store.state_set("http", "a", "k", b"123456789", quota).await.unwrap();
}

pub async fn deleting_makes_room(exam: Exam) {
    let store = &exam.store;
    let quota = StateQuota { keys_max: 1, bytes_max: 5 };
    for round in 0..3 {
        let key = format!("k{round}");
        store.state_set("echo", "a", &key, b"123", quota).await.unwrap();
        store.state_delete("echo", "a", &key).await.unwrap();
    }
    store.state_set("echo", "a", "last", b"1", quota).await.unwrap();
}
