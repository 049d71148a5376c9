//! Tables with aligned columns.

use crate::paint::{Color, Paint};

/// A cell: its text, without colour, and its colour.
#[derive(Clone, Debug)]
pub(crate) struct Cell {
    text: String,
    color: Option<Color>,
}

impl Cell {
    pub(crate) fn new(text: impl Into<String>) -> Cell {
        Cell { text: text.into(), color: None }
    }

    pub(crate) fn color(self, color: Color) -> Cell {
        Cell { color: Some(color), ..self }
    }

    /// A number of faults: zero is dim, any other is red.
    pub(crate) fn faults(number: u64) -> Cell {
        Cell::new(number.to_string()).color(if number == 0 { Color::DIM } else { Color::RED })
    }

    /// A verdict.
    pub(crate) fn verdict(holds: bool) -> Cell {
        if holds { Cell::new("✓").color(Color::GREEN) } else { Cell::new("✗").color(Color::RED) }
    }
}

/// How the cells of a column are aligned.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Align {
    Left,
    Right,
}

/// Rows under headings.
#[derive(Debug)]
pub(crate) struct Table {
    columns: Vec<(Cell, Align)>,
    rows: Vec<Vec<Cell>>,
}

impl Table {
    pub(crate) fn new<const N: usize>(columns: [(&str, Align); N]) -> Table {
        let columns = columns.map(|(heading, align)| (Cell::new(heading).color(Color::DIM), align));
        Table { columns: columns.into(), rows: Vec::new() }
    }

    pub(crate) fn row<const N: usize>(&mut self, cells: [Cell; N]) {
        self.rows.push(cells.into());
    }

    /// The table as lines.
    pub(crate) fn render(&self, paint: Paint) -> String {
        let headings: Vec<Cell> = self.columns.iter().map(|(heading, _)| heading.clone()).collect();
        let rows = || std::iter::once(&headings).chain(&self.rows);
        let width =
            |column: usize| rows().filter_map(|row| row.get(column)).map(|cell| cell.text.chars().count()).max();
        let widths: Vec<usize> = (0..self.columns.len()).map(|column| width(column).unwrap_or(0)).collect();
        rows().map(|row| self.line(row, &widths, paint)).collect()
    }

    fn line(&self, row: &[Cell], widths: &[usize], paint: Paint) -> String {
        let mut line = String::new();
        for ((cell, width), (_, align)) in row.iter().zip(widths).zip(&self.columns) {
            let text = match cell.color {
                Some(color) => paint.with(color, &cell.text),
                None => cell.text.clone(),
            };
            let blanks = " ".repeat(width - cell.text.chars().count());
            if !line.is_empty() {
                line += "  ";
            }
            line += &if *align == Align::Left { text + &blanks } else { blanks + &text };
        }
        line.truncate(line.trim_end().len());
        line + "\n"
    }
}
