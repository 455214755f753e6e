//! The exam: what any backend must do, as cases that are named by sentences. It is the contract's specification too.
//!
//! A backend sits it by one line in a test binary, which stamps a test for each case:
//!
//! ```ignore
//! ordinaut_store::store_exam!(my_backend::fresh);
//! ```
//!
//! where `fresh` is an `async fn() -> Exam` that makes an empty store. Cases use nothing but the contract. Time stands
//! still in them unless they move it, nothing sleeps, and ids are counted, so that each run is the same.

pub mod fixture;

use std::sync::Arc;

use async_trait::async_trait;

use crate::contract::Store;
pub use fixture::{CountedEntropy, Exam, TestClock};

/// A backend's way to a store.
#[async_trait]
pub trait Backend: Send + Sync + 'static {
    /// Opens the same durable state again, after the store that was open before has been closed or dropped.
    async fn open(&self, clock: Arc<TestClock>, entropy: Arc<CountedEntropy>) -> Arc<dyn Store>;
}

/// Declares the topics and their cases, and makes `store_exam!` out of them. (`$d` is a dollar sign: macros inside
/// macros cannot write one.)
macro_rules! exam {
    (($d:tt) $($topic:ident { $($case:ident,)+ })+) => {
        $(pub mod $topic;)+

        /// Every case, by topic.
        pub const CASES: &[(&str, &[&str])] = &[$((stringify!($topic), &[$(stringify!($case)),+])),+];

        /// Stamps a test for each case; `make` is an `async fn() -> Exam`.
        #[macro_export]
        macro_rules! store_exam {
            ($d make:path) => {
                $(mod $topic {
                    $(#[tokio::test]
                    async fn $case() {
                        $crate::conformance::$topic::$case($d make().await).await;
                    })+
                })+
            };
        }
    };
}

