//! What the stories are told with: a running host and the actors that talk to it.
