//! What the crate promises, through its public interface.

mod cron;
mod describe;
mod differential;
mod dst;
mod elapsed;
mod once;
mod properties;
mod refusals;
mod rfc5545;
mod rfc7529;
mod sets;
mod support;
