//! Durable state. The only crate that names sqlx.
//!
//! [`contract`] is the seam: traits whose every method is one transaction. Behind it stands SQLite ([`sqlite`]);
//! PostgreSQL follows without a change for callers. `conformance` is the exam that any backend must pass.

pub mod contract;
pub mod error;

pub use contract::*;
pub use error::{Result, StoreError};
