//! Through the pipeline, step by step.

use std::time::Duration;

use ordinaut_domain::{
    CallOrigin, Durability, Effect, Event, LeasedWork, OnError, Step, StepRecord, StepState, ToolCall, ToolError,
    effect_key,
};
use ordinaut_store::StoreError;
use serde_json::Value;

use super::{
    Executor, code,
    ending::{Ending, Retry, ambiguous, leaves_doubt, permanent, run_error},
    progress::{Progress, UnderWay, json_bytes},
};
use crate::{ToolAnswer, backoff::Backoff, timer::random_u64, worker::control::Interrupt};

/// The longest delay between two calls of a step that is waited for with the lease in hand; longer ones go through
/// the queue, so that they hold no slot.
const IN_PLACE_MAX: Duration = Duration::from_secs(5);

impl Executor {
    /// Executes the steps that are left.
    pub(super) async fn steps(&self, work: &LeasedWork, progress: &mut Progress) -> Result<(), Ending> {
        for (index, step) in work.task.definition.payload.pipeline.steps.iter().enumerate() {
            let earlier = work.steps.iter().find(|record| record.step == step.id);
            match earlier.filter(|record| is_settled(step, record)) {
                Some(record) => progress.take_in(step, record),
                None => self.step(work, index, step, earlier, progress).await?,
            }
        }
        Ok(())
    }

    /// Executes one step, of which an earlier attempt may have left a record.
    async fn step(
        &self,
        work: &LeasedWork,
        index: usize,
        step: &Step,
        earlier: Option<&StepRecord>,
        progress: &mut Progress,
    ) -> Result<(), Ending> {
        let key = effect_key(work.run.id, &step.id, 0);
        let mut record = Self::record(work, step, index, key, self.time.now());
        let failure = self.call_step(work, step, earlier, progress, &mut record).await?;
        record.finished_at = Some(self.time.now());
        log_step(&record);
        let before = earlier.map_or(0, |record| record.tries);
        self.count_step(&record, record.tries.saturating_sub(before.max(1)));
        match failure {
            Some((error, retry)) if step.on_error == OnError::Fail || matches!(retry, Retry::After(_)) => {
                // The attempt ends here: the record goes with its settlement.
                progress.under_way = None;
                progress.events.push(self.step_event(work, &record, self.time.now()));
                progress.unrecorded.push(record);
                Err(Ending::Failed { error, retry })
            }
            _ => self.keep(work, step, record, progress).await,
        }
    }

    /// Counts a step that ended, and calls of its tool beyond the first.
    pub(super) fn count_step(&self, record: &StepRecord, retries: u32) {
        let address = record.uses.as_deref().and_then(|uses| uses.parse().ok());
        let provided = address.is_some_and(|address| self.tools.definition(&address).is_some());
        self.metrics.step(record, provided, retries);
    }

    /// Decides, renders and calls; the record is brought to its end. Answers why the step failed, if it did; an error
    /// ends the attempt without more ado.
    async fn call_step(
        &self,
        work: &LeasedWork,
        step: &Step,
        earlier: Option<&StepRecord>,
        progress: &mut Progress,
        record: &mut StepRecord,
    ) -> Result<Option<Failure>, Ending> {
        if let Some(left) = earlier.filter(|r| matches!(r.state, StepState::Started | StepState::Unknown)) {
            record.tries = left.tries;
            record.input.clone_from(&left.input);
            record.started_at = left.started_at;
            let error = ambiguous(&step.id, &step.uses.to_string(), "an earlier attempt was cut off");
            return Ok(Some(fail(record, StepState::Unknown, error, Retry::Never)));
        }
        match step.is_wanted(&progress.scope) {
            Ok(true) => {}
            Ok(false) => {
                record.state = StepState::Skipped;
                return Ok(None);
            }
            Err(error) => {
                let error = permanent(Some(&step.id), code::TEMPLATE, format!("the step's `if`: {error}"));
                return Ok(Some(fail(record, StepState::Failed, error, Retry::Never)));
            }
        }
        let arguments = match step.render_arguments(&progress.scope) {
            Ok(arguments) => arguments,
            Err(error) => {
                let error = permanent(Some(&step.id), code::TEMPLATE, format!("the step's `with`: {error}"));
                return Ok(Some(fail(record, StepState::Failed, error, Retry::Never)));
            }
        };
        record.input = Some(arguments.clone());
        record.tries = earlier.map_or(0, |record| record.tries);
        self.call_until_answered(work, step, &arguments, progress, record).await
    }