exam! { ($)
    tasks {
        a_task_is_read_back_as_it_was_written,
        a_task_needs_an_owner_that_exists,
        a_dedupe_key_is_held_by_one_unfinished_task_of_an_owner,
        a_dedupe_key_stays_held_within_its_window,
        an_update_needs_the_present_version,
        an_update_changes_everything_but_the_last_run,
        an_update_may_drop_queued_runs_and_leaves_running_ones,
        an_update_may_drop_only_what_the_schedule_made_and_nobody_began,
        an_occurrence_that_is_dropped_before_it_is_due_comes_again,
        an_occurrence_is_looked_up_while_it_is_queued_and_not_due,
        an_update_completes_a_task_whose_schedule_and_runs_are_over,
        tasks_are_listed_newest_first_and_by_filter,
        a_title_is_found_by_a_part_of_it_whatever_its_case,
        pages_have_no_gaps_or_duplicates_while_tasks_are_created,
        a_cursor_that_no_list_gave_out_is_refused,
        the_next_due_task_is_the_earliest_active_one,
        a_change_wakes_the_scheduler_and_is_audited,
    }
    task_lists {
        tasks_are_found_by_any_of_several_statuses_and_kinds,
        tasks_are_found_by_when_they_are_due,
        each_order_has_pages_without_gaps_or_duplicates,
        a_cursor_belongs_to_its_order,
    }
    task_changes {
        a_task_is_deleted_with_its_history,
        a_task_is_not_deleted_while_it_runs_or_was_changed,
        a_deleted_task_gives_its_turn_to_the_next,
        an_occurrence_that_is_left_out_is_recorded,
        an_occurrence_that_is_queued_ends_as_skipped,
        an_occurrence_that_has_begun_cannot_be_left_out,
        the_last_occurrence_left_out_completes_the_task,
    }
    materialise {
        a_due_task_becomes_a_queued_run,
        materialising_twice_is_harmless,
        due_tasks_are_taken_in_order_up_to_the_limit,
        tasks_that_are_not_due_or_not_active_are_left_alone,
        the_horizon_moves_the_look_but_not_the_clock,
        a_skipped_occurrence_is_recorded_with_its_reason,
        the_end_of_the_last_run_completes_the_task,
        a_last_occurrence_that_is_skipped_completes_the_task,
        a_canceled_last_run_completes_the_task,
        a_task_completes_after_a_restart_too,
        a_plan_may_cancel_what_is_unfinished,
        the_planner_sees_what_is_queued_and_running,
        schedulers_at_once_make_each_run_once,
        an_occurrence_that_was_canceled_may_be_made_anew,
    }
    queue {
        work_is_leased_by_priority_then_due_time,
        work_may_be_leased_a_little_early,
        a_run_that_is_leased_early_begins_at_its_time,
        a_leased_run_is_running_in_every_read,
        a_lease_sees_its_task_as_it_is_now,
        workers_at_once_never_lease_a_run_twice,
        tokens_grow_with_every_lease,
        an_abandoned_lease_is_leased_again_with_a_larger_token,
        a_renewed_lease_lasts_longer,
        a_lost_lease_can_neither_renew_nor_record_nor_settle,
        a_cancellation_reaches_the_worker_when_it_renews,
        a_canceled_run_whose_worker_died_is_not_run_again,
        a_step_that_succeeded_stays_as_it_was,
        recorded_steps_come_with_the_next_lease,
        leases_are_reclaimed_at_start,
        the_next_ready_time_is_the_earliest_due_time_or_expiry,
    }
    turns {
        runs_of_an_exclusive_task_take_turns,
        runs_that_may_overlap_are_leased_together,
        a_concurrency_key_admits_as_many_as_its_limit,
        both_a_task_and_a_key_must_be_free,
        a_canceled_run_gives_its_turn_to_the_next,
        a_run_that_is_retried_keeps_its_turn,
        a_change_of_policy_lets_those_go_that_waited,
        a_backlog_behind_one_key_drains_by_priority_then_due_time,
    }
    settle {
        a_finished_run_is_stored_with_everything_about_it,
        a_retry_waits_in_the_queue_until_its_time,
        a_released_attempt_does_not_count,
        many_are_settled_at_once_and_each_by_its_own_token,
        a_settlement_that_makes_no_sense_is_refused_alone,
        a_lease_settles_once,
        a_retry_of_a_run_that_is_to_be_canceled_cancels_it,
        the_newest_occurrence_is_the_tasks_last_run,
        every_change_of_a_run_is_told_once_and_in_order,
        events_of_a_run_that_an_event_caused_count_its_hops,
    }
    runs {
        a_run_is_queued_beside_the_schedule,
        a_run_needs_a_task_and_an_id_of_its_own,
        runs_are_listed_newest_occurrence_first_and_by_filter,
        runs_are_listed_by_state_and_cause_and_in_either_order,
        pages_have_no_gaps_or_duplicates_while_runs_are_made,
        a_queued_run_is_canceled_at_once,
        a_run_that_is_over_stays_as_it_is,
        a_retry_is_queued_with_the_steps_that_it_takes_over,
        figures_count_runs_by_state_and_interval_and_rank_their_spans,
    }
    pages {
        a_page_of_tasks_ends_before_it_is_too_large,
        a_page_of_runs_ends_before_it_is_too_large,
    }
    events {
        events_are_read_in_order_after_a_place,
        events_are_selected_by_topic_however_rare,
        an_event_is_stored_once,
        an_event_is_read_back_as_it_was_written,
        a_place_is_found_by_the_event,
        readers_are_woken_after_the_event_is_visible,
        renewals_do_not_queue_behind_publishers,
        events_are_listed_newest_first_and_by_filter,
        pages_of_events_have_no_gaps_however_rare_they_are,
        a_list_of_events_shows_what_its_reader_may_see,
        topics_are_counted_as_their_reader_sees_them,
    }
    groups {
        a_group_starts_at_the_end_of_the_log,
        a_group_that_does_not_exist_is_refused,
        consumers_share_the_events_of_their_group,
        groups_do_not_disturb_each_other,
        what_is_not_settled_in_time_is_delivered_again,
        a_retry_comes_back_after_its_delay,
        an_event_that_waits_holds_back_its_subject_only,
        a_dead_letter_lets_the_next_event_through,
        settling_twice_changes_nothing,
        a_group_may_change_its_topics,
        a_group_passes_what_it_does_not_want,
        the_next_redelivery_is_the_earliest_of_the_group,
        consumers_that_join_again_wake_nobody,
        a_group_that_is_removed_leaves_nothing,
    }
    state {
        values_are_kept_by_extension_bucket_and_key,
        keys_are_listed_in_order_and_in_slices,
        a_quota_counts_keys_and_bytes_of_the_extension,
        deleting_makes_room,
    }
    agents {
        an_agent_is_read_back_as_it_was_written,
        a_name_is_taken_once,
        agents_are_listed_by_name_in_pages,
        the_first_secret_under_a_name_stays,
        an_edit_changes_what_it_names_and_nothing_else,
        what_was_issued_before_ends_with_a_new_secret_or_a_pause,
        an_edit_cannot_take_anothers_name,
        somebody_who_administers_agents_is_always_left,
        an_agent_with_tasks_stays,
    }
    sessions {
        a_session_is_read_back_as_it_was_written,
        a_session_is_seen_later_and_never_earlier,
        a_session_ends_once,
        sessions_that_have_expired_are_forgotten_when_another_begins,
        sessions_go_with_their_agent,
    }
    audit {
        every_change_adds_a_sealed_row,
        a_change_that_is_refused_leaves_no_row,
        an_empty_log_is_intact,
        rows_are_listed_newest_first_by_what_they_say,
    }
    idempotency {
        the_answer_of_a_change_is_kept_under_its_key,
        a_change_under_a_key_that_is_taken_does_not_happen,
        a_change_that_fails_leaves_its_key_free,
        a_key_is_free_again_after_a_day,
        runs_and_events_are_made_once_too,
    }
    gauges {
        an_empty_store_holds_nothing,
        tasks_are_counted_by_status,
        the_queue_is_counted_by_state,
        what_is_due_and_for_how_long_is_told,
        groups_tell_how_far_they_are_behind,
    }
    schema {
        a_store_that_is_opened_again_has_kept_everything,
        a_caller_that_gives_up_leaves_all_or_nothing,
        a_closed_store_refuses_politely,
        time_is_the_database_time,
    }
}
