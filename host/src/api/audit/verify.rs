//! `GET /audit/verify`: computes the whole chain anew. `head` is the hash of the last row: whoever keeps it elsewhere can
//! also tell later whether rows at the end were taken away.

use axum::{Json, extract::State};
use ordinaut_store::AuditReport;
use serde_json::{Value, json};

use super::{SCOPE, hex};
use crate::api::{caller::Caller, input::NoQuery, problem::Problem, state::ApiState};

pub(in crate::api) async fn verify(
    State(state): State<ApiState>,
    caller: Caller,
    _: NoQuery,
) -> Result<Json<Value>, Problem> {
    caller.require(SCOPE)?;
    Ok(Json(match state.store.verify_audit().await? {
        AuditReport::Intact { rows, head } => json!({ "intact": true, "rows": rows, "head": hex(&head) }),
        AuditReport::Broken { seq, reason } => {
            tracing::error!(row = seq, reason, "the audit log is not as it was written");
            json!({ "intact": false, "broken_at": seq, "reason": reason })
        }
    }))
}
