use super::*;

fn get(path: &str) -> Answer {
    answer(&Asked {
        path,
        ..Asked::default()
    })
}

fn header<'a>(answer: &'a Answer, name: &str) -> Option<&'a str> {
    let found = answer.headers.iter().find(|(held, _)| *held == name);
    found.map(|(_, value)| value.as_str())
}

fn text(answer: &Answer) -> String {
    let (_, body) = answer.content.as_ref().unwrap();
    String::from_utf8(body.to_vec()).unwrap()
}

#[test]
fn every_place_in_the_interface_answers_the_page_with_a_way_to_the_files() {
    for (path, way) in [
        ("/ext/webui/", "\"assets/"),
        ("/ext/webui/tasks", "\"assets/"),
        ("/ext/other/tasks/1", "\"../assets/"),
        ("/ext/webui/tasks/1/edit", "\"../../assets/"),
    ] {
        let page = get(path);
        assert_eq!(page.status, 200, "{path}");
        assert!(text(&page).contains(&format!("{way}{HASH}/main.js\"")), "{path}");
        assert_eq!(header(&page, "cache-control"), Some("no-cache"));
        assert_eq!(header(&page, "content-security-policy"), Some(CONTENT_SECURITY_POLICY));
    }
}

#[test]
fn the_mount_without_its_slash_leads_to_it() {
    let away = get("/ext/webui");
    assert_eq!((away.status, header(&away, "location")), (308, Some("webui/")));
}

#[test]
fn a_page_that_is_known_is_not_sent_again() {
    let tag = header(&get("/ext/webui/tasks"), "etag").unwrap().to_owned();
    let again = |known: &str, path| {
        answer(&Asked {
            path,
            if_none_match: Some(known),
            ..Asked::default()
        })
    };
    assert_eq!(again(&tag, "/ext/webui/runs").status, 304);
    assert_eq!(again(&format!("\"x\", W/{tag}"), "/ext/webui/runs").status, 304);
    // Another depth is another page.
    assert_eq!(again(&tag, "/ext/webui/runs/1").status, 200);
    assert_eq!(again("\"x\"", "/ext/webui/runs").status, 200);
}

#[test]
fn files_of_this_build_are_kept_for_ever_and_others_are_not_found() {
    let main = get(&format!("/ext/webui/assets/{HASH}/main.js"));
    assert_eq!(main.status, 200);
    assert_eq!(main.content.as_ref().unwrap().0, "text/javascript; charset=utf-8");
    assert!(header(&main, "cache-control").unwrap().contains("immutable"));
    for wrong in ["assets/0123456789abcdef/main.js", "assets/main.js", "assets/"] {
        assert_eq!(get(&format!("/ext/webui/{wrong}")).status, 404, "{wrong}");
    }
    for wrong in ["nothing.js", "../lib.rs", "%2e%2e/lib.rs", "index.html"] {
        assert_eq!(get(&format!("/ext/webui/assets/{HASH}/{wrong}")).status, 404, "{wrong}");
    }
}

#[test]
fn files_are_compressed_for_those_who_take_it() {
    let path = format!("/ext/webui/assets/{HASH}/style.css");
    let encoding = |field| {
        let answer = answer(&Asked {
            path: &path,
            accept_encoding: field,
            ..Asked::default()
        });
        let packed = answer.content.as_ref().unwrap().1.starts_with(&[0x1f, 0x8b]);
        assert_eq!(header(&answer, "content-encoding"), packed.then_some("gzip"));
        assert_eq!(header(&answer, "vary"), Some("accept-encoding"));
        packed
    };
    for yes in ["gzip", "br;q=1.0, GZIP;q=0.5", "*", "deflate, *;q=0.1"] {
        assert!(encoding(Some(yes)), "{yes}");
    }
    for no in ["identity", "gzip;q=0", "gzip;q=0, *", "gzip;q=x", "*;q=0"] {
        assert!(!encoding(Some(no)), "{no}");
    }
    assert!(!encoding(None));
}

#[test]
fn the_first_load_stays_within_its_budget() {
    let first = ASSETS.iter().filter(|asset| asset.first);
    let packed: usize = first.clone().map(|asset| asset.gzip.len()).sum();
    assert!(first.count() > 15, "the modules are followed");
    assert!(packed + INDEX.len() <= 60 * 1024, "{packed} bytes");
}

#[test]
fn nothing_is_inline_or_foreign() {
    for part in ["<style", "style=", "onload=", "http:", "https:", "//"] {
        assert!(!INDEX.contains(part), "the page has `{part}`");
    }
    assert_eq!(INDEX.matches("<script").count(), INDEX.matches("src=").count());
    for asset in ASSETS.iter().filter(|asset| !asset.name.starts_with("vendor/")) {
        let text = std::str::from_utf8(asset.plain).unwrap();
        for part in [
            "innerHTML",
            "dangerouslySetInnerHTML",
            "eval(",
            "new Function",
            "document.write",
        ] {
            assert!(!text.contains(part), "{} has `{part}`", asset.name);
        }
        for (at, _) in text.match_indices("from '") {
            let rest = &text[at + 6..];
            assert!(
                rest.starts_with('.'),
                "{}: `{}` is not a relative import",
                asset.name,
                rest.lines().next().unwrap()
            );
        }
    }
}
