//! What is logged outside every context: the process default of a test binary.

use std::io;

use super::harness::harness;
use super::lines::{Parts, line};
use super::live::is_shown;
use super::open;
use crate::LevelFilter;
use crate::context::OutputContext;
use crate::output::CopyOutput;
use crate::record::RecordBuf;
use crate::scope::is_unscoped;
use crate::sink::copies;
use crate::sync::Arc;
use crate::verbosity::Verbosity;

/// The name of the context.
const NAME: &str = "unclaimed";

/// Returns the context that is to be the process default.
pub(super) fn default_context() -> OutputContext {
    let shown = harness().verbosity().or_else(Verbosity::from_env);
    // All levels, whatever is shown: what tests ask for, and whether a strict one fails, does not depend on variables.
    OutputContext::builder(NAME).verbosity(LevelFilter::TRACE).sink(copies(Unclaimed { shown })).build()
}

/// Returns the name of the process default, if that is another one now, which takes what no context claims.
pub(super) fn other_default() -> Option<String> {
    let name = crate::context::default_context().name().to_owned();
    (name != NAME).then_some(name)
}

/// Gives a record to the test that has adopted such records, or else prints it, and notes it in the tests that run.
///
/// libtest keeps what a thread prints for the test whose thread it is, or whose thread has started it through std.
struct Unclaimed {
    /// Which records are printed.
    shown: Option<Verbosity>,
}

impl CopyOutput for Unclaimed {
    fn write(&self, record: RecordBuf) -> io::Result<()> {
        let record = Arc::new(record);
        let mut prefix = String::new();
        // `unscoped` says that the record is meant for the process default.
        if !is_unscoped() {
            let (open, is_certain) = open::owners_of_unclaimed();
            if let Some(adopter) = open.iter().rev().find(|recording| recording.rules.lock().adopts) {
                adopter.take(record);
                return Ok(());
            }
            if let Some(recording) = open.last()
                && is_certain
                && harness().names_tests()
            {
                prefix = format!("{} | ", recording.name());
            }
            for recording in &open {
                recording.take_unclaimed(Arc::clone(&record), is_certain);
            }
        }
        if is_shown(self.shown.as_ref(), &record) {
            print_line(&format!(
                "{prefix}{}",
                line(&record, Parts { time: true, own_context: None, own_thread: Some("") })
            ));
        }
        Ok(())
    }

    fn describe(&self) -> String {
        String::from("test output")
    }
}

#[expect(clippy::print_stdout, reason = "libtest captures `print!` only; its panic is caught where outputs are called")]
fn print_line(line: &str) {
    println!("{line}");
}
