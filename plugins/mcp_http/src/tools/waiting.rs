//! Waiting for a run, as long as the caller wants and the host lets a call go on.

use std::time::Duration;

use serde_json::Value;

use crate::ask::Ask;
use crate::failure::Failure;
use crate::host::Host;
use crate::views::is_over;

/// The longest wait that can be asked for, in seconds.
pub(super) const WAIT_MOST: u32 = 20;

/// What is kept back for the answer.
const RESERVE: Duration = Duration::from_millis(1_500);

/// Pauses between two looks: short at first, since most runs are.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

/// Refuses a wait that is too long.
pub(super) fn check(seconds: Option<u32>) -> Result<Duration, Failure> {
    match seconds.unwrap_or(0) {
        seconds @ 0..=WAIT_MOST => Ok(Duration::from_secs(u64::from(seconds))),
        other => Err(Failure::arguments(format!(
            "wait_seconds is {other}; it is 0 to {WAIT_MOST}. Start the run and look later with ordinaut_get_run."
        ))),
    }
}

/// Looks at a run until it is over or the time is, and answers how it stands then.
pub(super) fn until_over(host: &dyn Host, run: Value, wait: Duration) -> Value {
    let mut run = run;
    let mut left = wait.min(host.remaining().saturating_sub(RESERVE));
    let mut pause = FIRST_PAUSE;
    while !is_over(&run) && !left.is_zero() {
        let nap = pause.min(left);
        host.sleep(nap);
        left = left.saturating_sub(nap);
        pause = (pause * 3 / 2).min(LONGEST_PAUSE);
        let Some(id) = run["id"].as_str() else { break };
        // Whoever may start a run but not read it gets it as it was.
        let Ok(answer) = Ask::get("/runs/{}", &[id]).send(host) else {
            break;
        };
        run = answer.body;
    }
    run
}
