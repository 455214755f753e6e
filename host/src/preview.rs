//! When a schedule occurs, shown to people: the same for the API and the command line.

use chrono::{DateTime, SubsecRound as _, Utc};
use ordinaut_domain::{
    ScheduleKind, Violation,
    schedule::{DstPolicy, Occurrence, ScheduleError, Timetable, Zone},
    task::anchor,
};
use serde::Serialize;

/// How many occurrences are shown when nobody says how many.
pub(crate) const COUNT_DEFAULT: usize = 10;
/// How many may be asked for: each may cost a search.
pub(crate) const COUNT_MAX: usize = 100;

/// What is to be shown.
#[derive(Debug, Clone)]
pub(crate) struct PreviewRequest {
    /// Guessed from the expression when absent.
    pub kind: Option<ScheduleKind>,
    pub expr: String,
    pub timezone: String,
    /// 1 to [`COUNT_MAX`].
    pub count: usize,
    /// Occurrences strictly after this instant are shown.
    pub from: DateTime<Utc>,
    /// Where a recurrence rule without DTSTART begins; without this either, where a task with it would begin that is
    /// stored at `from`.
    pub starts_at: Option<DateTime<Utc>>,
    pub dst: Option<DstPolicy>,
}

/// A schedule and its next occurrences.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Preview {
    pub schedule_kind: ScheduleKind,
    /// In canonical spelling, with DTSTART written out.
    pub schedule_expr: String,
    pub timezone: String,
    /// A sentence in English.
    pub description: String,
    pub occurrences: Vec<Shown>,
    /// Whether there is none after those that are shown.
    pub ends: bool,
    pub warnings: Vec<Violation>,
}

/// One occurrence.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Shown {
    pub at: DateTime<Utc>,
    /// The reading of a clock in the zone at that instant, with its offset.
    pub local: String,
    /// The local time that the schedule names, when it is another one.
    pub nominal: Option<String>,
    /// Whether the clock change leaves it out.
    pub skipped: bool,
    /// `gap_shifted`, `fold_first` and the like, when clocks are changed then.
    pub remark: Option<&'static str>,
    /// The remark in words.
    pub note: Option<&'static str>,
}

/// Computes a preview; the faults point into the request's document.
pub(crate) fn preview(request: &PreviewRequest) -> Result<Preview, Vec<Violation>> {
    let kind = request.kind.or_else(|| guess(&request.expr)).ok_or_else(|| {
        let detail = "cannot be guessed from the expression; give `cron`, `rrule` or `once`";
        vec![Violation::new("/schedule_kind", "required", detail)]
    })?;
    let zone = Zone::parse(&request.timezone).map_err(|error| vec![fault("/timezone", &error)])?;
    let timetable = timetable(request, kind, zone)?;

    let mut following = timetable.occurrences(request.from);
    let found: Vec<Occurrence> = following.by_ref().take(request.count).collect();
    let ends = found.len() < request.count || following.next().is_none();
    let found = with_skipped(&timetable, request, found);
    let warnings = timetable
        .warnings()
        .into_iter()
        .map(|w| Violation::new("/schedule_expr", w.code, w.message));
    Ok(Preview {
        schedule_kind: kind,
        schedule_expr: timetable.normalized(),
        timezone: timetable.zone().name().to_owned(),
        description: timetable.describe(),
        occurrences: found
            .iter()
            .map(|occurrence| show(occurrence, timetable.zone()))
            .collect(),
        ends,
        warnings: warnings.collect(),
    })
}

/// The kind, where the expression leaves no doubt.
pub(crate) fn guess(expr: &str) -> Option<ScheduleKind> {
    let text = expr.trim();
    let upper = text.to_ascii_uppercase();
    if ["FREQ=", "RRULE:", "DTSTART", "RDATE", "EXDATE"]
        .iter()
        .any(|start| upper.starts_with(start))
    {
        return Some(ScheduleKind::Rrule);
    }
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    if digits == 4 && text[4..].starts_with('-') {
        return Some(ScheduleKind::Once);
    }
    let fields = text.split_ascii_whitespace().count();
    (text.starts_with('@') || (5..=7).contains(&fields)).then_some(ScheduleKind::Cron)
}

fn timetable(request: &PreviewRequest, kind: ScheduleKind, zone: Zone) -> Result<Timetable, Vec<Violation>> {
    let expr = request.expr.trim();
    match kind {
        ScheduleKind::Cron => Timetable::cron(expr, zone, request.dst),
        ScheduleKind::Rrule => {
            let anchor = request.starts_at.unwrap_or_else(|| anchor(expr, request.from, zone));
            // Recurrence rules have whole seconds.
            Timetable::rrule(expr, anchor.trunc_subsecs(0), zone, request.dst)
        }
        ScheduleKind::Once => Timetable::once(expr, zone, request.dst),
        ScheduleKind::Event | ScheduleKind::Condition => {
            let detail = "is not driven by time, so that there is nothing to preview; expected cron, rrule or once";
            return Err(vec![Violation::new("/schedule_kind", "invalid", detail)]);
        }
    }
    .map_err(|error| vec![fault("/schedule_expr", &error)])
}

fn fault(pointer: &str, error: &ScheduleError) -> Violation {
    Violation::new(pointer, error.code, error.to_string())
}

