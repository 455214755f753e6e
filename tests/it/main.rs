//! Stories about the whole product, in the order in which work flows through it. One binary, so that it is linked once.

mod agents_api;
mod api;
mod architecture;
mod browser;
mod crashes;
mod delegation;
mod doors;
mod drop_in;
mod events_api;
mod events_demo;
mod first_task;
mod hostile;
mod http_tool;
mod mcp;
mod observability;
mod runs_api;
mod schedules;
mod schemathesis;
mod session;
mod survive;
mod tasks_api;
mod tools_api;
