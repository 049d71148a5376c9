//! Places and counts for the tests and models of the table.

use tracing::Level;

use super::Table;
use crate::record::RecordMetadata;

pub(super) fn place(target: &str, line: u32) -> RecordMetadata<'_> {
    RecordMetadata {
        level: Level::INFO,
        target,
        module_path: None,
        file: Some("src/a.rs"),
        line: Some(line),
        from_log: true,
        callsite: None,
        key_values: None,
    }
}

pub(super) fn label() -> Option<Box<str>> {
    Some("label".into())
}

/// All that was counted.
pub(super) fn total(table: &Table) -> u64 {
    let mut total = table.unlisted.get();
    table.sites().for_each(|site| site.each_count(|count, _| total += count.get()));
    total
}
