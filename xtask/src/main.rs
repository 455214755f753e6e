//! The project's own commands: `cargo xtask up`, `cargo xtask test` and what they are made of.

mod clients;
mod dev;
mod plugins;
mod run;
mod test;
mod toolchain;

use clap::{Parser, Subcommand};

/// Builds, runs and tests Ordinaut.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Builds everything and starts it with the embedded store; Ctrl-C stops it.
    Up(dev::Up),
    /// Stops what `up --detach` started.
    Down,
    /// Runs all tests, installing what they need.
    Test(test::Test),
    /// Builds the shipped extensions into `plugins/dist/`.
    Plugins,
    /// Formatter, clippy and the checks that need no build.
    Lint,
}

fn main() -> anyhow::Result<()> {
    match Arguments::parse().command {
        Command::Up(up) => up.run(),
        Command::Down => dev::down(),
        Command::Test(test) => test.run(),
        Command::Plugins => plugins::build(),
        Command::Lint => test::lint(),
    }
}
