//! Takes memory, and uses it, without an end in `init`.

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
        let mut taken = Vec::new();
        loop {
            taken.push(vec![1_u8; 1 << 20]);
            std::hint::black_box(&taken);
        }
    }
}

bindings::export!(Fixture with_types_in bindings);
