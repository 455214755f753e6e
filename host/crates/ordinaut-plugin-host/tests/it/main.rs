//! The extension host through its public interface: real components in a real folder, services in memory.

mod broken;
mod calls;
mod deputy;
mod events;
mod folder;
mod grants;
mod http;
mod support;
mod text;
