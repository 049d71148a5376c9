//! The jobs: what is measured, against what, and which marks it must reach.

mod carry;
mod commands;
mod contexts;
pub mod files;
mod lines;
mod locks;
mod requests;
mod scopes;
mod tests;
mod unclaimed;
mod unwanted;

use std::error::Error;

use crate::curves;
use crate::harness::{Plan, Subject, compare};
use crate::peers;
use crate::remote::Subjects;
use crate::table::{Mark, Row};

/// One row of the table, still to be measured.
pub struct Job {
    job: &'static str,
    against: &'static str,
    marks: Vec<Mark>,
    /// Makes the two subjects, ours first. Called when it is the job's turn, so that no two jobs run at once.
    subjects: Box<dyn FnOnce() -> Pair>,
}

/// Two subjects, ours first.
type Pair = Result<(Subject, Subject), Box<dyn Error>>;

impl Job {
    fn new(job: &'static str, against: &'static str, marks: &[Mark], subjects: impl FnOnce() -> Pair + 'static) -> Job {
        Job { job, against, marks: marks.to_vec(), subjects: Box::new(subjects) }
    }

    pub fn name(&self) -> &'static str {
        self.job
    }

    pub fn run(self, plan: Plan) -> Result<Row, Box<dyn Error>> {
        let (mut ours, mut theirs) = (self.subjects)()?;
        let result = compare(plan, &mut ours, &mut theirs);
        Ok(Row { job: self.job, against: self.against, result, marks: self.marks })
    }
}

/// Every job, in the order of the table.
pub fn all() -> Vec<Job> {
    [
        lines::jobs(),
        unwanted::jobs(),
        scopes::jobs(),
        carry::jobs(),
        unclaimed::jobs(),
        contexts::jobs(),
        commands::jobs(),
        requests::jobs(),
        locks::jobs(),
        tests::jobs(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Sets this process up for an arrangement, and returns the subjects that can be measured in it.
pub fn arrange(arrangement: &str) -> Result<Subjects, Box<dyn Error>> {
    lines::arrange(arrangement)
        .or_else(|| peers::arrange(arrangement))
        .or_else(|| curves::arrange(arrangement))
        .or_else(|| unwanted::arrange(arrangement))
        .or_else(|| unclaimed::arrange(arrangement))
        .or_else(|| contexts::arrange(arrangement))
        .or_else(|| commands::arrange(arrangement))
        .or_else(|| requests::arrange(arrangement))
        .or_else(|| tests::arrange(arrangement))
        .ok_or_else(|| format!("there is no arrangement {arrangement:?}").into())
}
