//! Durable state. The only crate that names sqlx.
//!
//! [`contract`] is the seam: traits whose every method is one transaction. Behind it stands SQLite ([`sqlite`]);
//! PostgreSQL follows without a change for callers. [`conformance`] is the exam that any backend must pass.
//!
//! What is the same for every backend stands beside the contract: the sealing of the audit log ([`audit`]), the
//! events that the store writes by itself (`lifecycle`), page cursors (`page`), and the text and numbers under which
//! values are stored (`names`, `codec`). Statements stand in `sql/`, one a file: `common` for what every backend
//! understands, and a folder for each backend, with the same names.
//!
//! Adding an operation: a case in the exam, the method in the contract, its statements, its implementation.

pub mod audit;
mod codec;
#[cfg(feature = "conformance")]
pub mod conformance;
pub mod contract;
pub mod entropy;
pub mod error;
mod lifecycle;
mod names;
mod page;
pub mod sqlite;

pub use contract::*;
pub use entropy::Entropy;
pub use error::{Result, StoreError};
pub use sqlite::SqliteStore;