/// Those that the clock change leaves out are shown in their places, so that nobody has to wonder.
fn with_skipped(timetable: &Timetable, request: &PreviewRequest, mut found: Vec<Occurrence>) -> Vec<Occurrence> {
    if let Some(last) = found.last().map(|occurrence| occurrence.at)
        && let Ok(skipped) = timetable.skipped(request.from, last, request.count)
    {
        found.extend(skipped);
        found.sort_by_key(|occurrence| occurrence.at);
    }
    found
}

fn show(occurrence: &Occurrence, zone: Zone) -> Shown {
    let local = occurrence.at.with_timezone(&zone.tz());
    let moved = local.naive_local() != occurrence.nominal;
    Shown {
        at: occurrence.at,
        local: local.to_rfc3339(),
        nominal: moved.then(|| occurrence.nominal.format("%Y-%m-%dT%H:%M:%S").to_string()),
        skipped: occurrence.remark == Some(ordinaut_domain::schedule::Remark::GapSkipped),
        remark: occurrence.remark.map(ordinaut_domain::schedule::Remark::as_str),
        note: occurrence.remark.map(ordinaut_domain::schedule::Remark::sentence),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(expr: &str) -> PreviewRequest {
        let from: DateTime<Utc> = "2026-03-27T12:00:00Z".parse().unwrap();
        PreviewRequest {
            kind: None,
            expr: expr.to_owned(),
            timezone: "Europe/Chisinau".to_owned(),
            count: 3,
            from,
            starts_at: None,
            dst: None,
        }
    }

    #[test]
    fn clear_kinds_are_guessed_and_doubtful_ones_are_asked_for() {
        let table = [
            ("0 8 * * 1-5", Some(ScheduleKind::Cron)),
            ("*/5 0 8 * * *", Some(ScheduleKind::Cron)),
            ("@daily", Some(ScheduleKind::Cron)),
            ("freq=daily", Some(ScheduleKind::Rrule)),
            ("RRULE:FREQ=DAILY", Some(ScheduleKind::Rrule)),
            ("DTSTART:20260101T080000Z\nRRULE:FREQ=DAILY", Some(ScheduleKind::Rrule)),
            ("2026-12-24T08:30", Some(ScheduleKind::Once)),
            ("orders.created", None),
            ("", None),
            ("tomorrow at eight", None),
        ];
        for (expr, kind) in table {
            assert_eq!(guess(expr), kind, "{expr}");
        }
    }

    #[test]
    fn occurrences_show_local_time_and_offset_across_a_clock_change() {
        let shown = preview(&request("30 8 * * *")).unwrap();
        let locals: Vec<_> = shown.occurrences.iter().map(|o| o.local.as_str()).collect();
        let expected = [
            "2026-03-28T08:30:00+02:00",
            "2026-03-29T08:30:00+03:00",
            "2026-03-30T08:30:00+03:00",
        ];
        assert_eq!(locals, expected);
        assert!(!shown.ends);
    }

    #[test]
    fn a_local_time_that_does_not_exist_carries_a_remark_and_what_was_named() {
        let shown = preview(&request("FREQ=DAILY;BYHOUR=2;BYMINUTE=30;BYSECOND=0")).unwrap();
        let moved = &shown.occurrences[1];
        // Moldova's clocks went forward at 02:00 local time that night.
        assert_eq!(moved.nominal.as_deref(), Some("2026-03-29T02:30:00"));
        assert_eq!(moved.remark, Some("gap_shifted"));
        assert!(moved.note.is_some());
    }

    #[test]
    fn a_rule_without_a_beginning_is_shown_as_a_task_with_it_would_be_stored() {
        let from = "2026-03-27T12:00:35.5Z".parse().unwrap();
        let asked = |expr: &str| PreviewRequest { from, ..request(expr) };
        let shown = preview(&asked("FREQ=DAILY;BYHOUR=8;BYMINUTE=30")).unwrap();
        assert_eq!(shown.occurrences[0].local, "2026-03-28T08:30:00+02:00");
        let starts_at = Some("2026-03-27T12:00:20Z".parse().unwrap());
        let shown = preview(&PreviewRequest {
            starts_at,
            ..asked("FREQ=MINUTELY")
        })
        .unwrap();
        assert_eq!(shown.occurrences[0].local, "2026-03-27T14:01:20+02:00");
    }

    #[test]
    fn a_schedule_that_ends_says_so() {
        assert!(preview(&request("2026-12-24T08:30")).unwrap().ends);
        assert!(preview(&request("FREQ=DAILY;COUNT=3")).unwrap().ends);
        assert!(!preview(&request("FREQ=DAILY;COUNT=9")).unwrap().ends);
    }

    #[test]
    fn faults_point_to_their_place() {
        let place = |request: &PreviewRequest| preview(request).unwrap_err().remove(0).pointer;
        assert_eq!(place(&request("61 * * * *")), "/schedule_expr");
        assert_eq!(place(&request("whenever")), "/schedule_kind");
        assert_eq!(
            place(&PreviewRequest {
                timezone: "Europe/Kishinev2".into(),
                ..request("@daily")
            }),
            "/timezone"
        );
        let event = PreviewRequest {
            kind: Some(ScheduleKind::Event),
            ..request("a.b")
        };
        assert_eq!(place(&event), "/schedule_kind");
    }
}
