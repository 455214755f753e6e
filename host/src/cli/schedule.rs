//! `ordinaut schedule preview`: works without a server.

use chrono::{DateTime, Utc};
use clap::{Args, Subcommand, ValueEnum};
use ordinaut_domain::{Clock as _, ScheduleKind};

use super::{CliError, Failure, output};
use crate::{
    clock::SystemClock,
    config::DefaultsConfig,
    preview::{COUNT_DEFAULT, COUNT_MAX, Preview, PreviewRequest, Shown, preview},
};

#[derive(Subcommand)]
pub(super) enum ScheduleCommand {
    /// Shows when a schedule occurs next, and what it means in words.
    Preview(PreviewArgs),
}

#[derive(Args)]
pub(super) struct PreviewArgs {
    /// A cron expression, a recurrence rule or an instant; `-` reads it from standard input.
    #[arg(allow_hyphen_values = true)]
    expr: String,
    /// What the expression is, when that cannot be guessed.
    #[arg(long)]
    kind: Option<KindArg>,
    /// IANA time zone.
    #[arg(long, value_name = "ZONE", env = "ORDINAUT_DEFAULTS_TIMEZONE", default_value_t = DefaultsConfig::default().timezone)]
    timezone: String,
    /// How many occurrences to show.
    #[arg(long, default_value_t = COUNT_DEFAULT, value_parser = count)]
    count: usize,
    /// Shows what comes after this instant instead of now, for instance 2026-03-29T00:00:00Z.
    #[arg(long, value_name = "INSTANT")]
    from: Option<DateTime<Utc>>,
    /// Prints JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum KindArg {
    Cron,
    Rrule,
    Once,
}

fn count(text: &str) -> Result<usize, String> {
    let count = text.parse().ok().filter(|count| (1..=COUNT_MAX).contains(count));
    count.ok_or_else(|| format!("expected 1 to {COUNT_MAX}"))
}

pub(super) fn run(command: &ScheduleCommand) -> Result<(), CliError> {
    let ScheduleCommand::Preview(args) = command;
    let from = args.from.unwrap_or_else(|| SystemClock.now());
    let request = PreviewRequest {
        kind: args.kind.map(|kind| match kind {
            KindArg::Cron => ScheduleKind::Cron,
            KindArg::Rrule => ScheduleKind::Rrule,
            KindArg::Once => ScheduleKind::Once,
        }),
        expr: expression(&args.expr)?,
        timezone: args.timezone.clone(),
        count: args.count,
        from,
        starts_at: None,
        dst: None,
    };
    let preview = preview(&request).map_err(|faults| {
        let lines: Vec<String> = faults
            .iter()
            .map(|f| format!("{}: {}", option_of(&f.pointer), f.detail))
            .collect();
        CliError::new(Failure::Invalid, lines.join("\n"))
    })?;
    if args.json {
        output::json(&preview)
    } else {
        output::text(&shown(&preview))
    }
}

fn expression(given: &str) -> Result<String, CliError> {
    if given == "-" {
        return std::io::read_to_string(std::io::stdin()).map_err(|error| CliError::failed("standard input", error));
    }
    Ok(given.to_owned())
}

/// A place in the API's document, as it is called here.
fn option_of(pointer: &str) -> &str {
    match pointer {
        "/schedule_expr" => "the expression",
        "/schedule_kind" => "--kind",
        "/timezone" => "--timezone",
        other => other,
    }
}

fn shown(preview: &Preview) -> String {
    let mut lines = vec![preview.description.clone(), String::new()];
    let mut rows = vec![vec![preview.timezone.clone(), "UTC".to_owned(), String::new()]];
    rows.extend(preview.occurrences.iter().map(row));
    lines.push(output::table(&rows));
    if preview.occurrences.is_empty() {
        lines.push("It does not occur any more.".to_owned());
    } else if preview.ends {
        lines.push("There are no more after these.".to_owned());
    }
    lines.extend(
        preview
            .warnings
            .iter()
            .map(|warning| format!("\nwarning: {}", warning.detail)),
    );
    lines.join("\n")
}

fn row(occurrence: &Shown) -> Vec<String> {
    let day = DateTime::parse_from_rfc3339(&occurrence.local);
    let local = day.map_or_else(
        |_| occurrence.local.clone(),
        |at| at.format("%a %Y-%m-%d %H:%M:%S %:z").to_string(),
    );
    let note = match (occurrence.skipped, occurrence.note, &occurrence.nominal) {
        (_, Some(note), Some(nominal)) => format!("for {}: {note}", nominal.replace('T', " ")),
        (_, Some(note), None) => note.to_owned(),
        (true, None, _) => "left out".to_owned(),
        (false, None, _) => String::new(),
    };
    vec![local, occurrence.at.format("%Y-%m-%dT%H:%M:%SZ").to_string(), note]
}