    /// Calls the step's tool, again after short delays if the step's own policy says so.
    async fn call_until_answered(
        &self,
        work: &LeasedWork,
        step: &Step,
        arguments: &Value,
        progress: &mut Progress,
        record: &mut StepRecord,
    ) -> Result<Option<Failure>, Ending> {
        let effect = self.tools.definition(&step.uses).map(|definition| definition.effect);
        let once = effect == Some(Effect::Once) && !work.run.simulated;
        let call = self.tool_call(work, step, arguments, &record.effect_key).await?;
        loop {
            record.tries += 1;
            if once {
                // Before the call, so that nobody ever calls a second time without knowing.
                self.record_step(work, record, &[]).await?;
            }
            progress.under_way = Some(UnderWay {
                record: record.clone(),
                once,
            });
            let error = match self.tools.call(call.clone(), work.run.simulated).await {
                Ok(answer) => return Ok(self.accept(step, answer, progress, record)),
                Err(error) => error,
            };
            if once && leaves_doubt(&error.code) {
                let why = format!("the call ended with `{}` ({})", error.code, error.message);
                let error = ambiguous(&step.id, &step.uses.to_string(), &why);
                return Ok(Some(fail(record, StepState::Unknown, error, Retry::Never)));
            }
            match self.step_retry(step, record.tries, &error) {
                Retry::After(delay) if delay <= IN_PLACE_MAX && !once => {
                    tracing::debug!(
                        step = step.id,
                        tool = %step.uses,
                        code = error.code,
                        error = error.message,
                        again_in_ms = delay.as_millis() as u64,
                        "step will be tried again"
                    );
                    self.timer.sleep(delay).await;
                }
                retry => {
                    let error = run_error(&step.id, error);
                    return Ok(Some(fail(record, StepState::Failed, error, retry)));
                }
            }
        }
    }

    /// Whether and when a failed call is followed by another.
    fn step_retry(&self, step: &Step, tries: u32, error: &ToolError) -> Retry {
        match &step.retry {
            _ if !error.retryable => Retry::Never,
            None => Retry::ByTask,
            Some(policy) => policy
                .delay_after(tries, random_u64(&*self.entropy))
                .map_or(Retry::Never, Retry::After),
        }
    }

    /// Takes a tool's answer as the step's result, unless the run's results grow too large by it.
    fn accept(&self, step: &Step, answer: ToolAnswer, progress: &Progress, record: &mut StepRecord) -> Option<Failure> {
        record.simulated = answer.simulated;
        let bytes = json_bytes(&answer.result);
        if !progress.fits(bytes, self.output_max_bytes) {
            let message = format!(
                "the result has {bytes} bytes, and the results of one run may have {} together: let `{}` answer less, \
                 or store what is large elsewhere and pass on where",
                self.output_max_bytes, step.uses
            );
            let error = permanent(Some(&step.id), code::OUTPUT_TOO_LARGE, message);
            return Some(fail(record, StepState::Failed, error, Retry::Never));
        }
        record.state = StepState::Succeeded;
        record.result = Some(answer.result);
        None
    }

    async fn tool_call(
        &self,
        work: &LeasedWork,
        step: &Step,
        arguments: &Value,
        effect_key: &str,
    ) -> Result<ToolCall, Ending> {
        let caller = self.owners.caller(work.task.owner, self.time.now());
        let caller = caller.await.map_err(|error| self.store_failure(&step.id, &error))?;
        let own = step
            .timeout_seconds
            .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        // The run's limit as a whole, not what is left of it: that is kept by the race around all steps.
        let run_limit = Duration::from_secs(work.task.definition.timeout_seconds);
        let timeout = own.unwrap_or_else(|| self.tools.timeout(&step.uses)).min(run_limit);
        Ok(ToolCall {
            address: step.uses.clone(),
            arguments: arguments.clone(),
            effect_key: effect_key.to_owned(),
            fence: work.lease.token.0,
            attempt: work.run.attempt,
            timeout_ms: u32::try_from(timeout.as_millis()).unwrap_or(u32::MAX).max(1),
            origin: CallOrigin {
                task: Some(work.task.id),
                run: Some(work.run.id),
                request_id: work.run.id.to_string(),
                // All attempts of a run are one trace.
                trace_id: work.run.id.as_uuid().simple().to_string(),
                caller,
                depth: 0,
            },
        })
    }

