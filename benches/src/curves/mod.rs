//! Curves: what an operation costs while something around it grows, as SVG files for the guide `logscope::docs::speed`.
//!
//! Each point has a process of its own. The rounds of all points of a curve alternate, as those of two subjects do in the tables.

mod memory;
mod subjects;
mod svg;

use std::error::Error;
use std::fs;
use std::io;
use std::path::Path;

use crate::harness::{Plan, calibrate, median};
use crate::remote::{Remote, Subjects};
use Slope::{Any, Flat};
use svg::{Chart, Series};

/// What is measured at the points of a curve, and what the values on its y axis are.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Measure {
    Nanoseconds,
    Bytes,
}

struct Curve {
    /// Names the file and the arrangements.
    name: &'static str,
    title: &'static str,
    x: &'static str,
    points: &'static [u64],
    logarithmic: bool,
    measure: Measure,
    series: &'static [Shown],
}

/// A series: its label, the subject that it shows, and whether the last point must be within 10% of the first.
type Shown = (&'static str, &'static str, Slope);

#[derive(Clone, Copy, Eq, PartialEq)]
enum Slope {
    Flat,
    Any,
}

const LINE: &str = "a line of text";
const UNWANTED: &str = "an unwanted event";

const CURVES: &[Curve] = &[
    Curve {
        name: "contexts",
        title: "An event, while other contexts are alive",
        x: "live contexts",
        points: &[1, 10, 100, 1_000, 10_000, 100_000],
        logarithmic: true,
        measure: Measure::Nanoseconds,
        series: &[(LINE, "line", Flat), (UNWANTED, "unwanted", Flat)],
    },
    Curve {
        name: "threads",
        title: "An event, while other threads log in contexts of their own",
        x: "threads that log",
        points: &[1, 2, 4, 8, 16, 32, 64],
        logarithmic: true,
        measure: Measure::Nanoseconds,
        series: &[(LINE, "line", Flat), (UNWANTED, "unwanted", Flat)],
    },
    Curve {
        name: "spans",
        title: "An event in nested spans, each with one field",
        x: "depth of spans",
        points: &[0, 1, 2, 4, 8, 16],
        logarithmic: false,
        measure: Measure::Nanoseconds,
        series: &[(LINE, "line", Any), ("a line of JSON", "json", Any), (UNWANTED, "unwanted", Flat)],
    },
    Curve {
        name: "directives",
        title: "An event in a context with directives",
        x: "directives",
        points: &[0, 1, 10, 25, 50, 100],
        logarithmic: false,
        measure: Measure::Nanoseconds,
        series: &[(LINE, "line", Flat), (UNWANTED, "unwanted", Flat)],
    },
    Curve {
        name: "queued",
        title: "An event to a queued sink, while others are alive",
        x: "queued sinks",
        points: &[1, 10, 100, 1_000, 10_000],
        logarithmic: true,
        measure: Measure::Nanoseconds,
        series: &[("to one of them", "one", Flat), ("to each in turn", "each", Any)],
    },
    Curve {
        name: "memory",
        title: "Memory that is allocated for each",
        x: "contexts or sinks",
        points: &[1, 10, 100, 1_000, 10_000],
        logarithmic: true,
        measure: Measure::Bytes,
        series: &[
            ("a context without sinks", "bare", Flat),
            ("a context with a sink that others have, too", "one", Flat),
            ("a sink on a writer", "writer", Flat),
        ],
    },
    Curve {
        name: "resident",
        title: "Memory that is resident for each",
        x: "sinks",
        points: &[100, 300, 1_000, 3_000, 10_000],
        logarithmic: true,
        measure: Measure::Bytes,
        series: &[("a file", "file", Flat), ("a queue, after a record", "queue", Flat)],
    },
];

/// Measures every curve, and writes its file to `folder`. `caption` says when and where.
pub fn run(plan: Plan, folder: &Path, caption: &str) -> Result<(), Box<dyn Error>> {
    fs::create_dir_all(folder)?;
    for curve in CURVES {
        let chart = curve.measure(plan)?;
        for (series, (_, _, slope)) in chart.series.iter().zip(curve.series) {
            let verdict = match (slope, series.is_flat()) {
                (Any, _) => "",
                (Flat, true) => ", flat within 10%: held",
                (Flat, false) => ", flat within 10%: MISSED",
            };
            println!("{}: {}{verdict}", curve.name, series.summary());
        }
        fs::write(folder.join(curve.name).with_extension("svg"), chart.render(caption))?;
    }
    Ok(())
}

/// Sets this process up for a point of a curve.
pub fn arrange(arrangement: &str) -> Option<Subjects> {
    let (name, point) = arrangement.strip_prefix("curve ")?.split_once(' ')?;
    subjects::of(name, point.parse().ok()?)
}

impl Curve {
    fn measure(&self, plan: Plan) -> Result<Chart, Box<dyn Error>> {
        let mut lines = Vec::new();
        for (label, subject, _) in self.series {
            let points = match self.measure {
                Measure::Nanoseconds => self.nanoseconds(plan, subject)?,
                Measure::Bytes => self.bytes(subject)?,
            };
            lines.push(Series { label, points });
        }
        let y = match self.measure {
            Measure::Nanoseconds => "nanoseconds per event",
            Measure::Bytes => "bytes each",
        };
        Ok(Chart { title: self.title, x: self.x, y, logarithmic: self.logarithmic, series: lines })
    }

    fn process(&self, point: u64) -> io::Result<Remote> {
        Remote::start(&format!("curve {} {point}", self.name))
    }

    fn nanoseconds(&self, plan: Plan, subject: &'static str) -> Result<Vec<(f64, f64)>, Box<dyn Error>> {
        let mut points = Vec::new();
        for point in self.points {
            let mut subject = self.process(*point)?.subject(subject);
            let times = calibrate(plan, &mut subject);
            points.push((*point, subject, times, Vec::new()));
        }
        for _ in 0..plan.rounds {
            for (_, subject, times, nanos) in &mut points {
                nanos.push(subject(*times).time.as_secs_f64() * 1e9 / *times as f64);
            }
        }
        Ok(points.into_iter().map(|(point, _, _, nanos)| (point as f64, median(nanos.into_iter()))).collect())
    }

    fn bytes(&self, subject: &'static str) -> Result<Vec<(f64, f64)>, Box<dyn Error>> {
        let each = |point: &u64| {
            let all = self.process(*point)?.subject(subject)(1).allocations;
            Ok((*point as f64, all as f64 / *point as f64))
        };
        self.points.iter().map(each).collect()
    }
}
