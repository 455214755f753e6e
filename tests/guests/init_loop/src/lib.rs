//! Never returns from `init`.

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
        let mut state = 1_u64;
        loop {
            state = std::hint::black_box(state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1));
        }
    }
}

bindings::export!(Fixture with_types_in bindings);
