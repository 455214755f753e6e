//! `sqlx::migrate!` reads the folder while it compiles; without this, a migration that is added is not seen.

fn main() {
    println!("cargo::rerun-if-changed=../../../migrations/sqlite");
}
