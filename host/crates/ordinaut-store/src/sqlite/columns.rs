//! Reading columns with a fault that names its place: [`StoreError::Corrupt`] says table, column and row.

use chrono::{DateTime, Utc};
use serde::de::DeserializeOwned;
use sqlx::{Decode, Row, Sqlite, Type, sqlite::SqliteRow, types::Json};
use uuid::Uuid;

use crate::{
    codec::DbTime,
    error::{Result, StoreError},
    names::Named,
};

/// A row of a table whose key is in the column `key`.
#[derive(Clone, Copy)]
pub(super) struct Columns<'r> {
    row: &'r SqliteRow,
    table: &'static str,
    key: &'static str,
}

impl<'r> Columns<'r> {
    pub(super) fn new(row: &'r SqliteRow, table: &'static str, key: &'static str) -> Self {
        Self { row, table, key }
    }

    /// A value that the database's own type describes wholly.
    pub(super) fn get<T>(&self, column: &'static str) -> Result<T>
    where
        T: Decode<'r, Sqlite> + Type<Sqlite>,
    {
        self.row.try_get(column).map_err(|error| self.corrupt(column, &error))
    }

    pub(super) fn id<T: From<Uuid>>(&self, column: &'static str) -> Result<T> {
        self.get::<Uuid>(column).map(T::from)
    }

    pub(super) fn time(&self, column: &'static str) -> Result<DateTime<Utc>> {
        self.get::<DbTime>(column).map(|at| at.0)
    }

    pub(super) fn time_opt(&self, column: &'static str) -> Result<Option<DateTime<Utc>>> {
        self.get::<Option<DbTime>>(column).map(|at| at.map(|at| at.0))
    }

    /// A number that is never negative.
    pub(super) fn number<T: TryFrom<i64>>(&self, column: &'static str) -> Result<T> {
        let number: i64 = self.get(column)?;
        T::try_from(number).map_err(|_| self.corrupt(column, &format_args!("{number} is out of range")))
    }

    pub(super) fn named<T: Named>(&self, column: &'static str) -> Result<T> {
        let name: &str = self.get(column)?;
        T::from_name(name).ok_or_else(|| self.corrupt(column, &format_args!("`{name}` is not known")))
    }

    pub(super) fn named_opt<T: Named>(&self, column: &'static str) -> Result<Option<T>> {
        match self.get::<Option<&str>>(column)? {
            None => Ok(None),
            Some(_) => self.named(column).map(Some),
        }
    }

    pub(super) fn json<T: DeserializeOwned + 'r>(&self, column: &'static str) -> Result<T> {
        self.get::<Json<T>>(column).map(|json| json.0)
    }

    pub(super) fn json_opt<T: DeserializeOwned + 'r>(&self, column: &'static str) -> Result<Option<T>> {
        self.get::<Option<Json<T>>>(column).map(|json| json.map(|json| json.0))
    }

    /// 32 bytes.
    pub(super) fn hash(&self, column: &'static str) -> Result<[u8; 32]> {
        let bytes: &[u8] = self.get(column)?;
        bytes
            .try_into()
            .map_err(|_| self.corrupt(column, &format_args!("{} bytes instead of 32", bytes.len())))
    }

    /// What parses as `T`.
    pub(super) fn parsed<T>(&self, column: &'static str) -> Result<T>
    where
        T: std::str::FromStr,
        T::Err: std::fmt::Display,
    {
        let text: &str = self.get(column)?;
        text.parse().map_err(|error: T::Err| self.corrupt(column, &error))
    }

    fn corrupt(&self, column: &'static str, reason: &dyn std::fmt::Display) -> StoreError {
        let key = || {
            let row = self.row;
            let id = row.try_get::<Uuid, _>(self.key).map(|id| id.to_string());
            let number = || row.try_get::<i64, _>(self.key).map(|number| number.to_string());
            id.or_else(|_| number()).or_else(|_| row.try_get::<String, _>(self.key))
        };
        StoreError::Corrupt {
            table: self.table,
            column,
            row: key().unwrap_or_else(|_| String::from("(unreadable key)")),
            reason: reason.to_string(),
        }
    }
}
