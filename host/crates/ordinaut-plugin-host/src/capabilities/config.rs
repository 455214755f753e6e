//! `wasi:config/store`: the section `[config]` of the extension's own settings.

use crate::{
    bindings::wasi::config::store::{Error, Host},
    state::GuestState,
};

impl Host for GuestState {
    async fn get(&mut self, key: String) -> Result<Option<String>, Error> {
        Ok(self.extension.config.get(&key).cloned())
    }

    async fn get_all(&mut self) -> Result<Vec<(String, String)>, Error> {
        Ok(self
            .extension
            .config
            .iter()
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect())
    }
}
