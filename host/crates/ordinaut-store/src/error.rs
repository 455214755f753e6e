//! What can go wrong with durable state.

/// Why an operation on the store did not happen. Nothing was changed, unless it says otherwise.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The thing named does not exist.
    #[error("no {noun} has the id {id}")]
    NotFound { noun: &'static str, id: String },
    /// Somebody else changed it meanwhile: read it again and decide anew.
    #[error("the {noun} {id} was changed meanwhile: expected version {expected}, found {found}")]
    Stale {
        noun: &'static str,
        id: String,
        expected: u64,
        found: u64,
    },
    /// Another thing holds what must be unique.
    #[error("{detail}")]
    Duplicate {
        noun: &'static str,
        existing: String,
        detail: String,
    },
    /// A request under this idempotency key has had its effect already: its answer is kept.
    #[error("the idempotency key `{key}` is taken by a request that has just been carried out")]
    KeyTaken { key: String },
    /// The lease is no longer held: its worker must stop and may write nothing more about the run.
    #[error("the lease on run {run} is lost: another worker holds it, or the run is over")]
    LeaseLost { run: String },
    /// The request makes no sense as it stands, for instance a page cursor that no list gave out.
    #[error("{0}")]
    Invalid(String),
    /// The state that things are in does not allow it. `code` is stable: `last_admin`, `agent_owns_tasks`.
    #[error("{detail}")]
    Refused { code: &'static str, detail: String },
    /// A quota would be exceeded.
    #[error("{0}")]
    Quota(String),
    /// A stored value cannot be understood; somebody changed it from outside, or the disk did.
    #[error("{table}.{column} of row {row} cannot be read: {reason}")]
    Corrupt {
        table: &'static str,
        column: &'static str,
        row: String,
        reason: String,
    },
    /// Another process holds the store.
    #[error("{0}")]
    Locked(String),
    /// The database was made by a newer or foreign program.
    #[error("{0}")]
    Schema(String),
    /// The disk is full.
    #[error("the disk that holds the store is full")]
    Full,
    /// The database cannot be reached or refuses to work at present.
    #[error("the store is not available: {0}")]
    Unavailable(String),
}

impl StoreError {
    /// Whether the same operation may succeed later.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Unavailable(_) | Self::Full)
    }
}

/// The result of every operation on the store.
pub type Result<T> = std::result::Result<T, StoreError>;
