//! Opens TCP connections, to checked addresses only.
//!
//! A name is resolved here and nowhere else, once per connection, and the connection goes to the very address that
//! was checked: there is no moment at which a name server could answer differently (DNS rebinding).

use std::future::Future;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::address::{AddressClass, canonical, classify};
use super::host::Host;
use super::target::{Target, TargetError};

/// Looks names up. The product uses [`SystemResolver`]; tests bring their own.
pub(crate) trait Resolve: Send + Sync + 'static {
    /// The addresses of a name, the most preferred first. Called once for every new connection, never for addresses
    /// or `localhost`.
    fn resolve(&self, name: &str) -> Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>>;
}

/// The operating system's resolver (`getaddrinfo`), which sorts by RFC 6724.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct SystemResolver;

impl Resolve for SystemResolver {
    fn resolve(&self, name: &str) -> Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>> {
        let name = name.to_owned();
        Box::pin(async move {
            let addresses = tokio::net::lookup_host((name.as_str(), 0)).await?;
            Ok(addresses.map(|address| address.ip()).collect())
        })
    }
}

/// Which addresses a connection may go to. Connections of different scopes never share a pool: a request whose rule
/// allows global addresses only cannot ride on a connection that another rule opened to a private one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AddressScope {
    /// Global ones only.
    Global,
    /// What the rule names: the URL's own address, loopback for `localhost`, private networks for other names.
    Named,
}

impl AddressScope {
    /// Whether a connection for this host may go to this address; if not, the address's class.
    fn check(self, host: &Host, address: IpAddr) -> Result<(), AddressClass> {
        let class = classify(address);
        let allowed = class == AddressClass::Global
            || self == Self::Named
                && match host {
                    Host::Ip(named) => *named == canonical(address),
                    Host::Name(_) if host.is_localhost() => class == AddressClass::Loopback,
                    Host::Name(_) => class.is_private_network(),
                };
        if allowed { Ok(()) } else { Err(class) }
    }
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub(super) enum ConnectError {
    #[error(transparent)]
    Target(#[from] TargetError),
    #[error("`{name}` could not be resolved: {source}")]
    Resolve { name: String, source: io::Error },
    #[error("`{name}` has no address")]
    NoAddress { name: String },
    #[error("{address} is not a global address but {class}")]
    Prohibited { address: IpAddr, class: AddressClass },
    #[error("{address} did not take the connection: {source}")]
    Connect { address: SocketAddr, source: io::Error },
    #[error("no connection within {0:?}")]
    Timeout(Duration),
}

/// Connects to what the checks leave. The service that `hyper` asks for connections.
#[derive(Clone)]
pub(super) struct CheckedConnector {
    resolver: Arc<dyn Resolve>,
    scope: AddressScope,
    /// For name lookup and TCP handshake together.
    timeout: Duration,
}

impl CheckedConnector {
    pub(super) fn new(resolver: Arc<dyn Resolve>, scope: AddressScope, timeout: Duration) -> Self {
        Self {
            resolver,
            scope,
            timeout,
        }
    }

    async fn connect(self, uri: Uri) -> Result<TokioIo<TcpStream>, ConnectError> {
        let target = Target::from_uri(&uri)?;
        let deadline = Instant::now() + self.timeout;
        let addresses = tokio::time::timeout_at(deadline, self.addresses(&target.host))
            .await
            .map_err(|_| ConnectError::Timeout(self.timeout))??;
        let stream = connect_to_any(&addresses, target.port, deadline, self.timeout).await?;
        // Requests are written in one piece; waiting for more would only delay them.
        let _ = stream.set_nodelay(true);
        Ok(TokioIo::new(stream))
    }

    /// The addresses that may be connected to, in order of preference; never empty.
    async fn addresses(&self, host: &Host) -> Result<Vec<IpAddr>, ConnectError> {
        let candidates = match host {
            Host::Ip(address) => vec![*address],
            Host::Name(_) if host.is_localhost() => vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()],
            Host::Name(name) => self
                .resolver
                .resolve(name)
                .await
                .map_err(|source| ConnectError::Resolve {
                    name: name.clone(),
                    source,
                })?,
        };
        let mut allowed = Vec::with_capacity(candidates.len());
        let mut prohibited = None;
        for address in candidates.into_iter().map(canonical) {
            match self.scope.check(host, address) {
                Ok(()) => allowed.push(address),
                Err(class) => prohibited = prohibited.or(Some(ConnectError::Prohibited { address, class })),
            }
        }
        if allowed.is_empty() {
            return Err(prohibited.unwrap_or_else(|| ConnectError::NoAddress { name: host.to_string() }));
        }
        Ok(allowed)
    }
}

/// Tries one address after another, each with an equal share of the time that is left, so that a silent first
/// address does not use up what a second one would need.
async fn connect_to_any(
    addresses: &[IpAddr],
    port: u16,
    deadline: Instant,
    timeout: Duration,
) -> Result<TcpStream, ConnectError> {
    let mut last = ConnectError::Timeout(timeout);
    for (tried, &address) in addresses.iter().enumerate() {
        let left = (addresses.len() - tried) as u32;
        let share = deadline.saturating_duration_since(Instant::now()) / left;
        let address = SocketAddr::new(address, port);
        match tokio::time::timeout(share, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(source)) => last = ConnectError::Connect { address, source },
            Err(_) => {}
        }
    }
    Err(last)
}

impl tower::Service<Uri> for CheckedConnector {
    type Response = TokioIo<TcpStream>;
    type Error = ConnectError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, ConnectError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), ConnectError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        Box::pin(self.clone().connect(uri))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_opens_exactly_what_its_rule_names() {
        use AddressScope::{Global, Named};
        for (scope, host, address, expected) in [
            (Global, "example.org", "93.184.215.14", true),
            (Global, "example.org", "127.0.0.1", false),
            (Global, "example.org", "::ffff:10.0.0.1", false),
            (Global, "example.org", "64:ff9b::a00:1", false),
            (Global, "localhost", "127.0.0.1", false),
            (Global, "127.0.0.1", "127.0.0.1", false),
            (Global, "8.8.8.8", "8.8.8.8", true),
            (Named, "127.0.0.1", "127.0.0.1", true),
            (Named, "169.254.169.254", "169.254.169.254", true),
            (Named, "127.0.0.1", "127.0.0.2", false),
            (Named, "localhost", "127.0.0.1", true),
            (Named, "localhost", "::1", true),
            (Named, "localhost", "10.0.0.1", false),
            (Named, "db.lan", "10.0.0.1", true),
            (Named, "db.lan", "fd00::1", true),
            (Named, "db.lan", "127.0.0.1", true),
            (Named, "db.lan", "93.184.215.14", true),
            (Named, "db.lan", "169.254.169.254", false),
            (Named, "db.lan", "fe80::1", false),
            (Named, "db.lan", "0.0.0.0", false),
            (Named, "db.lan", "224.0.0.1", false),
            (Named, "db.lan", "64:ff9b::a00:1", false),
        ] {
            let host = Host::parse(host).expect(host);
            let allowed = scope.check(&host, address.parse().expect(address)).is_ok();
            assert_eq!(allowed, expected, "{scope:?}: {host} at {address}");
        }
    }
}
