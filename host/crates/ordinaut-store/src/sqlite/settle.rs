//! The end of attempts: many in one transaction, each guarded by its own token.

use ordinaut_domain::{RunError, Verdict};
use sqlx::types::Json;

use super::{
    SqliteStore,
    run_changes::{Ending, HeldLease},
    write::Write,
};
use crate::{
    codec::{DbTime, signed},
    contract::Settlement,
    error::{Result, StoreError},
    lifecycle::Moment,
    names::Named,
};

pub(super) async fn settle(store: &SqliteStore, settlements: &[Settlement]) -> Result<Vec<Result<()>>> {
    if settlements.is_empty() {
        return Ok(Vec::new());
    }
    let mut write = store.write().await?;
    let mut answers = Vec::with_capacity(settlements.len());
    for settlement in settlements {
        // What is refused has written nothing, so the others can be committed beside it.
        answers.push(match write.check(settlement).await? {
            Ok(held) => Ok(write.settle(settlement, &held).await?),
            Err(refusal) => Err(refusal),
        });
    }
    if answers.iter().any(Result::is_ok) {
        write.commit().await?;
    }
    Ok(answers)
}

impl Write<'_> {
    /// What a settlement may be refused for, before anything of it is written.
    async fn check(&mut self, settlement: &Settlement) -> Result<Result<HeldLease>> {
        let run = settlement.lease.run;
        if let Verdict::Finished { state, .. } = &settlement.verdict
            && !state.is_final()
        {
            let detail = format!(
                "the run {run} cannot be settled as `{}`, which is no final state",
                state.name()
            );
            return Ok(Err(StoreError::Invalid(detail)));
        }
        if let Some(step) = settlement
            .steps
            .iter()
            .find(|step| step.run != run || step.step.is_empty())
        {
            let detail = format!(
                "the step `{}` of the run {} is no step of the run {run}",
                step.step, step.run
            );
            return Ok(Err(StoreError::Invalid(detail)));
        }
        let held = self.held_lease(settlement.lease).await?;
        Ok(held.ok_or_else(|| StoreError::LeaseLost { run: run.to_string() }))
    }

    async fn settle(&mut self, settlement: &Settlement, held: &HeldLease) -> Result<()> {
        for step in &settlement.steps {
            self.upsert_step(step).await?;
        }
        // They tell of steps, which were over before the attempt was: whoever follows a run sees its end last.
        for event in &settlement.events {
            self.append(event).await?;
        }
        self.finish_attempt(settlement).await?;
        self.carry_out_verdict(settlement, held).await
    }

    async fn finish_attempt(&mut self, settlement: &Settlement) -> Result<()> {
        let error: Option<&RunError> = match &settlement.verdict {
            Verdict::Finished { error, .. } => error.as_ref(),
            Verdict::Retry { error, .. } => Some(error),
            Verdict::Released { .. } => None,
        };
        sqlx::query(sql!("common/finish_attempt"))
            .bind(settlement.lease.run.as_uuid())
            .bind(signed(settlement.lease.token.0))
            .bind(DbTime(settlement.started_at))
            .bind(DbTime(settlement.finished_at))
            .bind(settlement.outcome.name())
            .bind(error.map(Json))
            .execute(self.sql())
            .await?;
        Ok(())
    }

    async fn carry_out_verdict(&mut self, settlement: &Settlement, held: &HeldLease) -> Result<()> {
        let run = settlement.lease.run;
        match (&settlement.verdict, &held.cancel_reason) {
            (Verdict::Finished { state, output, error }, reason) => {
                let canceled = *state == ordinaut_domain::RunState::Canceled;
                let ending = Ending {
                    state: *state,
                    reason: if canceled { reason.as_deref() } else { None },
                    output: output.as_ref(),
                    error: error.as_ref(),
                    simulated: settlement.simulated,
                    attempt_started_at: Some(settlement.started_at),
                    finished_at: settlement.finished_at,
                };
                self.end_run(run, &ending).await
            }
            // Nobody wants it to go on.
            (Verdict::Retry { .. } | Verdict::Released { .. }, Some(reason)) => self.end_canceled(run, reason).await,
            (Verdict::Retry { run_at, error }, None) => {
                let next = (crate::codec::whole_micros(*run_at), held.attempt);
                self.requeue(run, next, (Moment::Retrying, None, Some(error))).await
            }
            (Verdict::Released { reason }, None) => {
                let next = (held.run_at, held.attempt.saturating_sub(1));
                self.requeue(run, next, (Moment::Released, Some(reason), None)).await
            }
        }
    }
}
