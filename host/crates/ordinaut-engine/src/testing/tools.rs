//! Tools that do as a test tells them.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use futures::future::BoxFuture;
use ordinaut_domain::{Effect, ToolAddress, ToolCall, ToolDefinition, ToolError};
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::ToolInvoker;

type Handler = Arc<dyn Fn(ToolCall) -> BoxFuture<'static, Result<Value, ToolError>> + Send + Sync>;

/// Scripted tools that remember their calls.
#[derive(Default)]
pub struct FakeTools {
    tools: Mutex<BTreeMap<ToolAddress, (Arc<ToolDefinition>, Handler)>>,
    log: watch::Sender<CallLog>,
}

#[derive(Debug, Clone, Default)]
struct CallLog {
    begun: Vec<ToolCall>,
    /// Calls whose future was dropped before it had given an answer.
    broken_off: Vec<ToolAddress>,
}

/// Holds calls until it is opened.
#[derive(Debug, Clone)]
pub struct Gate(Arc<watch::Sender<bool>>);

impl Gate {
    /// Lets all calls pass, those that wait and those to come.
    pub fn open(&self) {
        self.0.send_replace(true);
    }

    async fn pass(&self) {
        let _ = self.0.subscribe().wait_for(|open| *open).await;
    }
}

impl FakeTools {
    /// Provides a tool (effect `idempotent`, any arguments) that answers each call at once.
    pub fn answers(
        &self,
        address: &str,
        answer: impl Fn(&ToolCall) -> Result<Value, ToolError> + Send + Sync + 'static,
    ) {
        let answer = Arc::new(answer);
        self.provide(definition(address), move |call| {
            let answer = Arc::clone(&answer);
            Box::pin(async move { answer(&call) })
        });
    }

    /// Provides a tool that answers its arguments once the gate is open.
    pub fn waits(&self, address: &str) -> Gate {
        let gate = Gate(Arc::new(watch::Sender::new(false)));
        let held = gate.clone();
        self.provide(definition(address), move |call| {
            let gate = held.clone();
            Box::pin(async move {
                gate.pass().await;
                Ok(call.arguments)
            })
        });
        gate
    }

    /// Provides a tool, or another in its place.
    pub fn provide(
        &self,
        definition: ToolDefinition,
        handler: impl Fn(ToolCall) -> BoxFuture<'static, Result<Value, ToolError>> + Send + Sync + 'static,
    ) {
        self.tools()
            .insert(definition.address.clone(), (Arc::new(definition), Arc::new(handler)));
    }

    /// Changes how a provided tool is described, for instance its effect or schemas.
    pub fn describe(&self, address: &str, change: impl FnOnce(&mut ToolDefinition)) {
        let mut tools = self.tools();
        let (definition, _) = tools
            .get_mut(&parsed(address))
            .unwrap_or_else(|| panic!("no tool {address}"));
        let mut changed = ToolDefinition::clone(definition);
        change(&mut changed);
        *definition = Arc::new(changed);
    }

    /// Withdraws a tool.
    pub fn withdraw(&self, address: &str) {
        self.tools().remove(&parsed(address));
    }

    /// Calls begun so far, in order.
    pub fn calls(&self) -> Vec<ToolCall> {
        self.log.borrow().begun.clone()
    }

    /// Calls of one tool begun so far.
    pub fn calls_of(&self, address: &str) -> Vec<ToolCall> {
        let address = parsed(address);
        self.log
            .borrow()
            .begun
            .iter()
            .filter(|call| call.address == address)
            .cloned()
            .collect()
    }

    /// Waits until a tool has been called `times` times, and answers the last of these calls.
    pub async fn called(&self, address: &str, times: usize) -> ToolCall {
        let address = parsed(address);
        let of_tool = |log: &CallLog| {
            log.begun
                .iter()
                .filter(|call| call.address == address)
                .nth(times - 1)
                .cloned()
        };
        let mut log = self.log.subscribe();
        let found = log.wait_for(|log| of_tool(log).is_some()).await;
        found
            .ok()
            .and_then(|log| of_tool(&log))
            .expect("the log lives as long as the tools")
    }

    /// Waits until a call of the tool was broken off.
    pub async fn broken_off(&self, address: &str) {
        let address = parsed(address);
        let _ = self
            .log
            .subscribe()
            .wait_for(|log| log.broken_off.contains(&address))
            .await;
    }

    fn tools(&self) -> MutexGuard<'_, BTreeMap<ToolAddress, (Arc<ToolDefinition>, Handler)>> {
        self.tools.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl ToolInvoker for FakeTools {
    async fn call(&self, call: ToolCall) -> Result<Value, ToolError> {
        let handler = self.tools().get(&call.address).map(|(_, handler)| Arc::clone(handler));
        let Some(handler) = handler else {
            return Err(ToolError::permanent(
                "tool_not_found",
                format!("no tool {}", call.address),
            ));
        };
        self.log.send_modify(|log| log.begun.push(call.clone()));
        let mut under_way = UnderWay {
            address: Some(call.address.clone()),
            log: &self.log,
        };
        let answer = handler(call).await;
        under_way.address = None;
        answer
    }

    fn definition(&self, address: &ToolAddress) -> Option<Arc<ToolDefinition>> {
        self.tools().get(address).map(|(definition, _)| Arc::clone(definition))
    }

    fn catalogue(&self) -> Vec<Arc<ToolDefinition>> {
        self.tools()
            .values()
            .map(|(definition, _)| Arc::clone(definition))
            .collect()
    }
}

/// Notes a call as broken off when it is dropped before its answer.
struct UnderWay<'a> {
    address: Option<ToolAddress>,
    log: &'a watch::Sender<CallLog>,
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        if let Some(address) = self.address.take() {
            self.log.send_modify(|log| log.broken_off.push(address));
        }
    }
}

fn definition(address: &str) -> ToolDefinition {
    ToolDefinition {
        address: parsed(address),
        title: None,
        description: String::from("A tool of a test."),
        input_schema: json!({"type": "object"}),
        output_schema: None,
        effect: Effect::Idempotent,
        timeout_ms: None,
    }
}

fn parsed(address: &str) -> ToolAddress {
    address.parse().unwrap_or_else(|e| panic!("{e}"))
}
