//! The tables that are printed, and whether the marks are held.

use std::fmt;

use crate::harness::Comparison;

/// What a job must reach.
#[derive(Clone, Copy, Debug)]
pub enum Mark {
    /// At least this many times faster than the other.
    Faster(f64),
    /// At most this many times as long as the other.
    AtMostTimes(f64),
    /// At most this many nanoseconds.
    AtMost(f64),
    /// At most this many nanoseconds more than the other.
    AtMostMore(f64),
    /// No allocation.
    NoAllocation,
}

impl Mark {
    pub fn is_held(self, result: &Comparison) -> bool {
        match self {
            Mark::Faster(times) => result.ratio >= times,
            Mark::AtMostTimes(times) => 1.0 / result.ratio <= times,
            Mark::AtMost(nanos) => result.ours <= nanos,
            Mark::AtMostMore(nanos) => result.ours - result.theirs <= nanos,
            Mark::NoAllocation => result.our_allocations == 0.0,
        }
    }
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Mark::Faster(times) => write!(f, "{times}x faster"),
            Mark::AtMostTimes(times) => write!(f, "at most {times}x as long"),
            Mark::AtMost(nanos) => write!(f, "at most {nanos} ns"),
            Mark::AtMostMore(nanos) => write!(f, "at most {nanos} ns more"),
            Mark::NoAllocation => f.write_str("0 allocations"),
        }
    }
}

/// One comparison and its marks.
pub struct Row {
    pub job: &'static str,
    pub against: &'static str,
    pub result: Comparison,
    pub marks: Vec<Mark>,
}

impl Row {
    /// True if every mark is held.
    pub fn is_held(&self) -> bool {
        self.marks.iter().all(|mark| mark.is_held(&self.result))
    }
}

fn verdict(mark: impl fmt::Display, is_held: bool) -> String {
    format!("{mark}: {}", if is_held { "held" } else { "MISSED" })
}

/// One way to write files, and its marks.
pub struct FileRow {
    pub job: &'static str,
    /// Per record, until the system has the last one, with one thread and with two.
    pub nanos: [f64; 2],
    /// Per record, until its log call returns.
    pub caller_nanos: [f64; 2],
    /// How many times as many lines two threads write in the same time.
    pub scaling: f64,
    pub allocations: f64,
    pub lost: u64,
    pub marks: Vec<(String, bool)>,
}

impl FileRow {
    /// True if every mark is held.
    pub fn is_held(&self) -> bool {
        self.marks.iter().all(|(_, held)| *held)
    }
}

/// How rows are printed.
#[derive(Clone, Copy, Eq, PartialEq)]
pub enum Style {
    /// Two tables, for people.
    Table,
    /// Cells between tabs, without headings: `row`, the job, ours, allocations, against, theirs, allocations, ratio, marks; or `file`, the job, one
    /// thread, to the caller, two threads, to the caller, scaling, allocations, lost, marks.
    Tsv,
}

impl Style {
    pub fn print_heading(self) {
        if self == Style::Table {
            println!(
                "{:<56} {:>10} {:>7}   {:<38} {:>10} {:>7}  {:>14}  marks",
                "job", "ns", "allocs", "against", "ns", "allocs", "ratio"
            );
        }
    }

    pub fn print_row(self, row: &Row) {
        let Row { job, against, result, marks } = row;
        let ratio = match result.ratio {
            faster if faster >= 1.0 => format!("{faster:.2}x faster"),
            slower => format!("{:.2}x slower", 1.0 / slower),
        };
        let marks: Vec<String> = marks.iter().map(|mark| verdict(mark, mark.is_held(result))).collect();
        let marks = marks.join(", ");
        let Comparison { ours, our_allocations, theirs, their_allocations, .. } = result;
        match self {
            Style::Table => println!(
                "{job:<56} {ours:>10.2} {our_allocations:>7.2}   {against:<38} {theirs:>10.2} {their_allocations:>7.2}  {ratio:>14}  {marks}"
            ),
            Style::Tsv => println!(
                "row\t{job}\t{ours:.2}\t{our_allocations:.2}\t{against}\t{theirs:.2}\t{their_allocations:.2}\t{ratio}\t{marks}"
            ),
        }
    }

    pub fn print_file_heading(self) {
        if self == Style::Table {
            println!(
                "\n{:<56} {:>10} {:>10}   {:>10} {:>10}  {:>8} {:>7} {:>6}  marks",
                "job", "ns, 1 thr", "to caller", "ns, 2 thr", "to caller", "scaling", "allocs", "lost"
            );
        }
    }

    pub fn print_file_row(self, row: &FileRow) {
        let FileRow { job, nanos, caller_nanos, scaling, allocations, lost, marks } = row;
        let ([one, two], [caller_one, caller_two]) = (nanos, caller_nanos);
        let marks: Vec<String> = marks.iter().map(|(mark, held)| verdict(mark, *held)).collect();
        let marks = marks.join(", ");
        match self {
            Style::Table => println!(
                "{job:<56} {one:>10.1} {caller_one:>10.1}   {two:>10.1} {caller_two:>10.1}  {scaling:>7.2}x {allocations:>7.2} {lost:>6}  {marks}"
            ),
            Style::Tsv => println!(
                "file\t{job}\t{one:.1}\t{caller_one:.1}\t{two:.1}\t{caller_two:.1}\t{scaling:.2}\t{allocations:.2}\t{lost}\t{marks}"
            ),
        }
    }

    pub fn print_end(self, missed: u32) {
        if self == Style::Table {
            println!("{missed} missed");
        }
    }
}
