//! What is allowed and may still not be what the author meant.

use super::{MisfirePolicy, OverlapPolicy, TaskDefinition};
use crate::Violation;

impl TaskDefinition {
    /// What the author should know, though nothing is wrong with it. Says nothing about tools and clock changes, which
    /// depend on more than the definition.
    pub fn warnings(&self) -> Vec<Violation> {
        let mut warnings = Vec::new();
        if self.misfire_policy == MisfirePolicy::RunAll
            && let Some(policy) = limiting_overlap(self.overlap_policy)
        {
            let detail = format!(
                "`run_all` cannot run all missed occurrences with the overlap policy `{policy}`, under which the others \
                 are skipped; use `queue_all` or `allow` to have every one of them"
            );
            warnings.push(Violation::new("/misfire_policy", "limited_by_overlap", detail));
        }
        if self.payload.pipeline.steps.is_empty() {
            let detail = "the pipeline has no steps: its runs succeed and do nothing";
            warnings.push(Violation::new("/payload/pipeline", "empty_pipeline", detail));
        }
        if let Some(params) = self.payload.params.as_object() {
            warnings.extend(self.payload.pipeline.missing_params(params, "/payload/pipeline"));
        }
        warnings
    }
}

/// The name of a policy that lets only some of several occurrences run that are due at once.
fn limiting_overlap(policy: OverlapPolicy) -> Option<&'static str> {
    match policy {
        OverlapPolicy::Skip => Some("skip"),
        OverlapPolicy::QueueOne => Some("queue_one"),
        OverlapPolicy::CancelPrevious => Some("cancel_previous"),
        OverlapPolicy::QueueAll | OverlapPolicy::Allow => None,
    }
}
