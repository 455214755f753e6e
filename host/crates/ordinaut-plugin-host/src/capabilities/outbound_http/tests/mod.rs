//! Stories against real servers on loopback: the hooks are called the way `wasmtime-wasi-http` calls them.

mod exchange;
mod reach;
mod support;
