//! Stories about the whole product, in the order in which work flows through it.

mod architecture;
