use std::io::Write as _;

use super::*;

fn with_file(text: &str) -> (tempfile::NamedTempFile, Sources) {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    let sources = Sources {
        file: Some(file.path().to_owned()),
        ..Sources::default()
    };
    (file, sources)
}

fn errors_of(text: &str) -> Vec<ConfigError> {
    let (_file, sources) = with_file(text);
    Config::load(&sources).unwrap_err().0
}

#[test]
fn without_any_source_the_defaults_hold() {
    // A file is named, so that an `ordinaut.toml` in the working directory cannot matter.
    let (_file, sources) = with_file("");
    let config = Config::load(&sources).unwrap().config;
    assert_eq!(config, Config::default());
    assert_eq!(config.server.bind.to_string(), "127.0.0.1:8080");
    assert_eq!(config.defaults.timezone, "Europe/Chisinau");
}

#[test]
fn flags_win_over_environment_wins_over_file_wins_over_defaults() {
    let (_file, mut sources) = with_file("[engine]\nslots = 1\nlease_ttl_seconds = 11\nscheduler_batch = 12\n");
    sources.environment = vec![
        ("ORDINAUT_ENGINE_SLOTS".into(), "2".into()),
        ("ORDINAUT_ENGINE_LEASE_TTL_SECONDS".into(), "21".into()),
        ("ORDINAUT_SERVER_BIND".into(), String::new()),
    ];
    sources.overrides.set("engine.slots", Some(3));
    let config = Config::load(&sources).unwrap().config;
    assert_eq!(
        (
            config.engine.slots.unwrap(),
            config.engine.lease_ttl_seconds,
            config.engine.scheduler_batch
        ),
        (3, 21, 12)
    );
    assert_eq!(
        config.server,
        ServerConfig::default(),
        "an empty variable counts as unset"
    );
}

