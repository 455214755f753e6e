//! `GET /session`: the session of the cookie, with the token that changes need. 401 when there is none.

use axum::{
    extract::{Request, State},
    response::Response,
};

use super::shown;
use crate::api::{
    identify::{Presented, session, unauthenticated},
    input::NoQuery,
    problem::Problem,
    state::ApiState,
};

pub(in crate::api) async fn show(
    State(state): State<ApiState>,
    _: NoQuery,
    request: Request,
) -> Result<Response, Problem> {
    let (parts, _) = request.into_parts();
    let session = session(Presented::from(&parts), &state).await?;
    Ok(shown(&session.ok_or_else(unauthenticated)?))
}
