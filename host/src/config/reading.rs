//! From merged sources to a configuration. Each setting is read by itself, so that all faults are found at once and
//! each is reported under its own key.

use figment::{
    Figment,
    error::{Actual, Kind},
    providers::Serialized,
    value::{Dict, Value},
};

use super::{
    Config,
    error::{ConfigError, ConfigErrors, list, suggest, unknown},
    known::Known,
    sources::Setting,
};

/// The configuration as far as it can be read, with defaults for the rest, and every fault. When a source cannot be
/// read at all, that is the only fault and there is no configuration.
pub(super) fn read(figment: &Figment) -> Result<(Config, Vec<ConfigError>), ConfigErrors> {
    let merged: Dict = figment.extract().map_err(ConfigErrors::unreadable)?;
    let known = Known::all();
    let mut reading = Reading {
        figment,
        good: Figment::from(Serialized::defaults(Config::default())),
        faults: Vec::new(),
    };
    for (section, value) in merged {
        let settings: Vec<&Known> = known.iter().filter(|known| known.section == section).collect();
        reading.section(&section, value, &settings, &known);
    }
    let config = reading.good.extract().map_err(ConfigErrors::unreadable)?;
    Ok((config, reading.faults))
}

/// Where a key's value came from.
pub(super) fn source_of(figment: &Figment, key: &str) -> Option<String> {
    figment.find_metadata(key).map(|m| match &m.source {
        Some(source) => source.to_string(),
        None => m.name.to_string(),
    })
}

struct Reading<'a> {
    figment: &'a Figment,
    /// The defaults and whatever could be read.
    good: Figment,
    faults: Vec<ConfigError>,
}

impl Reading<'_> {
    fn section(&mut self, section: &str, value: Value, settings: &[&Known], known: &[Known]) {
        if settings.is_empty() {
            let mut sections: Vec<&str> = known.iter().map(|known| known.section.as_str()).collect();
            sections.dedup();
            return self.fault(section, unknown("section", section, &sections));
        }
        let actual = value.to_actual();
        let Some(entries) = value.into_dict() else {
            return self.fault(
                section,
                format!("is {}; expected a section, `[{section}]`", words(&actual)),
            );
        };
        for (key, value) in entries {
            let dotted = format!("{section}.{key}");
            if let Some(setting) = settings.iter().find(|setting| setting.key == key) {
                self.setting(setting, value);
            } else {
                let keys: Vec<&str> = settings.iter().map(|setting| setting.key.as_str()).collect();
                self.fault(&dotted, unknown("key", &key, &keys));
            }
        }
    }

    /// Takes the value if the configuration can still be read with it.
    fn setting(&mut self, setting: &Known, value: Value) {
        let actual = value.to_actual();
        let with = self.good.clone().merge(Setting {
            source: String::new(),
            key: setting.dotted(),
            value,
        });
        match with.extract::<Config>() {
            Ok(_) => self.good = with,
            Err(error) => self.fault(&setting.dotted(), problem(setting, &actual, &error)),
        }
    }

    fn fault(&mut self, key: &str, problem: String) {
        self.faults.push(ConfigError {
            source: source_of(self.figment, key),
            key: key.to_owned(),
            problem,
        });
    }
}

/// What is wrong with a value of a setting, and what to write instead.
fn problem(setting: &Known, actual: &Actual, error: &figment::Error) -> String {
    // Section, key, and for elements of lists their place.
    let of_element = error.path.len() > 2;
    match &error.kind {
        Kind::UnknownVariant(found, names) => {
            let suggestion = suggest(found, names.iter().copied());
            let holds = if of_element { "holds" } else { "is" };
            format!("{holds} `{found}`, which is none of {}{suggestion}", list(names))
        }
        Kind::InvalidType(found, _) | Kind::InvalidValue(found, _) if of_element => {
            format!("holds {}; expected {}", words(found), setting.expected_element())
        }
        _ => format!("is {}; expected {}", words(actual), setting.expected()),
    }
}

/// A value in plain words.
fn words(value: &Actual) -> String {
    match value {
        Actual::Bool(value) => format!("`{value}`"),
        Actual::Unsigned(value) => format!("the number `{value}`"),
        Actual::Signed(value) => format!("the number `{value}`"),
        Actual::Float(value) => format!("the number `{value}`"),
        Actual::Char(value) => format!("the text `{value}`"),
        Actual::Str(value) => format!("the text `{value}`"),
        Actual::Seq => "a list".to_owned(),
        Actual::Map => "a section of its own".to_owned(),
        _ => "empty".to_owned(),
    }
}
