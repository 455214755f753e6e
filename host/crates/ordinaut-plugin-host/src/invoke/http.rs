//! A request to a route. Bodies are streamed both ways and never collected; dropping the answer's body ends the guest.

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderValue, Request, Response, header};
use http_body::{Body, Frame, SizeHint};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use ordinaut_domain::CallOrigin;
use tokio::sync::oneshot;
use wasmtime_wasi_http::{
    Error as HttpError, WasiHttpView,
    p2::{bindings::http::types::Scheme, body::HyperOutgoingBody},
};

use super::{Answer, CallSpec, Cpu, Limit, Runner};
use crate::{
    Access, BoxBody, BoxError,
    engine::AbortOnDrop,
    error::{CallError, CallErrorKind},
    loader::Loaded,
    state::Phase,
    stats::Stats,
};

/// How long a request waits for a place before it is refused.
const WAIT_FOR_PLACE: Duration = Duration::from_millis(250);

/// Has the extension answer `request`.
pub(crate) async fn handle(
    runner: &Runner,
    loaded: &Arc<Loaded>,
    stats: &Arc<Stats>,
    request: Request<BoxBody>,
    route: &RouteInfo,
    origin: CallOrigin,
) -> Result<Response<BoxBody>, CallError> {
    let export = format!("http {} {}", request.method(), route.pattern);
    let outcome = start(runner, loaded, stats, request, route, origin, &export).await;
    if let Err(error) = &outcome {
        stats.count_error(error);
    }
    outcome
}

/// What is known about the route.
pub(crate) struct RouteInfo {
    pub(crate) pattern: String,
    pub(crate) streaming: bool,
    pub(crate) access: Access,
}

async fn start(
    runner: &Runner,
    loaded: &Arc<Loaded>,
    stats: &Arc<Stats>,
    request: Request<BoxBody>,
    route: &RouteInfo,
    origin: CallOrigin,
    export: &str,
) -> Result<Response<BoxBody>, CallError> {
    let failed = |kind| CallError::new(kind, loaded.name(), export);
    let limits = loaded.limits().clone();
    let Some(pre) = loaded.provides.http.clone() else {
        return Err(failed(CallErrorKind::NotFound {
            what: "export wasi:http/incoming-handler".to_owned(),
        }));
    };
    let request = prepare(request, &route.access, limits.request_bytes).map_err(failed)?;
    let under_way = loaded.under_way.token();
    let place = if route.streaming {
        runner.stream_place(loaded).map_err(failed)?
    } else {
        runner.place(loaded, WAIT_FOR_PLACE).await.map_err(failed)?
    };
    stats.count_call();

    let (head_sender, head) = oneshot::channel();
    let task = runner.spawn(
        loaded.prepared.clone(),
        spec(export, route, &limits, origin),
        move |store| {
            Box::pin(async move {
                // Kept for as long as the guest runs, not for as long as a slow client reads.
                let _kept = (place, under_way);
                let incoming = store.data_mut().http().new_incoming_request(Scheme::Http, request)?;
                let outparam = store.data_mut().http().new_response_outparam(head_sender)?;
                let instance = pre.instantiate_async(&mut *store).await?;
                instance
                    .wasi_http_incoming_handler()
                    .call_handle(&mut *store, incoming, outparam)
                    .await
            })
        },
    );

    // The sender is dropped with the store, so this ends at the latest when the guest does.
    let mut response = match head.await {
        Ok(Ok(response)) => response,
        Ok(Err(code)) => {
            return Err(failed(CallErrorKind::BadAnswer {
                reason: format!("it answered the error {code:?}"),
            }));
        }
        Err(_) => {
            let ended = task
                .await
                .unwrap_or_else(|error| Err(super::host_failed(&error, loaded.name(), export.into())));
            return Err(match ended {
                Err(error) => error,
                Ok(_) => failed(CallErrorKind::BadAnswer {
                    reason: "it returned without an answer".to_owned(),
                }),
            });
        }
    };
    // A final status is all that the other side of this interface can send; 101 would hand over the connection.
    if response.status().is_informational() {
        return Err(failed(CallErrorKind::BadAnswer {
            reason: format!(
                "its status {} is not a final one (200 to 599)",
                response.status().as_u16()
            ),
        }));
    }
    strip_hosts_own(response.headers_mut());
    let limit = (!route.streaming).then_some(limits.response_bytes);
    if let Some(limit) = limit
        && content_length(response.headers()).is_some_and(|length| length > limit)
    {
        return Err(failed(CallErrorKind::BodyLimit {
            limit,
            key: "response_bytes",
        }));
    }
    let announced = content_length(response.headers());
    Ok(response.map(|body| {
        let guest = GuestBody {
            body: Some(body),
            task: Some(task),
            sent: 0,
            announced,
            last: None,
            limit,
            streaming: route.streaming,
            extension: loaded.name().to_string(),
            export: export.to_owned(),
            stats: stats.clone(),
        };
        guest.boxed_unsync()
    }))
}

