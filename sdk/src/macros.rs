//! `extension!`: turns a type into a component.

/// Makes a component of a type that implements [`Extension`](crate::Extension).
///
/// Name the parts that it has: `tools`, `routes`, `events` (subscriptions), `jobs`, `service`. Only these are
/// exported, and only their registries imported.
///
/// ```
/// # use ordinaut_sdk::prelude::*;
/// # struct Weather;
/// # impl Extension for Weather { fn describe(_: &mut Describe) {} }
/// ordinaut_sdk::extension!(Weather: tools, jobs; requests {
///     "http.outbound": [{ "host": "api.open-meteo.com", "methods": ["GET"] }],
///     "events.publish": ["weather.*"],
///     "scheduler.scopes": ["tasks:read", "runs:read"],
///     "tools.call": ["http.*"],
///     "metrics.snapshot": true,
/// });
/// ```
///
/// `requests` says what the extension asks for beyond its imports; each value is a list of JSON, or `true`. It is a request
/// only: the operator grants in `plugins/<name>.toml`. It is written, with the package's description, version, authors
/// and licence, into the component's custom section `ordinaut:extension`; the four also into the sections that
/// metadata tools know.
///
/// Use it once in a crate, at its root, with `crate-type = ["cdylib", "rlib"]`.
#[macro_export]
macro_rules! extension {
    ($type:ident : $($part:ident),+ $(,)? $(;)?) => {
        $crate::extension!($type: $($part),+; requests {});
    };
    ($type:ident : $($part:ident),+ $(,)? ; requests { $($what:literal : $value:tt),* $(,)? } $(;)?) => {
        const _: () = {
            impl $crate::rt::Declared for $type {
                const PARTS: &'static [&'static str] = &[$(stringify!($part)),+];
                const REQUESTS: &'static str = $crate::__requests!($($what: $value),*);

                fn register(table: &$crate::Describe) -> ::core::result::Result<(), $crate::Error> {
                    $($crate::__part!(register $part table)?;)+
                    Ok(())
                }
            }

            #[cfg(target_arch = "wasm32")]
            const _: () = {
                type Exports = $crate::bindings::Exports<$type>;
                $crate::bindings::lifecycle::export_lifecycle!(Exports with_types_in $crate::bindings::lifecycle);
                $($crate::__part!(export $part Exports);)+
                const REQUESTS: &str = <$type as $crate::rt::Declared>::REQUESTS;
                const FACTS: &$crate::rt::Facts<'static> = &[
                    ("description", env!("CARGO_PKG_DESCRIPTION")),
                    ("version", env!("CARGO_PKG_VERSION")),
                    ("authors", env!("CARGO_PKG_AUTHORS")),
                    ("license", env!("CARGO_PKG_LICENSE")),
                ];
                const LEN: usize = $crate::rt::section_len(FACTS, REQUESTS);
                $crate::__section!("ordinaut:extension", EXTENSION, LEN, $crate::rt::section::<LEN>(FACTS, REQUESTS));
                $crate::__text_section!("version", VERSION, env!("CARGO_PKG_VERSION"));
                $crate::__text_section!("description", DESCRIPTION, env!("CARGO_PKG_DESCRIPTION"));
                $crate::__text_section!("authors", AUTHORS, env!("CARGO_PKG_AUTHORS"));
                $crate::__text_section!("licenses", LICENSES, env!("CARGO_PKG_LICENSE"));
            };
        };
    };
}

/// Puts requests together again, so that a trailing comma, which JSON does not know, does no harm.
#[doc(hidden)]
#[macro_export]
macro_rules! __requests {
    () => { "{}" };
    ($first:literal : $value:tt $(, $what:literal : $more:tt)*) => {
        concat!(
            "{", stringify!($first), ":", $crate::__request!($value),
            $(",", stringify!($what), ":", $crate::__request!($more),)*
            "}"
        )
    };
}

/// One request: a list, or a switch.
#[doc(hidden)]
#[macro_export]
macro_rules! __request {
    ([]) => { "[]" };
    ([$first:tt $(, $item:tt)* $(,)?]) => { concat!("[", stringify!($first), $(",", stringify!($item),)* "]") };
    (true) => { "true" };
    (false) => { "false" };
    ($other:tt) => {
        compile_error!(concat!("a request is a list, `true` or `false`, not `", stringify!($other), "`"))
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __part {
    (register tools $table:ident) => { $crate::rt::register_tools($table) };
    (register routes $table:ident) => { $crate::rt::register_routes($table) };
    (register events $table:ident) => { $crate::rt::register_events($table) };
    (register jobs $table:ident) => { $crate::rt::register_jobs($table) };
    (register service $table:ident) => { $crate::rt::register_service($table) };
    (export tools $exports:ident) => {
        $crate::bindings::tools::export_tools!($exports with_types_in $crate::bindings::tools);
    };
    (export routes $exports:ident) => {
        $crate::bindings::routes::export_routes!($exports with_types_in $crate::bindings::routes);
    };
    (export events $exports:ident) => {
        $crate::bindings::events::export_events!($exports with_types_in $crate::bindings::events);
    };
    (export jobs $exports:ident) => {
        $crate::bindings::jobs::export_jobs!($exports with_types_in $crate::bindings::jobs);
    };
    (export service $exports:ident) => {
        $crate::bindings::service::export_service!($exports with_types_in $crate::bindings::service);
    };
    ($what:ident $other:ident $rest:ident) => {
        compile_error!(concat!(
            "`", stringify!($other), "` is not a part of an extension: use tools, routes, events, jobs or service"
        ))
    };
}

/// A custom section of the component.
#[doc(hidden)]
#[macro_export]
macro_rules! __section {
    ($name:literal, $static:ident, $len:expr, $value:expr) => {
        #[used]
        #[unsafe(link_section = $name)]
        static $static: [u8; $len] = $value;
    };
}

/// A custom section that holds one text, as metadata tools expect it.
#[doc(hidden)]
#[macro_export]
macro_rules! __text_section {
    ($name:literal, $static:ident, $text:expr) => {
        $crate::__section!(
            $name,
            $static,
            { $text.len() },
            $crate::rt::bytes::<{ $text.len() }>($text)
        );
    };
}
