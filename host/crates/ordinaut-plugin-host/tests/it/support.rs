//! A host in a folder of its own, with services in memory.

use std::{
    collections::BTreeMap,
    fs,
    future::Future,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use http_body_util::{BodyExt, Empty, Full};
use ordinaut_domain::{CallOrigin, Event, EventId, LoggedEvent, ToolCall, ToolError, TopicPattern};
use ordinaut_plugin_host::{
    ActingAs, BoxBody, BoxError, Delivery, DeliveryOutcome, ExtensionReport, ExtensionState, HostServices,
    MetricFamily, MetricKind, MetricSample, MetricValue, OutgoingEvent, OutgoingToolCall, PluginHost, PluginHostConfig,
    ServiceError, StateQuota,
};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::Notify;

/// Longer than anything takes, also on a busy machine: a test that waits this long has failed.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// The host and its folder.
pub(crate) struct World {
    pub(crate) host: Arc<PluginHost>,
    pub(crate) services: Arc<Memory>,
    dir: TempDir,
}

impl World {
    /// A host with these files in its folder, after the first scan.
    pub(crate) async fn with(files: &[(&str, &[u8])]) -> Self {
        Self::configured(files, |_| ()).await
    }

    /// The same with other settings of the host.
    pub(crate) async fn configured(files: &[(&str, &[u8])], change: impl FnOnce(&mut PluginHostConfig)) -> Self {
        let dir = tempfile::tempdir().unwrap();
        for (name, bytes) in files {
            fs::write(dir.path().join(name), bytes).unwrap();
        }
        let services = Arc::new(Memory::default());
        // Compiled once for all tests; the key is what keeps such a folder safe.
        let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("compiled");
        let mut config = PluginHostConfig::new(dir.path(), cache, [42; 32]);
        config.debounce = Duration::from_millis(100);
        config.poll_interval = Duration::from_millis(500);
        change(&mut config);
        let host = PluginHost::start(config, services.clone()).await.unwrap();
        host.first_scan_done().await;
        Self { host, services, dir }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        fs::write(self.path(name), bytes).unwrap();
    }

    pub(crate) fn report(&self, name: &str) -> ExtensionReport {
        self.host
            .extension(name)
            .unwrap_or_else(|| panic!("there is no extension `{name}`"))
    }

    /// The error of an extension that was not loaded.
    pub(crate) fn failure(&self, name: &str) -> (String, String) {
        let report = self.report(name);
        assert_eq!(report.state, ExtensionState::Failed, "{name}");
        let error = report.last_error.expect("a reason");
        (error.kind, error.message)
    }

    /// Waits until the extension's report is as wanted, and answers it.
    pub(crate) async fn until(&self, name: &str, wanted: impl Fn(&ExtensionReport) -> bool) -> ExtensionReport {
        eventually(|| async { self.host.extension(name).filter(&wanted) }).await
    }

    pub(crate) async fn call(&self, tool: &str, arguments: Value) -> Result<Value, ToolError> {
        self.host.call_tool(tool_call(tool, arguments)).await
    }

    /// Sends a request as the API does, and answers status and body, or the error that ended them.
    pub(crate) async fn request(&self, method: &str, path: &str, body: &str) -> Result<(u16, String), String> {
        let response = self.open(method, path, body).await?;
        let status = response.status().as_u16();
        let bytes = response
            .into_body()
            .collect()
            .await
            .map_err(|error| error.to_string())?
            .to_bytes();
        Ok((status, String::from_utf8_lossy(&bytes).into_owned()))
    }

    /// Sends a request that announces a body of so many bytes.
    pub(crate) async fn open_with_length(&self, path: &str, length: usize) -> Result<http::Response<BoxBody>, String> {
        self.open("POST", path, &"x".repeat(length)).await
    }

    /// Sends a request and answers the response, whose body is still to be read.
    pub(crate) async fn open(&self, method: &str, path: &str, body: &str) -> Result<http::Response<BoxBody>, String> {
        let below = path.strip_prefix("/ext/").unwrap();
        let (name, below) = below.split_at(below.find('/').unwrap_or(below.len()));
        let route_path = below.split('?').next().unwrap();
        let method: http::Method = method.parse().unwrap();
        let route = self
            .host
            .route(name, &method, route_path)
            .map_err(|error| error.to_string())?;
        let request = http::Request::builder()
            .method(method)
            .uri(path)
            .header("host", "localhost");
        let request = request
            .header("authorization", "Bearer secret")
            .header("content-length", body.len());
        let request = request.body(body_of(body)).unwrap();
        let origin = CallOrigin {
            request_id: "r1".to_owned(),
            ..CallOrigin::default()
        };
        self.host
            .handle_http(name, request, &route, origin)
            .await
            .map_err(|error| error.to_string())
    }
}

pub(crate) fn tool_call(tool: &str, arguments: Value) -> ToolCall {
    ToolCall {
        address: tool.parse().unwrap(),
        arguments,
        effect_key: "key".to_owned(),
        fence: 0,
        attempt: 1,
        timeout_ms: 60_000,
        origin: CallOrigin::default(),
    }
}

pub(crate) fn body_of(text: &str) -> BoxBody {
    let never = |never: std::convert::Infallible| -> BoxError { match never {} };
    if text.is_empty() {
        Empty::new().map_err(never).boxed_unsync()
    } else {
        Full::from(text.to_owned()).map_err(never).boxed_unsync()
    }
}

/// Asks until there is an answer.
pub(crate) async fn eventually<T, F: Future<Output = Option<T>>>(ask: impl Fn() -> F) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(Instant::now() < deadline, "it did not happen within {PATIENCE:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// A fixture of `tests/guests`.
pub(crate) fn guest(name: &str) -> Vec<u8> {
    let built = std::env::var_os("ORDINAUT_GUESTS").map_or_else(
        || root().join("target/test-guests/wasm32-wasip2/release"),
        PathBuf::from,
    );
    read(&built.join(format!("{name}.wasm")))
}

/// A shipped extension.
pub(crate) fn shipped(name: &str) -> Vec<u8> {
    read(&root().join("plugins/dist").join(format!("{name}.wasm")))
}

fn read(path: &Path) -> Vec<u8> {
    fs::read(path).unwrap_or_else(|error| panic!("{}: {error}; run `cargo xtask test` once", path.display()))
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(3)
        .unwrap()
        .to_owned()
}

/// Services in memory: one log of events, one cursor for each group, a map for the state.
pub(crate) struct Memory {
    started: Instant,
    inner: Mutex<Inner>,
    news: Notify,
    endless: AtomicBool,
    endless_claims: AtomicUsize,
}

#[derive(Default)]
struct Inner {
    log: Vec<LoggedEvent>,
    groups: BTreeMap<String, Group>,
    state: BTreeMap<(String, String, String), Vec<u8>>,
    states_told: Vec<(String, ExtensionState)>,
    settled: Vec<(String, u64, DeliveryOutcome)>,
}

#[derive(Default)]
struct Group {
    topics: Vec<TopicPattern>,
    after: u64,
    retries: Vec<Delivery>,
}

impl Default for Memory {
    fn default() -> Self {
        Self {
            started: Instant::now(),
            inner: Mutex::default(),
            news: Notify::new(),
            endless: AtomicBool::new(false),
            endless_claims: AtomicUsize::new(0),
        }
    }
}

impl Memory {
    /// From now on a claim that finds no events does not end, whatever its caller is ready to wait.
    pub(crate) fn never_end_a_claim_without_events(&self) {
        self.endless.store(true, Ordering::SeqCst);
    }

    /// Claims that wait so.
    pub(crate) fn claims_without_end(&self) -> usize {
        self.endless_claims.load(Ordering::SeqCst)
    }

    /// Puts an event of somebody else into the log.
    pub(crate) fn happen(&self, topic: &str, data: Value, hops: u32) {
        self.append(topic.parse().unwrap(), "/test".to_owned(), None, data, hops);
    }

    pub(crate) fn events(&self, topic: &str) -> Vec<Event> {
        let pattern: TopicPattern = topic.parse().unwrap();
        let inner = self.inner.lock().unwrap();
        inner
            .log
            .iter()
            .map(|logged| logged.event.clone())
            .filter(|event| pattern.matches(&event.topic))
            .collect()
    }

    pub(crate) fn settled(&self, group: &str) -> Vec<DeliveryOutcome> {
        let inner = self.inner.lock().unwrap();
        inner
            .settled
            .iter()
            .filter(|(of, ..)| of == group)
            .map(|(.., outcome)| outcome.clone())
            .collect()
    }

    /// The states of an extension in the order in which they were told.
    pub(crate) fn states(&self, name: &str) -> Vec<ExtensionState> {
        let inner = self.inner.lock().unwrap();
        inner
            .states_told
            .iter()
            .filter(|(of, _)| of == name)
            .map(|(_, state)| *state)
            .collect()
    }

    fn append(
        &self,
        topic: ordinaut_domain::Topic,
        source: String,
        subject: Option<String>,
        data: Value,
        hops: u32,
    ) -> EventId {
        let mut inner = self.inner.lock().unwrap();
        let position = inner.log.len() as u64 + 1;
        let mut unique = [0; 10];
        unique[..8].copy_from_slice(&position.to_le_bytes());
        let id = EventId::new(self.now(), unique);
        let time = self.now();
        let event = Event {
            id,
            topic,
            source,
            subject,
            time,
            data,
            trace_parent: None,
            hops,
        };
        inner.log.push(LoggedEvent { position, event });
        drop(inner);
        self.news.notify_waiters();
        id
    }

    /// Asks until there is an answer, waiting for news in between.
    async fn wait_for<T>(&self, wait: Duration, ask: impl Fn(&mut Inner) -> Vec<T>) -> Vec<T> {
        let deadline = tokio::time::Instant::now() + wait;
        loop {
            let news = self.news.notified();
            let found = ask(&mut self.inner.lock().unwrap());
            if !found.is_empty() || tokio::time::timeout_at(deadline, news).await.is_err() {
                return found;
            }
        }
    }
}

fn matches(topics: &[TopicPattern], event: &LoggedEvent) -> bool {
    topics.iter().any(|pattern| pattern.matches(&event.event.topic))
}

#[async_trait]
impl HostServices for Memory {
    async fn publish(&self, extension: &str, event: OutgoingEvent, _: &CallOrigin) -> Result<EventId, ServiceError> {
        Ok(self.append(
            event.topic,
            format!("/ext/{extension}"),
            event.subject,
            event.data,
            event.hops,
        ))
    }

    async fn ensure_group(&self, group: &str, topics: &[TopicPattern]) -> Result<(), ServiceError> {
        self.inner
            .lock()
            .unwrap()
            .groups
            .entry(group.to_owned())
            .or_default()
            .topics = topics.to_vec();
        Ok(())
    }

    async fn claim_events(
        &self,
        group: &str,
        _: &str,
        max: usize,
        wait: Duration,
    ) -> Result<Vec<Delivery>, ServiceError> {
        let claim = |inner: &mut Inner| {
            let Inner { log, groups, .. } = inner;
            let group = groups.get_mut(group).unwrap();
            let mut claimed = std::mem::take(&mut group.retries);
            let new = log
                .iter()
                .filter(|event| event.position > group.after && matches(&group.topics, event));
            claimed.extend(new.take(max).map(|event| Delivery {
                event: event.clone(),
                delivery: 1,
            }));
            group.after = claimed.iter().map(|d| d.event.position).fold(group.after, u64::max);
            claimed
        };
        let claimed = self.wait_for(wait, claim).await;
        if claimed.is_empty() && self.endless.load(Ordering::SeqCst) {
            self.endless_claims.fetch_add(1, Ordering::SeqCst);
            std::future::pending::<()>().await;
        }
        Ok(claimed)
    }

    async fn settle_delivery(&self, group: &str, position: u64, outcome: DeliveryOutcome) -> Result<(), ServiceError> {
        let mut inner = self.inner.lock().unwrap();
        if let DeliveryOutcome::Retry { .. } = outcome {
            let event = inner.log[position as usize - 1].clone();
            let before = inner
                .settled
                .iter()
                .filter(|(of, at, _)| of == group && *at == position)
                .count() as u32;
            let retry = Delivery {
                event,
                delivery: before + 2,
            };
            inner.groups.get_mut(group).unwrap().retries.push(retry);
        }
        inner.settled.push((group.to_owned(), position, outcome));
        drop(inner);
        self.news.notify_waiters();
        Ok(())
    }

    async fn open_events(&self, after: Option<EventId>) -> Result<u64, ServiceError> {
        let inner = self.inner.lock().unwrap();
        let at = |id| {
            inner
                .log
                .iter()
                .find(|logged| logged.event.id == id)
                .map_or(0, |logged| logged.position)
        };
        Ok(after.map_or(inner.log.len() as u64, at))
    }

    async fn read_events(
        &self,
        topics: &[TopicPattern],
        after: u64,
        max: usize,
        wait: Duration,
    ) -> Result<Vec<LoggedEvent>, ServiceError> {
        let read = |inner: &mut Inner| {
            let new = inner
                .log
                .iter()
                .filter(|event| event.position > after && matches(topics, event));
            new.take(max).cloned().collect()
        };
        Ok(self.wait_for(wait, read).await)
    }

    async fn state_get(&self, extension: &str, bucket: &str, key: &str) -> Result<Option<Vec<u8>>, ServiceError> {
        Ok(self
            .inner
            .lock()
            .unwrap()
            .state
            .get(&place(extension, bucket, key))
            .cloned())
    }

    async fn state_set(
        &self,
        extension: &str,
        bucket: &str,
        key: &str,
        value: Vec<u8>,
        quota: StateQuota,
    ) -> Result<(), ServiceError> {
        let mut inner = self.inner.lock().unwrap();
        let keys = inner.state.keys().filter(|(of, ..)| of == extension).count() as u64;
        if keys >= quota.max_keys && !inner.state.contains_key(&place(extension, bucket, key)) {
            return Err(ServiceError::permanent("limit_exceeded", "too many keys"));
        }
        inner.state.insert(place(extension, bucket, key), value);
        Ok(())
    }

    async fn state_delete(&self, extension: &str, bucket: &str, key: &str) -> Result<(), ServiceError> {
        self.inner.lock().unwrap().state.remove(&place(extension, bucket, key));
        Ok(())
    }

    async fn state_exists(&self, extension: &str, bucket: &str, key: &str) -> Result<bool, ServiceError> {
        Ok(self
            .inner
            .lock()
            .unwrap()
            .state
            .contains_key(&place(extension, bucket, key)))
    }

    async fn state_list(
        &self,
        extension: &str,
        bucket: &str,
        cursor: Option<u64>,
        limit: usize,
    ) -> Result<(Vec<String>, Option<u64>), ServiceError> {
        let inner = self.inner.lock().unwrap();
        let start = cursor.unwrap_or(0) as usize;
        let keys = inner
            .state
            .keys()
            .filter(|(of, within, _)| of == extension && within == bucket);
        let page: Vec<String> = keys.skip(start).take(limit + 1).map(|(.., key)| key.clone()).collect();
        let more = page.len() > limit;
        Ok((
            page.into_iter().take(limit).collect(),
            more.then_some((start + limit) as u64),
        ))
    }

    /// Answers what it was asked, in whose name, and how deep.
    async fn rest(
        &self,
        extension: &str,
        acting: ActingAs,
        origin: CallOrigin,
        request: http::Request<BoxBody>,
    ) -> Result<http::Response<BoxBody>, ServiceError> {
        let (parts, body) = request.into_parts();
        let body = body
            .collect()
            .await
            .map_err(|error| ServiceError::unavailable(error.to_string()))?;
        let headers: BTreeMap<_, _> = parts
            .headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.to_str().unwrap_or_default()))
            .collect();
        let seen = json!({
            "extension": extension,
            "acting": name_of(&acting),
            "depth": origin.depth,
            "method": parts.method.as_str(),
            "uri": parts.uri.to_string(),
            "headers": headers,
            "body": String::from_utf8_lossy(&body.to_bytes()),
        });
        Ok(http::Response::new(body_of(&seen.to_string())))
    }

    async fn call_tool(&self, extension: &str, acting: ActingAs, call: OutgoingToolCall) -> Result<Value, ToolError> {
        if call.address.tool() == "fail" {
            return Err(ToolError::transient("busy", "not now"));
        }
        Ok(json!({
            "extension": extension,
            "acting": name_of(&acting),
            "depth": call.origin.depth,
            "tool": call.address.to_string(),
            "arguments": call.arguments,
            "effect_key": call.effect_key,
            "timeout_ms": call.timeout_ms,
            "in_time": call.at_most_ms > 0 && call.at_most_ms <= 60_000,
        }))
    }

    async fn metrics(&self) -> Result<Vec<MetricFamily>, ServiceError> {
        Ok(vec![MetricFamily {
            name: "ordinaut_runs_total".to_owned(),
            help: "Runs that ended.".to_owned(),
            kind: MetricKind::Counter,
            samples: vec![MetricSample {
                labels: vec![("state".to_owned(), "succeeded".to_owned())],
                value: MetricValue::Number(3.0),
            }],
        }])
    }

    fn now(&self) -> DateTime<Utc> {
        let start: DateTime<Utc> = "2026-01-01T00:00:00Z".parse().unwrap();
        start + self.started.elapsed()
    }

    fn extension_changed(&self, report: &ExtensionReport) {
        self.inner
            .lock()
            .unwrap()
            .states_told
            .push((report.name.clone(), report.state));
    }
}

/// Who is acting, with the scopes.
fn name_of(acting: &ActingAs) -> String {
    match acting {
        ActingAs::Caller(caller) => format!("{}: {}", caller.name, caller.scopes),
        ActingAs::Own(scopes) => format!("own: {scopes}"),
        ActingAs::Nobody => "nobody".to_owned(),
    }
}

fn place(extension: &str, bucket: &str, key: &str) -> (String, String, String) {
    (extension.to_owned(), bucket.to_owned(), key.to_owned())
}
