//! `cargo xtask test`: everything, with whatever it needs.

use anyhow::Result;
use clap::Args;

use crate::{
    clients::Clients,
    plugins,
    run::{cargo, run, target_dir},
    toolchain,
};

#[derive(Args)]
pub(crate) struct Test {
    /// Passed on to the test runner, for instance a part of a test's name.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    rest: Vec<String>,
}

impl Test {
    pub(crate) fn run(&self) -> Result<()> {
        toolchain::check_compiler()?;
        toolchain::ensure_nextest()?;
        let clients = Clients::ensure()?;
        plugins::build()?;
        let guests = plugins::build_guests()?;
        // The stories of `tests/` drive the real binary.
        run(cargo().args(["build", "--workspace", "--bin", "ordinaut"]))?;
        let mut tests = cargo();
        tests.args(["nextest", "run", "--workspace"]).args(&self.rest);
        tests.env("ORDINAUT_BIN", target_dir().join("debug/ordinaut"));
        tests.env("ORDINAUT_GUESTS", guests);
        tests.envs(clients.environment());
        run(&mut tests)?;
        // The runner does not know documentation tests; the SDK's are its examples.
        if self.rest.is_empty() {
            run(cargo().args(["test", "--quiet", "--doc", "--package", "ordinaut-sdk"]))?;
        }
        Ok(())
    }
}

/// Formatter, clippy and the checks that need no build.
pub(crate) fn lint() -> Result<()> {
    run(cargo().args(["fmt", "--all", "--check"]))?;
    run(cargo().args(["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]))
}
