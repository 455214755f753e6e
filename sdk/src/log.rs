//! Messages for the operator: `info!("sent {count} mails")`. The host adds the extension, the run and the trace.

use std::fmt;

use crate::host;

/// How urgent a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// The flow of control.
    Trace,
    /// For whoever debugs the extension.
    Debug,
    /// For whoever watches it.
    Info,
    /// Something odd that was dealt with.
    Warn,
    /// Something that failed.
    Error,
}

/// Logs one message; the macros call this. `target` names the part of the program that speaks.
pub fn log(level: Level, target: &str, message: fmt::Arguments<'_>) {
    match message.as_str() {
        Some(text) => host::log(level, target, text),
        None => host::log(level, target, &message.to_string()),
    }
}

/// Logs the flow of control.
#[macro_export]
macro_rules! trace { ($($text:tt)+) => { $crate::log::log($crate::log::Level::Trace, module_path!(), format_args!($($text)+)) }; }

/// Logs something for whoever debugs the extension.
#[macro_export]
macro_rules! debug { ($($text:tt)+) => { $crate::log::log($crate::log::Level::Debug, module_path!(), format_args!($($text)+)) }; }

/// Logs something for whoever watches the extension.
#[macro_export]
macro_rules! info { ($($text:tt)+) => { $crate::log::log($crate::log::Level::Info, module_path!(), format_args!($($text)+)) }; }

/// Logs something odd that was dealt with.
#[macro_export]
macro_rules! warn { ($($text:tt)+) => { $crate::log::log($crate::log::Level::Warn, module_path!(), format_args!($($text)+)) }; }

/// Logs a failure.
#[macro_export]
macro_rules! error { ($($text:tt)+) => { $crate::log::log($crate::log::Level::Error, module_path!(), format_args!($($text)+)) }; }
