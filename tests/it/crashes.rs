//! Each shipped extension is made to trap in turn, over and over, while the others take 20 requests a second: none of
//! theirs fails, and afterwards the one that trapped serves again.

use std::{sync::Arc, time::Duration};

use ordinaut_tests::{
    Actor, Host, eventually,
    host::{guest, shipped_extension},
};
use reqwest::{Method, RequestBuilder};
use serde_json::json;
use tokio::{task::JoinSet, time::MissedTickBehavior};
use tokio_util::sync::CancellationToken;

/// Twenty requests a second.
const BETWEEN_REQUESTS: Duration = Duration::from_millis(50);
/// Requests to each of the others, at least, while one traps.
const REQUESTS: usize = 60;
/// How often each of them traps.
const TRAPS: usize = 20;

/// A shipped extension and a request that it must answer with success.
struct Shipped {
    name: &'static str,
    request: fn(&Actor) -> RequestBuilder,
}

const ALL: [Shipped; 4] = [
    Shipped {
        name: "observability",
        request: |actor| actor.request(Method::GET, "/ext/observability/metrics"),
    },
    Shipped {
        name: "webui",
        request: |actor| actor.request(Method::GET, "/ext/webui/"),
    },
    Shipped {
        name: "mcp_http",
        request: |actor| {
            let body = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list" });
            actor
                .request(Method::POST, "/ext/mcp_http/")
                .header("accept", "application/json, text/event-stream")
                .json(&body)
        },
    },
    Shipped {
        name: "events_demo",
        request: |actor| actor.request(Method::GET, "/ext/events_demo/count"),
    },
];

#[tokio::test(flavor = "multi_thread")]
async fn an_extension_that_traps_costs_the_others_no_request() {
    let host = Host::builder()
        .shipped("observability")
        .shipped("webui")
        .shipped("mcp_http")
        .start()
        .await;
    let admin = host.admin().await;
    for extension in &ALL {
        admin.extension(extension.name, "ready").await;
    }
    let trapping = guest("traps");
    for victim in &ALL {
        let file = format!("{}.wasm", victim.name);
        let whole = std::fs::read(shipped_extension(victim.name)).expect("the shipped extensions are built");
        host.drop_in(&file, &trapping);
        let path = format!("/ext/{}/trap", victim.name);
        eventually(&format!("{} traps", victim.name), || async {
            (admin.get(&path).await.status == 500).then_some(())
        })
        .await;

        let over = CancellationToken::new();
        let mut others = JoinSet::new();
        for other in ALL.iter().filter(|other| other.name != victim.name) {
            others.spawn(visit(admin.clone(), other, over.clone()));
        }
        for _ in 0..TRAPS {
            assert_eq!(admin.get(&path).await.problem(500)["code"], "trap");
        }
        over.cancel();
        let answers = others.join_all().await;
        for (name, count) in &answers {
            assert!(*count >= REQUESTS, "{name} was asked {count} times only");
        }
        eprintln!("while {} trapped {TRAPS} times: {answers:?}, none failed", victim.name);

        host.drop_in(&file, &whole);
        eventually(&format!("{} serves again", victim.name), || async {
            let reply = admin.send((victim.request)(&admin)).await;
            (reply.status == 200).then_some(())
        })
        .await;
    }
    assert_eq!(host.anonymous().get("/health").await.status, 200);
}

/// Asks an extension 20 times a second until `over`, and often enough; every answer must be a success.
async fn visit(actor: Actor, extension: &'static Shipped, over: CancellationToken) -> (&'static str, usize) {
    let mut pace = tokio::time::interval(BETWEEN_REQUESTS);
    // A late request is made up for, so that the rate holds on a busy machine.
    pace.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let actor = Arc::new(actor);
    let mut under_way = JoinSet::new();
    let mut count = 0;
    while !over.is_cancelled() || count < REQUESTS {
        pace.tick().await;
        count += 1;
        let actor = actor.clone();
        under_way.spawn(async move {
            let reply = actor.send((extension.request)(&actor)).await;
            assert_eq!(reply.status, 200, "{}: {}", extension.name, reply.text);
        });
    }
    under_way.join_all().await;
    (extension.name, count)
}
