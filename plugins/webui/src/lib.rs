//! The web interface: tasks, runs, events and extensions in a browser.