#[test]
fn lists_can_be_set_in_the_environment() {
    let (_file, mut sources) = with_file("");
    sources.environment = vec![("ORDINAUT_SERVER_ROLES".into(), r#"["api", "scheduler"]"#.into())];
    assert_eq!(
        Config::load(&sources).unwrap().config.server.roles,
        [Role::Api, Role::Scheduler]
    );
}

#[test]
fn a_list_in_the_environment_may_be_separated_by_commas() {
    let (_file, mut sources) = with_file("");
    for (text, roles) in [
        ("api", &[Role::Api][..]),
        ("api,scheduler", &[Role::Api, Role::Scheduler]),
        ("\"api,scheduler\"", &[Role::Api, Role::Scheduler]),
        (" api , scheduler, ", &[Role::Api, Role::Scheduler]),
        ("[api, scheduler]", &[Role::Api, Role::Scheduler]),
    ] {
        sources.environment = vec![("ORDINAUT_SERVER_ROLES".into(), text.into())];
        assert_eq!(Config::load(&sources).unwrap().config.server.roles, roles, "{text}");
    }
    sources.environment = vec![("ORDINAUT_SERVER_ROLES".into(), "api,workr".into())];
    let error = Config::load(&sources).unwrap_err().0.remove(0);
    assert_eq!(
        error.source.as_deref(),
        Some("environment variable ORDINAUT_SERVER_ROLES")
    );
    assert_eq!(error.key, "server.roles");
    assert!(error.problem.starts_with("holds `workr`"), "{error:?}");
    assert!(error.problem.contains("did you mean `worker`?"), "{error:?}");
}

#[test]
fn text_in_the_environment_may_look_like_a_number() {
    let (_file, mut sources) = with_file("");
    sources.environment = vec![("ORDINAUT_AUTH_AUDIENCE".into(), "2026".into())];
    assert_eq!(Config::load(&sources).unwrap().config.auth.audience, "2026");
}

#[test]
fn all_faults_of_all_sources_are_reported_at_once_each_under_its_own_key() {
    let (file, mut sources) = with_file(
        "servr = 1\nauth = true\n[server]\nbnd = 1\nbind = 1\nroles = \"api\"\n[engine]\nslots = -1\nscheduler_batch = 0\n\
         [plugins]\nwatch = \"yes\"\ndefault_grants = [1]\n[log]\nformat = 3\n",
    );
    sources.environment = vec![
        ("ORDINAUT_SERVER_BODY_LIMIT_BYTES".into(), "1MB".into()),
        ("ORDINAUT_SERVER_BNID".into(), "x".into()),
    ];
    let errors = Config::load(&sources).unwrap_err().0;
    let find = |key: &str| {
        let found: Vec<_> = errors.iter().filter(|error| error.key == key).collect();
        assert_eq!(found.len(), 1, "{key} in {errors:#?}");
        found[0]
    };
    for (key, problem) in [
        ("servr", "is not a known section; did you mean `server`?"),
        ("auth", "is `true`; expected a section, `[auth]`"),
        ("server.bnd", "is not a known key; did you mean `bind`?"),
        (
            "server.bind",
            "is the number `1`; expected text such as `127.0.0.1:8080`",
        ),
        (
            "server.roles",
            "is the text `api`; expected a list of `api`, `scheduler`, `worker`, `extensions`",
        ),
        (
            "server.body_limit_bytes",
            "is the text `1MB`; expected a whole number, at least 0",
        ),
        (
            "engine.slots",
            "is the number `-1`; expected a whole number, at least 0",
        ),
        ("engine.scheduler_batch", "is 0; expected 1 to 10000"),
        ("plugins.watch", "is the text `yes`; expected `true` or `false`"),
        (
            "plugins.default_grants",
            "holds the number `1`; expected one of `routes`",
        ),
        (
            "log.format",
            "is the number `3`; expected one of `auto`, `human`, `json`",
        ),
        ("ORDINAUT_SERVER_BNID", "is not a known setting"),
    ] {
        let error = find(key);
        assert!(error.problem.starts_with(problem), "{error:?}");
    }
    assert_eq!(errors.len(), 12, "{errors:#?}");
    let name = file.path().to_str().unwrap();
    for key in ["server.bnd", "engine.slots", "engine.scheduler_batch"] {
        assert!(find(key).source.as_deref().unwrap().contains(name), "{key}");
    }
}

#[test]
fn an_unknown_key_is_named_with_its_file_a_suggestion_and_the_known_keys() {
    let (file, sources) = with_file("[server]\nbnid = \"127.0.0.1:1\"\n");
    let error = Config::load(&sources).unwrap_err().0.remove(0);
    assert_eq!(error.key, "server.bnid");
    assert!(
        error.source.as_deref().unwrap().contains(file.path().to_str().unwrap()),
        "{error:?}"
    );
    assert!(error.problem.contains("did you mean `bind`?"), "{error:?}");
    assert!(error.problem.contains("`public_url`"), "{error:?}");
}

#[test]
fn an_unknown_section_is_named_with_a_suggestion() {
    let error = &errors_of("[servr]\nbind = \"127.0.0.1:1\"\n")[0];
    assert_eq!(error.key, "servr");
    assert!(
        error.problem.contains("not a known section; did you mean `server`?"),
        "{error:?}"
    );
}

#[test]
fn an_unknown_variable_is_named_with_a_suggestion() {
    let (_file, mut sources) = with_file("");
    sources.environment = vec![("ORDINAUT_SERVER_BNID".into(), "127.0.0.1:1".into())];
    let error = Config::load(&sources).unwrap_err().0.remove(0);
    assert_eq!(error.key, "ORDINAUT_SERVER_BNID");
    assert!(
        error.problem.contains("did you mean `ORDINAUT_SERVER_BIND`?"),
        "{error:?}"
    );
}

#[test]
fn variables_of_other_programs_are_left_alone() {
    let (_file, mut sources) = with_file("");
    sources.environment = vec![
        ("ORDINAUT_BIN".into(), "/x".into()),
        ("ORDINAUT_URL".into(), "http://h".into()),
    ];
    assert_eq!(Config::load(&sources).unwrap().config, Config::default());
    sources.environment = vec![("ORDINAUT_SERVER_COLOUR".into(), "red".into())];
    assert!(Config::load(&sources).is_err());
}

#[test]
fn a_value_of_the_wrong_type_is_named_with_what_was_expected() {
    let error = &errors_of("[engine]\nslots = \"many\"\n")[0];
    assert_eq!(error.key, "engine.slots");
    assert!(error.problem.contains("the text `many`"), "{error:?}");

    let error = &errors_of("[log]\nformat = \"jsn\"\n")[0];
    assert!(error.problem.contains("did you mean `json`?"), "{error:?}");

    let error = &errors_of("[server]\nbind = \"localhost\"\n")[0];
    assert_eq!(error.key, "server.bind");
}

#[test]
fn all_values_out_of_range_are_reported_at_once() {
    let errors = errors_of(
        "[engine]\nslots = 0\n[auth]\ntoken_ttl_seconds = 7200\n[defaults]\ntimezone = \"Europe/Kishinau\"\n",
    );
    let keys: Vec<_> = errors.iter().map(|e| e.key.as_str()).collect();
    assert_eq!(keys, ["engine.slots", "auth.token_ttl_seconds", "defaults.timezone"]);
    assert!(errors[2].problem.contains("Europe/Chisinau"), "{}", errors[2].problem);
}

#[test]
fn broken_toml_is_reported_with_its_line() {
    let errors = errors_of("[server\n");
    assert!(errors[0].problem.contains("line 1"), "{errors:?}");
}

#[test]
fn a_file_that_was_asked_for_must_exist() {
    let sources = Sources {
        file: Some("/nowhere/ordinaut.toml".into()),
        ..Sources::default()
    };
    assert!(
        Config::load(&sources)
            .unwrap_err()
            .to_string()
            .contains("/nowhere/ordinaut.toml")
    );
}

#[test]
fn storage_urls_name_a_file_or_are_refused_with_a_reason() {
    let storage = |url: &str| {
        StorageConfig {
            url: url.into(),
            ..StorageConfig::default()
        }
        .location()
    };
    assert_eq!(
        storage("sqlite"),
        Ok(StorageLocation::Sqlite("ordinaut-data/ordinaut.db".into()))
    );
    assert_eq!(
        storage("sqlite:///var/lib/o.db"),
        Ok(StorageLocation::Sqlite("/var/lib/o.db".into()))
    );
    assert_eq!(storage("sqlite:o.db"), Ok(StorageLocation::Sqlite("o.db".into())));
    for bad in ["", "sqlite:", "sqlite::memory:?x", "postgres://u:p@h/d", "mysql://h/d"] {
        assert!(storage(bad).is_err(), "{bad}");
    }
}

#[test]
fn the_example_sets_every_key_to_its_default() {
    let text = include_str!("../../../ops/ordinaut.example.toml");
    let (_file, sources) = with_file(text);
    assert_eq!(Config::load(&sources).unwrap().config, Config::default());

    // What is commented out as `# key = value` must be valid too, and together they are all keys there are.
    let uncommented: String = text
        .lines()
        .map(|line| line.strip_prefix("#: ").unwrap_or(line))
        .fold(String::new(), |all, line| all + line + "\n");
    let (_file, sources) = with_file(&uncommented);
    Config::load(&sources).unwrap();
    let document: toml::Table = uncommented.parse().unwrap();
    let schema = Config::schema();
    for (section, value) in schema["properties"].as_object().unwrap() {
        let pointer = value["$ref"].as_str().unwrap().trim_start_matches('#');
        for key in schema.pointer(pointer).unwrap()["properties"]
            .as_object()
            .unwrap()
            .keys()
        {
            let set = document.get(section).and_then(|s| s.get(key));
            assert!(set.is_some(), "ops/ordinaut.example.toml lacks {section}.{key}");
        }
    }
}
