//! Kinds of the reasons for which occurrences are skipped.

/// Which kind of reason a skipped occurrence's text gives: `missed` (nobody served it in time), `overlap` (an earlier
/// run was in its way), `snoozed`, or `other`. The text itself holds instants; this has few values, as a label needs.
pub fn kind_of_skip(reason: &str) -> &'static str {
    if reason.starts_with("missed") {
        "missed"
    } else if reason.contains("overlap policy") {
        "overlap"
    } else if reason.contains("snoozed until") {
        "snoozed"
    } else {
        "other"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_fall_into_few_kinds() {
        for (reason, kind) in [
            ("missed, and the misfire policy is skip", "missed"),
            ("an earlier run is unfinished (overlap policy skip)", "overlap"),
            (
                "superseded by the occurrence of 2026-11-21T10:00:00Z before it began (overlap policy cancel_previous)",
                "overlap",
            ),
            ("the task was snoozed until 2026-11-21T10:00:00Z", "snoozed"),
            ("skipped by alice", "other"),
        ] {
            assert_eq!(kind_of_skip(reason), kind, "{reason}");
        }
    }
}
