//! A table with a row for each tool.

use crate::jobs;

/// How a table is printed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Style {
    /// For a terminal.
    Text,
    Markdown,
}

/// Rows of cells under the titles of the jobs.
pub struct Table(Vec<Vec<String>>);

impl Table {
    pub fn new() -> Table {
        let mut table = Table(Vec::new());
        table.row("records lost, of 10,000: median/worst", jobs::ALL.iter().map(|job| job.title.to_owned()));
        table
    }

    pub fn row(&mut self, title: &str, cells: impl Iterator<Item = String>) {
        self.0.push(std::iter::once(title.to_owned()).chain(cells).collect());
    }

    pub fn render(&self, style: Style) -> String {
        let columns = self.0.first().map_or(0, Vec::len);
        let width = |column: usize| self.0.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
        let widths: Vec<usize> = (0..columns).map(width).collect();
        let mut lines: Vec<String> = self.0.iter().map(|row| line(row, &widths, style)).collect();
        if style == Style::Markdown {
            lines.insert(1, "|---".repeat(columns) + "|");
        }
        lines.join("\n") + "\n"
    }
}

fn line(row: &[String], widths: &[usize], style: Style) -> String {
    let cells = row.iter().zip(widths);
    match style {
        Style::Text => cells.map(|(cell, width)| format!("{cell:<width$}")).collect::<Vec<_>>().join("  "),
        Style::Markdown => cells.map(|(cell, _)| format!("| {cell} ")).collect::<String>() + "|",
    }
    .trim_end()
    .to_owned()
}
