//! A Model Context Protocol server over Streamable HTTP.
