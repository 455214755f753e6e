//! Reading and checking the audit log. It is written by [`Write::record`](super::write::Write::record).

use async_trait::async_trait;
use ordinaut_domain::AgentId;
use sqlx::{Connection, sqlite::SqliteRow};

use super::{SqliteStore, columns::Columns, rows};
use crate::{
    audit::{GENESIS, Sealed, row_hash},
    codec::{DbTime, signed},
    contract::{Audit, AuditEntry, AuditFilter, AuditReport, Page, PageRequest},
    error::{Result, StoreError},
    page,
};

/// Rows that are checked at a time.
const VERIFY_BATCH: i64 = 1_000;

#[async_trait]
impl Audit for SqliteStore {
    async fn read_audit(&self, after: u64, limit: u32) -> Result<Vec<AuditEntry>> {
        let rows = sqlx::query(sql!("common/read_audit"))
            .bind(signed(after))
            .bind(i64::from(limit))
            .fetch_all(&mut *self.reader().await?)
            .await?;
        rows.iter().map(rows::audit_entry).collect()
    }

    async fn list_audit(&self, filter: &AuditFilter, page: &PageRequest) -> Result<Page<AuditEntry>> {
        let before = match page.after.as_deref() {
            None => i64::MAX,
            Some(text) => text
                .parse()
                .map_err(|_| StoreError::Invalid("the cursor is not one of this list".to_owned()))?,
        };
        let rows = sqlx::query(sql!("common/list_audit"))
            .bind(before)
            .bind(filter.actor.map(AgentId::as_uuid))
            .bind(filter.action.as_deref())
            .bind(filter.subject.as_deref())
            .bind(filter.since.map(DbTime))
            .bind(filter.until.map(DbTime))
            .bind(i64::from(page::limit(page)) + 1)
            .fetch_all(&mut *self.reader().await?)
            .await?;
        let mut entries = rows.iter().map(rows::audit_entry).collect::<Result<Vec<_>>>()?;
        Ok(page::cut_with(&mut entries, page, |entry| entry.seq.to_string()))
    }

    async fn verify_audit(&self) -> Result<AuditReport> {
        let mut reader = self.reader().await?;
        let mut snapshot = reader.begin().await?;
        let (mut checked, mut head) = (0, GENESIS);
        loop {
            let rows = sqlx::query(sql!("common/read_audit"))
                .bind(signed(checked))
                .bind(VERIFY_BATCH)
                .fetch_all(&mut *snapshot)
                .await?;
            if rows.is_empty() {
                return Ok(AuditReport::Intact { rows: checked, head });
            }
            for row in &rows {
                match check(row, checked + 1, &head)? {
                    Ok(hash) => head = hash,
                    Err(reason) => {
                        return Ok(AuditReport::Broken {
                            seq: checked + 1,
                            reason,
                        });
                    }
                }
                checked += 1;
            }
        }
    }
}

/// The hash of the row, if the row is number `seq` and continues the chain whose last hash is `head`.
fn check(row: &SqliteRow, seq: u64, head: &[u8; 32]) -> Result<std::result::Result<[u8; 32], String>> {
    let c = Columns::new(row, "audit_log", "seq");
    let found: u64 = c.number("seq")?;
    if found != seq {
        return Ok(Err(format!("it is missing: the next row is {found}")));
    }
    if c.hash("prev_hash")? != *head {
        return Ok(Err("it does not continue the row before it".into()));
    }
    let sealed = Sealed {
        seq,
        at: c.time("at")?,
        actor: match c.get::<Option<&[u8]>>("actor")? {
            None => None,
            Some(_) => Some(c.id("actor")?),
        },
        action: c.get("action")?,
        subject: c.get("subject")?,
        details: c.get("details")?,
        request_id: c.get("request_id")?,
    };
    let hash = row_hash(head, &sealed);
    if hash != c.hash("row_hash")? {
        return Ok(Err("its content is not what was sealed".into()));
    }
    Ok(Ok(hash))
}
