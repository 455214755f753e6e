use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Check;

/// `[storage]`: where state is kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct StorageConfig {
    /// Folder for the embedded store, keys and caches; created with mode 0700.
    pub data_dir: PathBuf,
    /// The store: `sqlite` (embedded, `<data_dir>/ordinaut.db`) or `sqlite:<path>`.
    pub url: String,
    /// File that holds the key under which stored keys are sealed; by default `<data_dir>/sealing.key`, made at the
    /// first start. Keep it apart from backups of the store: whoever has both can sign tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_file: Option<PathBuf>,
}

/// The chosen backend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StorageLocation {
    /// The embedded store in this file.
    Sqlite(PathBuf),
}

impl Default for StorageConfig {
    fn default() -> Self {
        Self {
            data_dir: PathBuf::from("ordinaut-data"),
            url: "sqlite".to_owned(),
            key_file: None,
        }
    }
}

impl StorageConfig {
    /// The backend that `url` names, or what is wrong with it.
    pub fn location(&self) -> Result<StorageLocation, String> {
        match self.url.split_once(':') {
            None if self.url == "sqlite" => Ok(StorageLocation::Sqlite(self.data_dir.join("ordinaut.db"))),
            Some(("sqlite", path)) => {
                let path = path.strip_prefix("//").unwrap_or(path);
                if path.is_empty() || path.contains(['?', '#']) {
                    Err(
                        "names no file; expected `sqlite:<path>`, such as `sqlite:/var/lib/ordinaut/ordinaut.db`"
                            .into(),
                    )
                } else {
                    Ok(StorageLocation::Sqlite(PathBuf::from(path)))
                }
            }
            Some(("postgres" | "postgresql", _)) => {
                Err("names PostgreSQL, which this version does not speak yet; use `sqlite`".into())
            }
            _ => Err("names no known store; expected `sqlite` or `sqlite:<path>`".into()),
        }
    }

    /// Where the sealing key is.
    pub fn key_file(&self) -> PathBuf {
        self.key_file
            .clone()
            .unwrap_or_else(|| self.data_dir.join("sealing.key"))
    }

    /// A copy that may be shown: a password in the URL is masked.
    pub fn redacted(&self) -> Self {
        let mut shown = self.clone();
        if let Some((scheme, rest)) = self.url.split_once("://")
            && let Some((credentials, host)) = rest.rsplit_once('@')
        {
            let user = credentials.split(':').next().unwrap_or_default();
            shown.url = format!("{scheme}://{user}:***@{host}");
        }
        shown
    }

    pub(super) fn validate(&self, check: &mut Check) {
        check.require(self.data_dir != Path::new(""), "storage.data_dir", || {
            "is empty; name a folder".into()
        });
        if let Err(problem) = self.location() {
            check.require(false, "storage.url", || problem);
        }
    }
}
