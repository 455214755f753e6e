//! File descriptors: every connection needs one, and so do the store and everything else.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// What is left for everything that is not a connection.
const RESERVED: u64 = 512;

/// How many connections there are descriptors for, at most `wanted`. The soft limit of the process is raised for them as
/// far as the hard one lets it: 1024, which is usual, is a relic of `select`.
pub(super) fn for_connections(wanted: usize) -> usize {
    let wanted_descriptors = u64::try_from(wanted).unwrap_or(u64::MAX).saturating_add(RESERVED);
    let limit = getrlimit(Resource::Nofile);
    let reachable = limit
        .maximum
        .map_or(wanted_descriptors, |hard| hard.min(wanted_descriptors));
    let mut have = limit.current.unwrap_or(u64::MAX);
    if have < reachable {
        let raised = Rlimit {
            current: Some(reachable),
            maximum: limit.maximum,
        };
        match setrlimit(Resource::Nofile, raised) {
            Ok(()) => have = reachable,
            Err(error) => tracing::warn!(%error, "the limit of open files could not be raised"),
        }
    }
    let connections = connections(wanted, have);
    if connections < wanted {
        tracing::warn!(
            open_files = have,
            connections,
            wanted,
            "fewer connections than configured are served: raise the hard limit of open files (`ulimit -Hn`)"
        );
    }
    connections
}

fn connections(wanted: usize, descriptors: u64) -> usize {
    // Of a very low limit half is left for the rest.
    let free = descriptors.saturating_sub(RESERVED).max(descriptors / 2);
    usize::try_from(free).map_or(wanted, |free| free.min(wanted))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_descriptors_for_everything_else() {
        assert_eq!(connections(1_024, u64::MAX), 1_024);
        assert_eq!(connections(1_024, 20_000), 1_024);
        assert_eq!(connections(1_024, 1_024), 512);
        assert_eq!(connections(1_024, 256), 128);
    }
}
