//! The web interface in a real browser: `tests/browser/journey.mjs` tells the story, this starts the host that it
//! happens on.

use std::{env, path::Path};

use ordinaut_tests::Host;
use reqwest::{Method, header};
use tokio::process::Command;

#[tokio::test]
async fn somebody_signs_in_builds_a_schedule_watches_its_run_and_reads_why_another_failed() {
    let host = Host::builder().shipped("webui").start().await;
    let admin = host.admin_credentials();
    let node = env::var_os("ORDINAUT_NODE").expect("ORDINAUT_NODE names Node; run `cargo xtask test`");
    let journey = Path::new(env!("CARGO_MANIFEST_DIR")).join("browser/journey.mjs");
    let told = Command::new(node)
        .arg(journey)
        .env("ORDINAUT_URL", host.url())
        .env("CLIENT_ID", admin["client_id"].as_str().expect("client_id"))
        .env("CLIENT_SECRET", admin["client_secret"].as_str().expect("client_secret"))
        .kill_on_drop(true)
        .output()
        .await
        .expect("Node starts");
    let report = String::from_utf8_lossy(&told.stdout);
    let errors = String::from_utf8_lossy(&told.stderr);
    assert!(told.status.success(), "{report}\n{errors}");
    assert!(report.contains(" 0 failed"), "{report}");
}

#[tokio::test]
async fn the_page_and_its_files_are_open_compressed_and_kept_as_they_should_be() {
    let host = Host::builder().bare().shipped("webui").start().await;
    let anyone = host.anonymous();
    let page = anyone
        .request(Method::GET, "/ext/webui/tasks/1")
        .send()
        .await
        .expect("an answer");
    assert_eq!(page.status(), 200);
    let policy = page.headers()[header::CONTENT_SECURITY_POLICY].to_str().expect("text");
    // The session's page is not sandboxed, and nothing but its own files may run in it.
    assert!(policy.starts_with("default-src 'none'; script-src 'self'") && !policy.contains("sandbox"));
    assert_eq!(page.headers()[header::CACHE_CONTROL], "no-cache");
    let tag = page.headers()[header::ETAG].clone();
    let text = page.text().await.expect("text");

    let again = anyone
        .request(Method::GET, "/ext/webui/tasks/2")
        .header(header::IF_NONE_MATCH, tag)
        .send()
        .await
        .expect("an answer");
    assert_eq!(again.status(), 304);

    let main = text
        .split('"')
        .find(|part| part.ends_with("/main.js"))
        .expect("the page names its script");
    let file = main.strip_prefix("../").expect("relative to the page");
    let script = anyone
        .request(Method::GET, &format!("/ext/webui/{file}"))
        .header(header::ACCEPT_ENCODING, "gzip")
        .send()
        .await
        .expect("an answer");
    assert_eq!(script.status(), 200);
    assert_eq!(script.headers()[header::CONTENT_ENCODING], "gzip");
    assert!(
        script.headers()[header::CACHE_CONTROL]
            .to_str()
            .expect("text")
            .contains("immutable")
    );
    assert_eq!(anyone.get("/ext/webui/assets/0/main.js").await.status, 404);
}
