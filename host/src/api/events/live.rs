//! A stream of events as it is sent: `text/event-stream`, as the HTML standard describes it (§9.2 Server-sent events).
//!
//! Each message has an `id:`, from which a client resumes, and one line of `data:`. While nothing happens a comment goes
//! out from time to time, so that neither a proxy nor the client thinks that nobody is there any more.

use std::{pin::Pin, time::Duration};

use bytes::Bytes;
use futures::{Stream, stream};
use ordinaut_bus::Follower;
use ordinaut_domain::{Event, EventId, EventView};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::{cloud_event, places::StreamPlace};

/// How long a stream lasts at most; its client begins anew from where it was.
const LIFETIME: Duration = Duration::from_hours(1);
/// How often something is sent at least.
const SIGN_OF_LIFE_EVERY: Duration = Duration::from_secs(15);
/// How often it is asked whether the reader's rights still hold: a token that is revoked or has expired ends the stream
/// as soon as it ends everything else.
const ASK_EVERY: Duration = Duration::from_secs(5);
/// How long a client is to wait before it begins anew.
const RETRY_MS: u64 = 2_000;

/// Asks what the reader may see now; none when nothing any more.
pub(super) type Asked = Pin<Box<dyn Future<Output = Option<EventView>> + Send>>;

/// What a stream is made of.
pub(super) struct Live {
    pub follower: Box<dyn Follower>,
    pub view: EventView,
    pub ask: Box<dyn Fn() -> Asked + Send>,
    pub stopping: CancellationToken,
    #[expect(dead_code, reason = "it is held until the stream ends")]
    pub place: StreamPlace,
}

impl Live {
    /// The stream. `begins_after` is the event after which it begins, as far as it is known: a client that loses its
    /// connection before the first message resumes there.
    pub(super) fn into_stream(
        self,
        begins_after: Option<EventId>,
    ) -> impl Stream<Item = Result<Bytes, std::io::Error>> {
        let now = Instant::now();
        let running = Running {
            live: self,
            ends_at: now + LIFETIME,
            asks_at: now + ASK_EVERY,
            sign_of_life_at: now + SIGN_OF_LIFE_EVERY,
        };
        let opening = stream::once(std::future::ready(Ok(opening(begins_after))));
        let rest = stream::unfold(running, |mut running| async {
            let part = running.next().await?;
            Some((Ok(part), running))
        });
        futures::StreamExt::chain(opening, rest)
    }
}

/// A stream under way.
struct Running {
    live: Live,
    ends_at: Instant,
    asks_at: Instant,
    sign_of_life_at: Instant,
}

impl Running {
    /// What is sent next; none when the stream ends.
    async fn next(&mut self) -> Option<Bytes> {
        let part = loop {
            tokio::select! {
                biased;
                () = self.live.stopping.cancelled() => return None,
                () = sleep_until(self.ends_at) => return None,
                () = sleep_until(self.asks_at) => {
                    self.live.view = (self.live.ask)().await?;
                    self.asks_at = Instant::now() + ASK_EVERY;
                }
                () = sleep_until(self.sign_of_life_at) => break Bytes::from_static(b": keep-alive\n\n"),
                logged = self.live.follower.next() => match logged {
                    Ok(logged) if self.live.view.sees_event(&logged.event) => break message(&logged.event),
                    Ok(_) => {}
                    Err(error) => {
                        // The client begins anew, and is told by then what is wrong.
                        tracing::warn!(%error, "a stream of events ended");
                        return None;
                    }
                },
            }
        };
        self.sign_of_life_at = Instant::now() + SIGN_OF_LIFE_EVERY;
        Some(part)
    }
}

/// An `id:` without `data:` is no message, but is resumed from.
fn opening(begins_after: Option<EventId>) -> Bytes {
    let id = begins_after.map(|id| format!("id: {id}\n")).unwrap_or_default();
    format!("retry: {RETRY_MS}\n{id}\n").into()
}

fn message(event: &Event) -> Bytes {
    format!("id: {}\ndata: {}\n\n", event.id, cloud_event::shown(event)).into()
}

#[cfg(test)]
mod tests;
