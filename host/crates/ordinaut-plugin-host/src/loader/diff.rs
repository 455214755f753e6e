//! What a component needs, against what the host offers and the operator granted: all differences at once.

use std::collections::BTreeSet;

use wasmtime::{
    Engine,
    component::{Component, types::ComponentItem},
};

use crate::{
    capabilities::catalogue::{Capability, EXPORTS, Fit, IMPORTS, look_up},
    grants::{Grant, Request, undecided},
    report::Missing,
};

/// The names in a component's type.
#[derive(Debug, Clone, Default)]
pub(crate) struct Interfaces {
    /// Imports behind which there is something to link.
    pub(crate) imports: Vec<String>,
    pub(crate) exports: Vec<String>,
}

impl Interfaces {
    pub(crate) fn of(engine: &Engine, component: &Component) -> Self {
        let ty = component.component_type();
        // Interfaces that only define types appear as imports too; nothing has to be linked for them.
        let linked = |item: &ComponentItem| match item {
            ComponentItem::ComponentInstance(instance) => instance
                .exports(engine)
                .any(|(_, item)| matches!(item.ty, ComponentItem::ComponentFunc(_) | ComponentItem::Resource(_))),
            ComponentItem::Type(_) => false,
            _ => true,
        };
        Self {
            imports: ty
                .imports(engine)
                .filter(|(_, item)| linked(&item.ty))
                .map(|(name, _)| name.to_owned())
                .collect(),
            exports: ty.exports(engine).map(|(name, _)| name.to_owned()).collect(),
        }
    }

    /// The capabilities that the imports and exports belong to, as far as they are known.
    pub(crate) fn capabilities(&self) -> BTreeSet<Capability> {
        let of = |name: &String, offers| match look_up(name, offers) {
            Fit::Offered(offer) => Some(offer.capability),
            Fit::WrongVersion(_) | Fit::Unknown => None,
        };
        let imports = self.imports.iter().filter_map(|name| of(name, IMPORTS));
        imports
            .chain(self.exports.iter().filter_map(|name| of(name, EXPORTS)))
            .collect()
    }

    /// Everything that keeps the component out.
    pub(crate) fn missing(&self, extension: &str, grant: &Grant, request: &Request) -> Vec<Missing> {
        let mut missing = Vec::new();
        for name in &self.imports {
            match look_up(name, IMPORTS) {
                Fit::Offered(_) => {}
                Fit::WrongVersion(offer) => missing.push(Missing {
                    capability: name.clone(),
                    reason: format!(
                        "it imports {name}, but this host offers version {}; build it against the host's `wit` folder",
                        offer.version
                    ),
                    toml: None,
                }),
                Fit::Unknown => missing.push(Missing {
                    capability: name.clone(),
                    reason: format!("it imports {name}, which this host does not have"),
                    toml: None,
                }),
            }
        }
        for name in &self.exports {
            if let Fit::WrongVersion(offer) = look_up(name, EXPORTS) {
                missing.push(Missing {
                    capability: name.clone(),
                    reason: format!("it exports {name}, but this host calls version {}", offer.version),
                    toml: None,
                });
            }
        }
        let needed = self.capabilities();
        for capability in &needed {
            // These are asked for below, together with hosts and the like.
            if !capability.has_detail() && !capability.is_granted(grant) {
                missing.push(Missing {
                    capability: capability.name().to_owned(),
                    reason: format!("it uses `{}`, which was withdrawn", capability.name()),
                    toml: capability.toml(),
                });
            }
        }
        missing.extend(undecided(extension, grant, request, &needed));
        missing
    }
}
