//! The program `ordinaut`; see `ordinaut::cli`.

fn main() -> std::process::ExitCode {
    ordinaut::cli::run()
}
