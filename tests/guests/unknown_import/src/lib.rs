//! Needs an interface that nobody offers.

mod bindings {
    wit_bindgen::generate!({
        inline: "
            package fixture:unknown-import;
            world fixture {
                import acme:nothing/thing@1.0.0;
                export ordinaut:extension/lifecycle@0.1.0;
            }
        ",
        path: ["../../../wit", "wit"],
        generate_all,
    });
}

use bindings::acme::nothing::thing;
use bindings::exports::ordinaut::extension::lifecycle;
use bindings::ordinaut::types::types::Error;

struct Fixture;

impl lifecycle::Guest for Fixture {
    fn init() -> Result<(), Error> {
        println!("{}", thing::do_it());
        Ok(())
    }
}

bindings::export!(Fixture with_types_in bindings);
