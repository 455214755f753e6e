//! What the stories are told with: a real host in its own folders, the actors who talk to it through its public
//! interface, and servers of their own on loopback. Nothing here reads or writes the host's database.

pub mod actor;
pub mod bearer;
pub mod host;
pub mod server;
pub mod wait;

pub use actor::{Actor, Reply};
pub use host::{Host, HostBuilder};
pub use wait::eventually;
