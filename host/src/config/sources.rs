//! Where settings come from, and how a variable's name becomes a key.

use std::path::PathBuf;

use figment::{
    Error, Figment, Metadata, Profile, Provider,
    providers::{Format, Serialized, Toml},
    value::{Dict, Map, Value},
};

use super::{
    Config,
    error::{ConfigError, ConfigErrors},
};

const PREFIX: &str = "ORDINAUT_";

/// The file that is read when none is named and it exists.
const DEFAULT_FILE: &str = "ordinaut.toml";

/// How many letters of a variable may be wrong for it to be taken for a setting.
const MISSPELT_BY_MAX: usize = 2;

/// Variables with our prefix that are no settings: for finding the configuration, and for clients of a server.
const NO_SETTINGS: [&str; 6] = [
    "ORDINAUT_CONFIG",
    "ORDINAUT_URL",
    "ORDINAUT_CLIENT_ID",
    "ORDINAUT_CLIENT_SECRET",
    "ORDINAUT_CLIENT_SECRET_FILE",
    "ORDINAUT_TOKEN",
];

/// Everything that settings are read from, as values, so that tests need no environment.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// The file that was asked for; it must exist.
    pub file: Option<PathBuf>,
    /// Environment variables; those without our prefix are ignored.
    pub environment: Vec<(String, String)>,
    /// What flags say.
    pub overrides: Overrides,
}

/// Settings by dotted key; they win over everything else.
#[derive(Debug, Clone, Default)]
pub struct Overrides(Vec<(&'static str, Value)>);

impl Overrides {
    /// Sets a key when there is a value for it.
    pub fn set(&mut self, key: &'static str, value: Option<impl Into<Value>>) {
        if let Some(value) = value {
            self.0.push((key, value.into()));
        }
    }
}

impl Sources {
    /// The file that was asked for, the process's environment, and flags.
    pub fn of_process(file: Option<PathBuf>, overrides: Overrides) -> Self {
        // Not `vars`, which panics on variables that are no UTF-8, whoever set them.
        let environment: Vec<(String, String)> = std::env::vars_os()
            .filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?)))
            .collect();
        Self {
            file,
            environment,
            overrides,
        }
    }

    /// All sources merged, and the file among them.
    pub(super) fn figment(&self) -> Result<(Figment, Option<PathBuf>), ConfigErrors> {
        let file = self.find_file()?;
        let mut figment = Figment::from(Serialized::defaults(Config::default()));
        if let Some(file) = &file {
            figment = figment.merge(Toml::file_exact(file));
        }
        for provider in self.environment_settings()? {
            figment = figment.merge(provider);
        }
        for (key, value) in &self.overrides.0 {
            figment = figment.merge(Setting {
                source: "flags".into(),
                key: (*key).to_owned(),
                value: value.clone(),
            });
        }
        Ok((figment, file))
    }

    fn find_file(&self) -> Result<Option<PathBuf>, ConfigErrors> {
        let named = self
            .file
            .clone()
            .or_else(|| self.variable("ORDINAUT_CONFIG").map(PathBuf::from));
        let Some(file) = named else {
            return Ok(Some(PathBuf::from(DEFAULT_FILE)).filter(|file| file.is_file()));
        };
        match std::fs::File::open(&file) {
            Ok(_) => Ok(Some(file)),
            Err(error) => {
                let problem = format!("cannot be read: {error}");
                Err(ConfigErrors::one(ConfigError::in_source(
                    file.display().to_string(),
                    "",
                    problem,
                )))
            }
        }
    }

    fn variable(&self, name: &str) -> Option<&str> {
        self.environment
            .iter()
            .find(|(key, value)| key == name && !value.is_empty())
            .map(|(_, value)| value.as_str())
    }

    /// `ORDINAUT_AUTH_TOKEN_TTL_SECONDS` is `auth.token_ttl_seconds`: no section has an underscore in its name.
    /// Empty variables count as unset, which is what compose files and CI systems mean by them.
    fn environment_settings(&self) -> Result<Vec<Setting>, ConfigErrors> {
        let known = known_variables();
        let mut settings = Vec::new();
        let mut errors = Vec::new();
        for (name, text) in &self.environment {
            if !name.starts_with(PREFIX) || text.is_empty() || NO_SETTINGS.contains(&name.as_str()) {
                continue;
            }
            if let Some((_, key)) = known.iter().find(|(variable, _)| variable == name) {
                let Ok(value) = text.parse::<Value>();
                settings.push(Setting {
                    source: format!("environment variable {name}"),
                    key: key.clone(),
                    value,
                });
            } else if let Some(problem) = misspelt(name, &known) {
                errors.push(ConfigError::in_source("environment", name, problem));
            }
        }
        if errors.is_empty() {
            Ok(settings)
        } else {
            Err(ConfigErrors(errors))
        }
    }
}

/// What is wrong with a variable that is no setting, if it was meant to be one: other programs (ours among them) may
/// have variables with the same prefix.
fn misspelt(name: &str, known: &[(String, String)]) -> Option<String> {
    let near = known
        .iter()
        .find(|(variable, _)| strsim::damerau_levenshtein(variable, name) <= MISSPELT_BY_MAX);
    let section = |key: &str| key.split('.').next().unwrap_or_default().to_uppercase();
    let same_section = |key: &str| name[PREFIX.len()..].starts_with(&format!("{}_", section(key)));
    match near {
        Some((variable, _)) => Some(format!("is not a known setting; did you mean `{variable}`?")),
        None => known
            .iter()
            .any(|(_, key)| same_section(key))
            .then(|| "is not a known setting; `ordinaut config schema` lists them".to_owned()),
    }
}

/// Every setting's variable and dotted key, from the schema, so that none can be forgotten.
fn known_variables() -> Vec<(String, String)> {
    let schema = Config::schema();
    let properties = |schema: &serde_json::Value| -> Vec<(String, serde_json::Value)> {
        let map = schema.get("properties").and_then(serde_json::Value::as_object);
        map.map(|map| map.iter().map(|(k, v)| (k.clone(), v.clone())).collect())
            .unwrap_or_default()
    };
    let mut variables = Vec::new();
    for (section, value) in properties(&schema) {
        let target = value
            .get("$ref")
            .and_then(|r| r.as_str())
            .and_then(|r| r.strip_prefix('#'));
        let Some(definition) = target.and_then(|pointer| schema.pointer(pointer)) else {
            continue;
        };
        for (key, _) in properties(definition) {
            let variable = format!("{PREFIX}{}_{}", section.to_uppercase(), key.to_uppercase());
            variables.push((variable, format!("{section}.{key}")));
        }
    }
    variables
}

/// One setting as a source of its own, so that errors can name it.
struct Setting {
    source: String,
    key: String,
    value: Value,
}

impl Provider for Setting {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.source.clone())
    }

    fn data(&self) -> Result<Map<Profile, Dict>, Error> {
        let nested = figment::util::nest(&self.key, self.value.clone());
        let dict = nested.into_dict().unwrap_or_default();
        Ok(Map::from([(Profile::Default, dict)]))
    }
}
