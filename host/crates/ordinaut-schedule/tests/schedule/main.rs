//! What the crate promises, through its public interface.

mod all_zones;
mod cron;
mod dateutil;
mod describe;
mod differential;
mod dst;
mod elapsed;
mod once;
mod properties;
mod random_rules;
mod refusals;
mod rfc5545;
mod rfc7529;
mod sets;
mod support;
