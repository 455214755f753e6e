//! Links a component with exactly what it was granted, and finds out what it provides.

use wasmtime::{
    Engine,
    component::{Component, InstancePre, Linker},
};

use super::{LoadError, diff::Interfaces};
use crate::{
    bindings::{
        ProvidesEventsPre, ProvidesJobsPre, ProvidesLifecyclePre, ProvidesServicePre, ProvidesToolsPre, ProxyPre,
    },
    capabilities::{
        self,
        catalogue::{Capability, EXPORTS, Fit, look_up},
    },
    grants::Grant,
    state::GuestState,
};

/// The typed, pre-linked forms of a component: one for each kind of export that it has.
pub(crate) struct Provides {
    pub(crate) lifecycle: Option<ProvidesLifecyclePre<GuestState>>,
    pub(crate) tools: Option<ProvidesToolsPre<GuestState>>,
    pub(crate) http: Option<ProxyPre<GuestState>>,
    pub(crate) events: Option<ProvidesEventsPre<GuestState>>,
    pub(crate) jobs: Option<ProvidesJobsPre<GuestState>>,
    pub(crate) service: Option<ProvidesServicePre<GuestState>>,
}

impl Provides {
    /// Links and probes. What is exported under a name that the host calls must have the type that the host calls.
    pub(crate) fn link(
        engine: &Engine,
        component: &Component,
        interfaces: &Interfaces,
        grant: &Grant,
    ) -> Result<Self, LoadError> {
        let failed = |error: wasmtime::Error| LoadError::Link(format!("{error:#}"));
        let mut linker = Linker::new(engine);
        capabilities::link_base(&mut linker).map_err(failed)?;
        for capability in Capability::GRANTABLE {
            if capability.is_granted(grant) {
                capabilities::link(capability, &mut linker).map_err(failed)?;
            }
        }
        let pre = linker.instantiate_pre(component).map_err(failed)?;
        let probes = Probes { pre, interfaces };
        let provides = Self {
            lifecycle: probes.probe("ordinaut:extension/lifecycle", ProvidesLifecyclePre::new)?,
            tools: probes.probe("ordinaut:tools/handler", ProvidesToolsPre::new)?,
            http: probes.probe("wasi:http/incoming-handler", ProxyPre::new)?,
            events: probes.probe("ordinaut:events/handler", ProvidesEventsPre::new)?,
            jobs: probes.probe("ordinaut:background/job", ProvidesJobsPre::new)?,
            service: probes.probe("ordinaut:background/service", ProvidesServicePre::new)?,
        };
        if provides.names().is_empty() {
            let names: Vec<_> = EXPORTS
                .iter()
                .map(|offer| format!("{}@{}", offer.interface, offer.version))
                .collect();
            return Err(LoadError::NothingProvided {
                expected: names.join(", "),
            });
        }
        Ok(provides)
    }

    /// What there is, for reports.
    pub(crate) fn names(&self) -> Vec<String> {
        [
            ("lifecycle", self.lifecycle.is_some()),
            ("tools", self.tools.is_some()),
            ("routes", self.http.is_some()),
            ("events", self.events.is_some()),
            ("jobs", self.jobs.is_some()),
            ("service", self.service.is_some()),
        ]
        .into_iter()
        .filter(|(_, there)| *there)
        .map(|(name, _)| name.to_owned())
        .collect()
    }
}

struct Probes<'a> {
    pre: InstancePre<GuestState>,
    interfaces: &'a Interfaces,
}

impl Probes<'_> {
    fn probe<P>(
        &self,
        interface: &str,
        new: impl FnOnce(InstancePre<GuestState>) -> wasmtime::Result<P>,
    ) -> Result<Option<P>, LoadError> {
        let exported = self
            .interfaces
            .exports
            .iter()
            .find(|name| matches!(look_up(name, EXPORTS), Fit::Offered(offer) if offer.interface == interface));
        let Some(name) = exported else { return Ok(None) };
        new(self.pre.clone())
            .map(Some)
            .map_err(|error| LoadError::Link(format!("its export {name}: {error:#}")))
    }
}
