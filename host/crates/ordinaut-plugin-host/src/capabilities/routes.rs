//! `ordinaut:routes/registry`: the routes below `/ext/<name>/`.

use http::Method;
use ordinaut_domain::Scope;

use crate::{
    bindings::ordinaut::{
        routes::registry::{Access as GuestAccess, Host, Route as GuestRoute},
        types::types::Error,
    },
    manifest::Access,
    routing::{PathPattern, Route},
    state::{GuestState, guest_error},
};

const MAX_ROUTES: usize = 256;
const MAX_DESCRIPTION_BYTES: usize = 2 << 10;

impl Host for GuestState {
    async fn register(&mut self, route: GuestRoute) -> Result<(), Error> {
        let invalid = |message: String| guest_error("invalid_argument", message);
        let (manifest, extension) = self.registering()?;
        if manifest.routes.len() >= MAX_ROUTES {
            return Err(guest_error(
                "limit_exceeded",
                format!("an extension may have {MAX_ROUTES} routes"),
            ));
        }
        let pattern = PathPattern::parse(&route.path).map_err(|error| invalid(error.to_string()))?;
        let method = method(&route.method).map_err(invalid)?;
        if route.description.len() > MAX_DESCRIPTION_BYTES {
            return Err(invalid(format!(
                "the description of {} is longer than {MAX_DESCRIPTION_BYTES} bytes",
                route.path
            )));
        }
        let access = match route.access {
            GuestAccess::Public if extension.rights.may_be_public(&route.path) => Access::Public,
            GuestAccess::Public => {
                let remedy = extension.rights.remedy_public(&route.path);
                let message = format!("the route {} may not be open to everybody; {remedy}", route.path);
                return Err(self.denied(message));
            }
            GuestAccess::Authenticated => Access::Authenticated,
            GuestAccess::Scope(scope) => {
                Access::Scope(scope.parse::<Scope>().map_err(|error| invalid(error.to_string()))?)
            }
        };
        let added = manifest.routes.add(Route {
            method,
            pattern,
            access,
            streaming: route.streaming,
            description: route.description,
        });
        added.map_err(|other| {
            invalid(format!(
                "{} {} is registered twice (also as {})",
                route.method,
                route.path,
                other.pattern.as_str()
            ))
        })
    }
}

fn method(text: &str) -> Result<Option<Method>, String> {
    if text == "*" {
        return Ok(None);
    }
    let capitals = !text.is_empty() && text.bytes().all(|b| b.is_ascii_uppercase() || b == b'-');
    Method::from_bytes(text.as_bytes())
        .ok()
        .filter(|method| capitals && ![Method::CONNECT, Method::TRACE].contains(method))
        .map(Some)
        .ok_or_else(|| format!("`{text}` cannot be a route's method: expected one in capitals, such as GET, or `*` for all (not CONNECT or TRACE)"))
}
