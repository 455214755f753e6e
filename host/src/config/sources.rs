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
    known::{Known, PREFIX},
};

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

    /// All sources merged, the file among them, and the faults of what could not be merged.
    pub(super) fn figment(&self) -> Result<(Figment, Option<PathBuf>, Vec<ConfigError>), ConfigErrors> {
        let file = self.find_file()?;
        let mut figment = Figment::from(Serialized::defaults(Config::default()));
        if let Some(file) = &file {
            figment = figment.merge(Toml::file_exact(file));
        }
        let (settings, faults) = self.environment_settings();
        for provider in settings {
            figment = figment.merge(provider);
        }
        for (key, value) in &self.overrides.0 {
            figment = figment.merge(Setting {
                source: "flags".into(),
                key: (*key).to_owned(),
                value: value.clone(),
            });
        }
        Ok((figment, file, faults))
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

    /// Empty variables count as unset, which is what compose files and CI systems mean by them.
    fn environment_settings(&self) -> (Vec<Setting>, Vec<ConfigError>) {
        let known: Vec<(String, Known)> = Known::all().into_iter().map(|k| (k.variable(), k)).collect();
        let mut settings = Vec::new();
        let mut faults = Vec::new();
        for (name, text) in &self.environment {
            if !name.starts_with(PREFIX) || text.is_empty() || NO_SETTINGS.contains(&name.as_str()) {
                continue;
            }
            if let Some((_, setting)) = known.iter().find(|(variable, _)| variable == name) {
                settings.push(Setting {
                    source: format!("environment variable {name}"),
                    key: setting.dotted(),
                    value: value_of(text, setting),
                });
            } else if let Some(problem) = misspelt(name, &known) {
                faults.push(ConfigError::in_source("environment", name, problem));
            }
        }
        (settings, faults)
    }
}

/// A variable's value, read as TOML where it looks like it. What is text stays text even when it looks like a number,
/// and a list may be written without its brackets: `api,worker`.
fn value_of(text: &str, setting: &Known) -> Value {
    let Ok(value) = text.parse::<Value>();
    match &value {
        Value::Array(..) => value,
        Value::String(..) if !setting.is_list() => value,
        _ if setting.is_list() => {
            let text = value.as_str().unwrap_or(text);
            let elements = text.split(',').map(str::trim).filter(|element| !element.is_empty());
            Value::from(elements.map(Value::from).collect::<Vec<_>>())
        }
        _ if setting.is_text() => Value::from(text),
        _ => value,
    }
}

/// What is wrong with a variable that is no setting, if it was meant to be one: other programs (ours among them) may
/// have variables with the same prefix.
fn misspelt(name: &str, known: &[(String, Known)]) -> Option<String> {
    let near = known
        .iter()
        .find(|(variable, _)| strsim::damerau_levenshtein(variable, name) <= MISSPELT_BY_MAX);
    let same_section =
        |setting: &Known| name[PREFIX.len()..].starts_with(&format!("{}_", setting.section.to_uppercase()));
    match near {
        Some((variable, _)) => Some(format!("is not a known setting; did you mean `{variable}`?")),
        None => known
            .iter()
            .any(|(_, setting)| same_section(setting))
            .then(|| "is not a known setting; `ordinaut config schema` lists them".to_owned()),
    }
}

/// One setting as a source of its own, so that errors can name it.
pub(super) struct Setting {
    pub source: String,
    pub key: String,
    pub value: Value,
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
