//! Printing that does not panic when whoever reads has gone (`ordinaut … | head`).

use std::io::{self, Write as _};

use serde::Serialize;

use super::CliError;

/// Prints text and a line break.
pub(super) fn text(text: &str) -> Result<(), CliError> {
    let mut out = io::stdout().lock();
    match out
        .write_all(text.as_bytes())
        .and_then(|()| out.write_all(b"\n"))
        .and_then(|()| out.flush())
    {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(CliError::failed("standard output", error)),
        _ => Ok(()),
    }
}

/// Prints JSON, indented.
pub(super) fn json(value: &impl Serialize) -> Result<(), CliError> {
    let shown = serde_json::to_string_pretty(value).map_err(|error| CliError::failed("JSON", error))?;
    text(&shown)
}

/// Lines up columns; the first row is the heading.
pub(super) fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        rows.iter()
            .filter_map(|row| row.get(column))
            .map(|c| c.chars().count())
            .max()
    };
    let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
    let line = |row: &Vec<String>| {
        let cells: Vec<String> = row
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:<width$}"))
            .collect();
        cells.join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_lined_up_without_trailing_blanks() {
        let rows = [
            vec!["NAME".to_owned(), "STATE".to_owned()],
            vec!["é".to_owned(), "ready".to_owned()],
        ];
        assert_eq!(table(&rows), "NAME  STATE\né     ready");
    }
}
