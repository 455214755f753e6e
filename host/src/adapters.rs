//! Where the engine meets the extension host. Each declares a trait for what it needs and knows nothing of the other;
//! here they are joined, and joined to the store and the bus.

mod followed;
mod groups;
mod inside;
mod metrics;
mod services;
mod tools;

pub(crate) use inside::Inside;
pub(crate) use services::Services;
pub(crate) use tools::{ExtensionTools, NoTools};
