//! `GET /audit`: rows of the audit log, newest first. Filters: `actor`, `action`, `subject`, `since`, `until`.

use axum::{extract::State, response::Response};
use ordinaut_store::{AuditEntry, AuditFilter};
use serde_json::{Value, json};

use super::{SCOPE, hex};
use crate::api::{caller::Caller, input::Query, page::Listing, problem::Problem, state::ApiState};

pub(in crate::api) async fn list(
    State(state): State<ApiState>,
    caller: Caller,
    mut query: Query,
) -> Result<Response, Problem> {
    caller.require(SCOPE)?;
    let (listing, page) = Listing::read(&state.cursors, "/audit", &mut query)?;
    let filter = AuditFilter {
        actor: query.parsed("actor", "the id of an agent"),
        action: query.text("action"),
        subject: query.text("subject"),
        since: query.instant("since"),
        until: query.instant("until"),
    };
    query.finish()?;
    let page = state.store.list_audit(&filter, &page).await?;
    Ok(listing.answer(&page, shown))
}

fn shown(entry: &AuditEntry) -> Value {
    json!({
        "seq": entry.seq,
        "at": entry.at,
        "actor": entry.actor,
        "action": entry.action,
        "subject": entry.subject,
        "details": entry.details,
        "request_id": entry.request_id,
        "hash": hex(&entry.row_hash),
    })
}
