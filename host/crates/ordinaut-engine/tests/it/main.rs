//! What the engine does, told as stories over the real embedded store. Time stands still unless a story lets it pass,
//! so nothing here can be rescued by a poll: a lost wake-up hangs.

mod faulty;
mod log;
mod metrics;
mod outages;
mod pipeline;
mod retries;
mod scheduling;
mod simulation;
mod support;
mod survival;
mod wakeups;
