use std::{collections::BTreeMap, time::Duration};

use super::*;
use crate::compose::{Environment, Host};

/// Temporary folders and a free loopback port; the secret goes into the data folder.
fn config(folder: &Path) -> Config {
    let mut config = Config::default();
    config.server.bind = "127.0.0.1:0".parse().unwrap();
    config.storage.data_dir = folder.join("data");
    config.plugins.dir = folder.join("plugins");
    config.auth.bootstrap_file = Some(folder.join("data/bootstrap-admin.json"));
    config
}

async fn start_and_stop(config: &Config) {
    let host = Host::start(config, Environment::of_system()).await.unwrap();
    host.stop(Duration::from_secs(5)).await;
}

async fn refusal(config: &Config) -> String {
    let refused = Host::start(config, Environment::of_system()).await.err();
    refused.expect("a refusal").to_string()
}

/// Every file below a folder with its content, and every folder.
fn content(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut all = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all.extend(content(&path));
            all.insert(path, Vec::new());
        } else {
            let bytes = fs::read(&path).unwrap();
            all.insert(path, bytes);
        }
    }
    all
}

#[tokio::test]
async fn a_first_start_may_find_an_empty_folder_and_later_ones_find_the_secret_still_there() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path());
    fs::create_dir_all(config.data_dir()).unwrap();
    start_and_stop(&config).await;
    let secret = config.auth.bootstrap_file.as_deref().unwrap();
    let first = fs::read(secret).unwrap();
    start_and_stop(&config).await;
    assert_eq!(fs::read(secret).unwrap(), first);
    fs::remove_file(secret).unwrap();
    start_and_stop(&config).await;
    assert!(!secret.exists(), "a secret is handed over once");
}

#[tokio::test]
async fn a_first_start_that_was_broken_off_can_be_repeated() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path());
    fs::create_dir_all(config.data_dir()).unwrap();
    fs::write(config.data_dir().join("ordinaut.db"), "").unwrap();
    start_and_stop(&config).await;
}

#[tokio::test]
async fn a_store_with_sealed_keys_and_without_the_key_file_is_refused_until_it_is_restored() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path());
    start_and_stop(&config).await;
    let (key, away) = (config.data_dir().join("sealing.key"), folder.path().join("away"));
    fs::rename(&key, &away).unwrap();
    let store = fs::read(config.data_dir().join("ordinaut.db")).unwrap();

    for _ in 0..2 {
        let error = refusal(&config).await;
        assert!(error.contains("sealing.key that opens them is missing"), "{error}");
        assert!(error.contains("restore it from a backup"), "{error}");
        assert!(!key.exists(), "no new key");
        assert_eq!(fs::read(config.data_dir().join("ordinaut.db")).unwrap(), store);
    }
    fs::rename(&away, &key).unwrap();
    start_and_stop(&config).await;
}

#[tokio::test]
async fn a_store_that_vanished_or_was_emptied_is_not_replaced_silently() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path());
    start_and_stop(&config).await;
    let store = config.data_dir().join("ordinaut.db");
    for (loss, word) in [("emptied", "is empty"), ("removed", "is missing")] {
        if loss == "emptied" {
            fs::write(&store, "").unwrap();
        } else {
            fs::remove_file(&store).unwrap();
        }
        let before = content(folder.path());
        let error = refusal(&config).await;
        for part in [
            word,
            "bootstrap-admin.json and ",
            "sealing.key show",
            "restore the store",
            "remove those files",
        ] {
            assert!(error.contains(part), "no `{part}` in {error}");
        }
        assert_eq!(content(folder.path()), before, "{loss}");
    }
    // Each of the two alone is enough of a witness.
    fs::rename(config.data_dir().join("sealing.key"), folder.path().join("key")).unwrap();
    let error = refusal(&config).await;
    assert!(error.contains("bootstrap-admin.json shows"), "{error}");
    fs::rename(folder.path().join("key"), config.data_dir().join("sealing.key")).unwrap();
    fs::remove_file(config.data_dir().join("bootstrap-admin.json")).unwrap();
    let error = refusal(&config).await;
    assert!(
        error.contains("sealing.key shows") && error.contains("remove that file"),
        "{error}"
    );
    // What the message says works.
    fs::remove_file(config.data_dir().join("sealing.key")).unwrap();
    start_and_stop(&config).await;
}

#[tokio::test]
async fn the_file_of_another_secret_is_never_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = config(folder.path());
    // A store without agents: the address kept it from being bootstrapped.
    config.server.bind = "0.0.0.0:0".parse().unwrap();
    assert!(refusal(&config).await.contains("loopback"));
    config.server.bind = "127.0.0.1:0".parse().unwrap();
    let secret = folder.path().join("secret.json");
    fs::write(&secret, "precious").unwrap();
    config.auth.bootstrap_file = Some(secret.clone());

    let error = refusal(&config).await;
    assert!(error.contains(secret.to_str().unwrap()), "{error}");
    assert!(error.contains("not overwritten"), "{error}");
    assert_eq!(fs::read_to_string(&secret).unwrap(), "precious");
    fs::remove_file(&secret).unwrap();
    start_and_stop(&config).await;
    assert!(fs::read_to_string(&secret).unwrap().contains("client_secret"));
}

#[tokio::test]
async fn a_file_where_a_folder_is_needed_is_named_before_anything_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let before = content(folder.path());
    let mut plugins = config(folder.path());
    plugins.plugins.dir.clone_from(&file);
    let mut below = config(folder.path());
    below.plugins.dir = file.join("plugins");
    let mut data = config(folder.path());
    data.storage.data_dir.clone_from(&file);
    for (config, key) in [
        (plugins, "plugins.dir"),
        (below, "plugins.dir"),
        (data, "storage.data_dir"),
    ] {
        let error = refusal(&config).await;
        let expected = format!("`{key}`: {} is a file, but a folder is needed there", file.display());
        assert!(error.starts_with(&expected), "{error}");
        assert_eq!(error.lines().count(), 1, "{error}");
        assert_eq!(content(folder.path()), before);
    }

    let mut swapped = config(folder.path());
    swapped.storage.url = format!("sqlite:{}", folder.path().display());
    swapped.plugins.shipped_dir = Some(file.clone());
    let error = refusal(&swapped).await;
    assert!(
        error.contains("`storage.url`") && error.contains("is a folder"),
        "{error}"
    );
    assert!(error.contains("`plugins.shipped_dir`"), "all at once: {error}");
    assert_eq!(content(folder.path()), before);
}
