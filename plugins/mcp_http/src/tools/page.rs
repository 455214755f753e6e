//! A page of a list that fits an answer. What does not fit is not cut off, which would lose it for whoever follows the
//! cursor: the API is asked again for as many as fit, so that its cursor continues behind them.

use serde_json::{Value, json};

use crate::ask::Ask;
use crate::failure::Failure;
use crate::host::Host;
use crate::outcome::{DATA_BYTES, Outcome};

/// What the entries may take, so that cursor and note have room beside them.
const ENTRIES_BYTES: usize = DATA_BYTES - 1024;

/// What the lines about them may take, in characters.
const LINES_CHARS: usize = 3_400;

/// An entry: as data, and as a line.
pub(super) type Entry = (Value, String);

/// Asks for at most `limit` entries and answers those that fit, under the name `member`.
pub(super) fn told(
    host: &dyn Host,
    (member, one): (&str, &str),
    limit: u32,
    ask: impl Fn(u32) -> Ask,
    view: impl Fn(&[Value]) -> Vec<Entry>,
) -> Result<Outcome, Failure> {
    let (mut entries, mut cursor) = ask_for(host, &ask(limit), &view)?;
    let fitting = fitting(&entries);
    let cut = fitting < entries.len();
    if cut {
        let fewer = u32::try_from(fitting).unwrap_or(limit);
        (entries, cursor) = ask_for(host, &ask(fewer), &view)?;
    }
    let mut lines = vec![match (entries.len(), cursor.as_str()) {
        (0, _) => format!("No {one} fits."),
        (count, None) => format!("{count} found:"),
        (count, Some(cursor)) => format!("{count} found; there are more, ask again with cursor {cursor}"),
    }];
    let note = cut.then(|| {
        format!(
            "Of the {limit} asked for {} fit into an answer; ask again with cursor for the next.",
            entries.len()
        )
    });
    lines.extend(note.clone());
    let (data, told): (Vec<Value>, Vec<String>) = entries.into_iter().unzip();
    lines.extend(told);
    let data = json!({ member: data, "next_cursor": cursor, "note": note });
    Ok(Outcome::new(lines.join("\n"), data))
}

fn ask_for(host: &dyn Host, ask: &Ask, view: impl Fn(&[Value]) -> Vec<Entry>) -> Result<(Vec<Entry>, Value), Failure> {
    let body = ask.send(host)?.body;
    let found = body["data"].as_array().map_or(&[][..], Vec::as_slice);
    Ok((view(found), body["next_cursor"].clone()))
}

/// How many of them fit; one always does, if need be shortened.
fn fitting(entries: &[Entry]) -> usize {
    let (mut bytes, mut chars) = (0, 0);
    let fits = entries.iter().take_while(|(data, line)| {
        bytes += data.to_string().len() + 1;
        chars += line.chars().count() + 1;
        bytes <= ENTRIES_BYTES && chars <= LINES_CHARS
    });
    fits.count().max(1).min(entries.len())
}
