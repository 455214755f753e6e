//! The extension against a host in memory.

use ordinaut_sdk::routes::HEAD;
use ordinaut_sdk::testing::Harness;

use super::*;

#[test]
fn its_routes_are_open_to_everybody_and_answer_pages_files_and_problems() {
    let app = Harness::<WebUi>::new("webui");
    let manifest = app.init().unwrap();
    assert!(manifest.routes.iter().all(|route| route.access == Access::Public));
    let page = app.request(GET, "/tasks/1?status=active").send();
    assert_eq!(page.status, 200);
    assert!(page.text().contains("\"../assets/"));
    assert_eq!(app.request(HEAD, "/").send().status, 200);
    let missing = app.request(GET, "/assets/0/main.js").send();
    assert_eq!(missing.status, 404);
    assert_eq!(missing.headers.get("content-type"), Some("application/problem+json"));
}
