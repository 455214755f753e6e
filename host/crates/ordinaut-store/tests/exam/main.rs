//! SQLite sits the exam that every backend must pass, and shows what is its own.

mod damage;
mod events;
mod opening;
mod sqlite;
mod statements;

/// The exam itself.
mod contract {
    ordinaut_store::store_exam!(crate::sqlite::fresh);
}