fn spec(export: &str, route: &RouteInfo, limits: &crate::Limits, origin: CallOrigin) -> CallSpec {
    let (wall_ms, key) = if route.streaming {
        (limits.stream_lifetime_ms, "stream_lifetime_ms")
    } else {
        (limits.wall_ms, "wall_ms")
    };
    CallSpec {
        export: export.to_owned(),
        entry: "http",
        origin,
        attempt: 1,
        effect: None,
        hops: 0,
        wall: Limit {
            duration: Duration::from_millis(wall_ms),
            key,
        },
        cpu: Cpu {
            budget: Duration::from_millis(limits.cpu_ms),
            window: route.streaming.then(|| Duration::from_millis(limits.wall_ms)),
            key: "cpu_ms",
        },
        phase: Phase::Serving,
        ends_with_extension: route.streaming,
    }
}

/// The request as the guest gets it: its size is bounded, it names a host, and it does not carry the caller's token
/// (with which the extension could act as the caller anywhere).
fn prepare(
    mut request: Request<BoxBody>,
    access: &Access,
    limit: u64,
) -> Result<Request<http_body_util::combinators::UnsyncBoxBody<Bytes, HttpError>>, CallErrorKind> {
    if content_length(request.headers()).is_some_and(|length| length > limit) {
        return Err(CallErrorKind::BodyLimit {
            limit,
            key: "request_bytes",
        });
    }
    let headers = request.headers_mut();
    headers.remove(header::PROXY_AUTHORIZATION);
    if *access != Access::Public {
        headers.remove(header::AUTHORIZATION);
    }
    if headers.get(header::HOST).is_none_or(|host| host.to_str().is_err()) {
        headers.insert(header::HOST, HeaderValue::from_static("localhost"));
    }
    let limit_bytes = usize::try_from(limit).unwrap_or(usize::MAX);
    Ok(request.map(|body| {
        Limited::new(body, limit_bytes)
            .map_err(move |error| {
                if error.is::<LengthLimitError>() {
                    HttpError::HttpRequestBodySize(Some(limit))
                } else {
                    HttpError::InternalError(Some("the request's body could not be read".to_owned()))
                }
            })
            .boxed_unsync()
    }))
}

/// Takes out what only the host says: about its own origin, on which extensions live, and about itself. Cookies with
/// the prefixes `__Host-` and `__Secure-` (RFC 6265bis, section 4.1.3) would be the origin's, not the extension's.
fn strip_hosts_own(headers: &mut http::HeaderMap) {
    for name in [
        header::STRICT_TRANSPORT_SECURITY,
        header::X_CONTENT_TYPE_OPTIONS,
        header::DATE,
        header::SERVER,
    ] {
        headers.remove(name);
    }
    if let header::Entry::Occupied(cookies) = headers.entry(header::SET_COOKIE) {
        let (name, cookies) = cookies.remove_entry_mult();
        let kept: Vec<_> = cookies.filter(|cookie| !is_of_origin(cookie.as_bytes())).collect();
        for cookie in kept {
            headers.append(name.clone(), cookie);
        }
    }
}

fn is_of_origin(cookie: &[u8]) -> bool {
    let cookie = cookie.trim_ascii_start();
    ["__host-", "__secure-"].iter().any(|prefix| {
        cookie
            .get(..prefix.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(prefix.as_bytes()))
    })
}

fn content_length(headers: &http::HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// The body of an answer, with the guest that writes it.
struct GuestBody {
    body: Option<HyperOutgoingBody>,
    task: Option<AbortOnDrop<Result<Answer<()>, CallError>>>,
    sent: u64,
    /// `Content-Length`. Who has that many bytes asks for no more, so the last of them wait until the guest has ended.
    announced: Option<u64>,
    last: Option<Frame<Bytes>>,
    limit: Option<u64>,
    streaming: bool,
    extension: String,
    export: String,
    stats: Arc<Stats>,
}

impl GuestBody {
    /// Ends guest and body with an error.
    fn fail(&mut self, error: CallError) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        self.body = None;
        self.task = None;
        self.stats.count_error(&error);
        Poll::Ready(Some(Err(error.into())))
    }

    /// All that the guest wrote has been sent. Whether that was all it wanted to write is known when it has ended: a
    /// guest that broke off must not look like one that finished.
    fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let Some(task) = &mut self.task else {
            return Poll::Ready(None);
        };
        let ended = match Pin::new(task).poll(cx) {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(Ok(ended)) => ended,
            Poll::Ready(Err(error)) => Err(super::host_failed(&error, &self.extension, self.export.clone())),
        };
        self.task = None;
        match ended {
            Ok(_) => Poll::Ready(None),
            // A stream that reached its lifetime, or whose extension is being replaced, ends as if the guest had
            // closed it: its reader comes back.
            Err(error)
                if self.streaming
                    && matches!(
                        error.kind,
                        CallErrorKind::WallTimeout { .. } | CallErrorKind::NotReady { .. }
                    ) =>
            {
                Poll::Ready(None)
            }
            Err(error) => self.fail(error),
        }
    }
}

