//! Waiting for a state, not for a time.

use std::{future::Future, time::Duration};

/// How long a state may take to come about on a loaded machine before a story fails.
const PATIENCE: Duration = Duration::from_mins(1);
const BETWEEN_LOOKS: Duration = Duration::from_millis(20);

/// Looks until `look` finds what it wants, and answers it. `what` is told when it never does.
pub async fn eventually<T, F>(what: &str, look: impl Fn() -> F) -> T
where
    F: Future<Output = Option<T>>,
{
    within(PATIENCE, what, look).await
}

/// The same with a bound of the story's own.
pub async fn within<T, F>(bound: Duration, what: &str, look: impl Fn() -> F) -> T
where
    F: Future<Output = Option<T>>,
{
    let looking = async {
        loop {
            if let Some(found) = look().await {
                return found;
            }
            tokio::time::sleep(BETWEEN_LOOKS).await;
        }
    };
    tokio::time::timeout(bound, looking)
        .await
        .unwrap_or_else(|_| panic!("not within {bound:?}: {what}"))
}
