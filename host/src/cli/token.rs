//! `ordinaut token`: an access token for scripts and for curl.

use clap::Args;

use super::{CliError, block_on, client::ServerArgs, output};

#[derive(Args)]
#[command(
    after_help = "With the JSON file that the first start wrote, nothing else is needed:\n  ordinaut token --client-secret-file <data_dir>/bootstrap-admin.json"
)]
pub(super) struct TokenArgs {
    #[command(flatten)]
    server: ServerArgs,
    /// Scopes the token should have, separated by blanks [default: all that the agent has].
    #[arg(long)]
    scope: Option<String>,
    /// Prints the whole answer as JSON.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &TokenArgs) -> Result<(), CliError> {
    let server = args.server.server()?;
    let token = block_on(server.token(args.scope.as_deref()))?;
    if args.json {
        output::json(&token.body)
    } else {
        output::text(&token.access_token)
    }
}