impl GuestBody {
    /// The last frame of an answer with an announced length, once the guest has ended well.
    fn poll_last(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match self.poll_end(cx) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(None) => Poll::Ready(self.last.take().map(Ok)),
            failed @ Poll::Ready(Some(_)) => {
                self.last = None;
                failed
            }
        }
    }
}

impl Body for GuestBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = &mut *self;
        if this.last.is_some() {
            return this.poll_last(cx);
        }
        let Some(body) = &mut this.body else {
            return this.poll_end(cx);
        };
        match Pin::new(body).poll_frame(cx) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(None) => {
                this.body = None;
                this.poll_end(cx)
            }
            Poll::Ready(Some(Err(error))) => {
                // An unfinished body: why, the guest's end tells better.
                this.body = None;
                match this.poll_end(cx) {
                    Poll::Ready(None) => {
                        let kind = CallErrorKind::BadAnswer {
                            reason: format!("its body broke off: {error}"),
                        };
                        let error = CallError::new(kind, &this.extension, this.export.clone());
                        this.fail(error)
                    }
                    other => other,
                }
            }
            Poll::Ready(Some(Ok(frame))) => {
                this.sent += frame.data_ref().map_or(0, |data| data.len() as u64);
                match this.limit {
                    Some(limit) if this.sent > limit => {
                        let kind = CallErrorKind::BodyLimit {
                            limit,
                            key: "response_bytes",
                        };
                        let error = CallError::new(kind, &this.extension, this.export.clone());
                        this.fail(error)
                    }
                    _ if this.announced == Some(this.sent) => {
                        this.last = Some(frame);
                        this.poll_last(cx)
                    }
                    _ => Poll::Ready(Some(Ok(frame))),
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_none() && self.task.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::Empty;

    use super::*;

    fn prepared(access: &Access) -> http::HeaderMap {
        let body = Empty::<Bytes>::new().map_err(|never| match never {}).boxed_unsync();
        let request = Request::builder()
            .header("authorization", "Bearer secret")
            .header("proxy-authorization", "Basic secret")
            .header("x-kept", "1")
            .body(body)
            .unwrap();
        prepare(request, access, 100).unwrap().headers().clone()
    }

    #[test]
    fn an_extension_does_not_speak_for_the_host_or_its_origin() {
        let mut headers = http::HeaderMap::new();
        for (name, value) in [
            ("strict-transport-security", "max-age=0"),
            ("x-content-type-options", "none"),
            ("date", "Thu, 01 Jan 1970 00:00:00 GMT"),
            ("server", "other"),
            ("set-cookie", "a=1"),
            ("set-cookie", "__Host-session=1; Secure; Path=/"),
            ("set-cookie", " __SECURE-session=1"),
            ("set-cookie", "b=__Host-"),
            ("content-type", "text/plain"),
        ] {
            headers.append(name, value.parse().unwrap());
        }
        strip_hosts_own(&mut headers);
        let mut left: Vec<_> = headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.to_str().unwrap()))
            .collect();
        left.sort_unstable();
        assert_eq!(
            left,
            [
                ("content-type", "text/plain"),
                ("set-cookie", "a=1"),
                ("set-cookie", "b=__Host-")
            ]
        );
    }

    #[test]
    fn an_extension_does_not_see_the_token_that_the_host_checked() {
        let headers = prepared(&Access::Authenticated);
        assert!(!headers.contains_key("authorization") && !headers.contains_key("proxy-authorization"));
        assert_eq!(headers["x-kept"], "1");
        assert_eq!(
            headers["host"], "localhost",
            "a guest asks for the authority, so there is one"
        );
        // Where the host checks nothing, the header is the extension's own business.
        assert!(prepared(&Access::Public).contains_key("authorization"));
    }
}