    /// Makes a step's record durable now, or with the next one or the settlement: whichever the task wants. The last
    /// step always goes with the settlement, which follows at once.
    async fn keep(
        &self,
        work: &LeasedWork,
        step: &Step,
        record: StepRecord,
        progress: &mut Progress,
    ) -> Result<(), Ending> {
        let definition = &work.task.definition;
        let last = record.index as usize + 1 == definition.payload.pipeline.steps.len();
        let once = progress.under_way.as_ref().is_some_and(|step| step.once);
        let wanted = definition.durability == Durability::Step || once;
        progress.events.push(self.step_event(work, &record, self.time.now()));
        if wanted && !last && record.state != StepState::Skipped {
            self.record_step(work, &record, &progress.events).await?;
            progress.events.clear();
            progress.take_in(step, &record);
        } else {
            progress.take_in(step, &record);
            progress.unrecorded.push(record);
        }
        progress.under_way = None;
        Ok(())
    }

    /// Records a step, however often that must be tried: the lease and the run's time limit end it.
    async fn record_step(&self, work: &LeasedWork, record: &StepRecord, events: &[Event]) -> Result<(), Ending> {
        let mut backoff = Backoff::new();
        loop {
            match self.store.record_step(work.lease, record, events).await {
                Ok(()) => return Ok(()),
                Err(StoreError::LeaseLost { .. }) => return Err(Ending::Interrupted(Interrupt::LeaseLost)),
                Err(error) if error.is_transient() => {
                    let delay = backoff.delay();
                    tracing::error!(
                        step = record.step, %error, retry_in_ms = delay.as_millis() as u64, "step could not be recorded"
                    );
                    self.timer.sleep(delay).await;
                }
                Err(error) => return Err(self.store_failure(&record.step, &error)),
            }
        }
    }

    #[expect(clippy::unused_self, reason = "reads as one of the executor's endings")]
    fn store_failure(&self, step: &str, error: &StoreError) -> Ending {
        let mut error = permanent(Some(step), code::STORE, format!("the store failed: {error}"));
        error.retryable = true;
        Ending::Failed {
            error,
            retry: Retry::ByTask,
        }
    }
}

/// Why a step failed, and whether it is to be tried again.
type Failure = (ordinaut_domain::RunError, Retry);

/// Brings a record to its end.
fn fail(record: &mut StepRecord, state: StepState, error: ordinaut_domain::RunError, retry: Retry) -> Failure {
    record.state = state;
    record.error = Some(error.clone());
    (error, retry)
}

/// Whether an earlier attempt has done with a step: it need not be looked at again.
fn is_settled(step: &Step, record: &StepRecord) -> bool {
    match record.state {
        StepState::Succeeded | StepState::Skipped => true,
        StepState::Started | StepState::Canceled => false,
        StepState::Unknown => step.on_error == OnError::Continue,
        StepState::Failed => step.on_error == OnError::Continue && !wants_another_try(step, record),
    }
}

/// Whether the step's own policy sent it through the queue for another call.
fn wants_another_try(step: &Step, record: &StepRecord) -> bool {
    let may_pass = record.error.as_ref().is_some_and(|error| error.retryable);
    may_pass
        && step
            .retry
            .is_some_and(|policy| policy.delay_after(record.tries, 0).is_some())
}

fn log_step(record: &StepRecord) {
    let took_ms = record.finished_at.map(|at| (at - record.started_at).num_milliseconds());
    match &record.error {
        None => tracing::debug!(
            step = record.step, tool = record.uses, tries = record.tries, state = ?record.state, took_ms, "step ended"
        ),
        Some(error) => tracing::debug!(
            step = record.step,
            tool = record.uses,
            tries = record.tries,
            state = ?record.state,
            took_ms,
            code = error.code,
            error = error.message,
            "step ended"
        ),
    }
}
