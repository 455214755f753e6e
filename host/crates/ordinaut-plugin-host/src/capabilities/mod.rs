//! What the host offers to extensions, one module per capability.
