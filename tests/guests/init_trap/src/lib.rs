//! Panics in `init`.

mod bindings {
    wit_bindgen::generate!({
        inline: "
            package fixture:init;
            world fixture {
                export ordinaut:extension/lifecycle@0.1.0;
            }
        ",
        path: "../../../wit",
        generate_all,
    });
}

use bindings::exports::ordinaut::extension::lifecycle;
use bindings::ordinaut::types::types::Error;

struct Fixture;

impl lifecycle::Guest for Fixture {
    fn init() -> Result<(), Error> {
        panic!("init panicked on purpose")
    }
}

bindings::export!(Fixture with_types_in bindings);
