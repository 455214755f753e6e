//! Stories about the whole product, in the order in which work flows through it. One binary, so that it is linked once.

mod architecture;
mod first_task;
mod schedules;
mod api;
mod http_tool;
mod events_demo;
mod drop_in;
mod survive;
mod hostile;
