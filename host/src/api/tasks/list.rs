//! `GET /tasks`: tasks, newest first unless `sort` says otherwise. Filters: `status` and `schedule_kind` (comma lists),
//! `owner`, `tag`, `q` (part of the title), `due_before`.

use axum::{extract::State, response::Response};
use ordinaut_store::{TaskFilter, TaskOrder, TaskSort};

use super::{schedule, wire};
use crate::{
    api::{caller::Caller, input::Query, page::Listing, problem::Problem, state::ApiState},
    config::suggest,
};

const STATUSES: [&str; 4] = ["active", "paused", "canceled", "completed"];
const SORTS: [&str; 4] = ["created_at", "updated_at", "next_run_at", "title"];
const KINDS: [&str; 5] = ["cron", "rrule", "once", "event", "condition"];

pub(in crate::api) async fn list(
    State(state): State<ApiState>,
    caller: Caller,
    mut query: Query,
) -> Result<Response, Problem> {
    let own = caller.owner_filter("tasks:read")?;
    let (listing, page) = Listing::read(&state.cursors, "/tasks", &mut query)?;
    let asked_owner = query.parsed("owner", "the id of an agent");
    let filter = TaskFilter {
        status: query.named_list("status", &STATUSES),
        kind: query.named_list("schedule_kind", &KINDS),
        owner: own.or(asked_owner),
        tag: query.text("tag"),
        query: query.text("q"),
        due_before: query.instant("due_before"),
        order: order(&mut query),
    };
    query.finish()?;
    if own.is_some() && asked_owner.is_some_and(|owner| Some(owner) != own) {
        return Err(Caller::lacks("tasks:read:any"));
    }
    let page = state.store.list_tasks(&filter, &page).await?;
    Ok(listing.answer(&page, |task| {
        let mut shown = wire::task(task);
        shown["schedule"] = schedule::described(task);
        shown
    }))
}

/// What `sort` says.
fn order(query: &mut Query) -> TaskOrder {
    let Some(text) = query.text("sort") else {
        return TaskOrder::default();
    };
    let (name, descending) = text
        .strip_prefix('-')
        .map_or((text.as_str(), false), |name| (name, true));
    let by = match name {
        "created_at" => TaskSort::CreatedAt,
        "updated_at" => TaskSort::UpdatedAt,
        "next_run_at" => TaskSort::NextRunAt,
        "title" => TaskSort::Title,
        _ => {
            let near = suggest(name, SORTS);
            let detail = format!(
                "must be one of {}, with a `-` before it for the reverse{near}",
                SORTS.join(", ")
            );
            query.fault("sort", "invalid", detail);
            return TaskOrder::default();
        }
    };
    TaskOrder { by, descending }
}

#[cfg(test)]
mod tests {
    use axum::extract::FromRequestParts as _;

    use super::*;

    async fn asked(uri: &str) -> Result<TaskOrder, Problem> {
        let mut parts = http::Request::get(uri).body(()).unwrap().into_parts().0;
        let mut query = Query::from_request_parts(&mut parts, &()).await.unwrap();
        let order = order(&mut query);
        query.finish().map(|()| order)
    }

    #[tokio::test]
    async fn a_hyphen_turns_the_order_round_and_unknown_ones_are_refused() {
        assert_eq!(asked("/tasks").await.unwrap(), TaskOrder::default());
        assert_eq!(asked("/tasks?sort=-created_at").await.unwrap(), TaskOrder::default());
        let by = TaskSort::NextRunAt;
        for (text, descending) in [("next_run_at", false), ("-next_run_at", true)] {
            let order = asked(&format!("/tasks?sort={text}")).await.unwrap();
            assert_eq!(order, TaskOrder { by, descending });
        }
        for bad in ["", "-", "--title", "titel", "title,created_at"] {
            let problem = asked(&format!("/tasks?sort={bad}")).await.unwrap_err();
            assert_eq!(problem.kind().code, "invalid_query", "{bad}");
        }
        assert!(
            asked("/tasks?sort=titel")
                .await
                .unwrap_err()
                .detail()
                .contains("`title`")
        );
    }
}
