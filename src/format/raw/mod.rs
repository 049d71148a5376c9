//! The `raw` layout: the message alone, for what another program has printed.

mod ansi;

use super::layout::{Layout, LayoutWriter};
use super::options::Ansi;
use super::plain::fields::push_gap;
use crate::record::Record;
use ansi::RawText;

/// The layout, with the options of its format.
pub(super) struct Raw;

impl Layout for Raw {
    fn render(&self, record: &Record<'_>, line: &mut LayoutWriter<'_>) {
        let (options, colored) = (line.looks.options, line.looks.colored);
        let keeps = match options.ansi {
            Ansi::Auto => Some(colored),
            Ansi::Keep => Some(true),
            Ansi::Strip => Some(false),
            Ansi::Escape => None,
        };
        let mut text = RawText::new(&mut *line.out, keeps, options.multiline);
        record.render_message(&mut text);
        text.finish();
        // What a notice says is in its field. A record of the program's has a number, and a notice has none.
        if record.seq().is_none() {
            push_gap(line.out, line.start);
            line.push_fields(record);
        }
    }
}

#[cfg(test)]
mod tests;
