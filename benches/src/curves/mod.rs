//! Curves: what an operation costs while something around it grows, as SVG files for the guide `logscope::docs::speed`.
//!
//! Each point has a process of its own. The rounds of all points of a curve alternate, as those of two subjects do in the tables.

mod memory;
mod subjects;
mod svg;

use std::error::Error;
use std::fs;
use std::path::Path;

use crate::harness::{Plan, calibrate, median};
use crate::remote::{Remote, Subjects};
use svg::{Chart, Series};

/// A curve of times.
struct Curve {
    /// Names the file and the arrangements.
    name: &'static str,
    title: &'static str,
    x: &'static str,
    points: &'static [u64],
    logarithmic: bool,
    /// The label of each series, and the subject that it shows.
    series: &'static [(&'static str, &'static str)],
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
        series: &[(LINE, "line"), (UNWANTED, "unwanted")],
    },
    Curve {
        name: "threads",
        title: "An event, while other threads log in contexts of their own",
        x: "threads that log",
        points: &[1, 2, 4, 8, 16, 32, 64],
        logarithmic: true,
        series: &[(LINE, "line"), (UNWANTED, "unwanted")],
    },
    Curve {
        name: "spans",
        title: "An event in nested spans, each with one field",
        x: "depth of spans",
        points: &[0, 1, 2, 4, 8, 16],
        logarithmic: false,
        series: &[(LINE, "line"), ("a line of JSON", "json"), (UNWANTED, "unwanted")],
    },
    Curve {
        name: "directives",
        title: "An event in a context with directives",
        x: "directives",
        points: &[0, 1, 10, 25, 50, 100],
        logarithmic: false,
        series: &[(LINE, "line"), (UNWANTED, "unwanted")],
    },
    Curve {
        name: "queued",
        title: "An event to a queued sink, while others are alive",
        x: "queued sinks",
        points: &[1, 10, 100, 1_000, 10_000],
        logarithmic: true,
        series: &[("to one of them", "one"), ("to each in turn", "each")],
    },
];

/// Measures every curve, and writes its file to `folder`. `caption` says when and where.
pub fn run(plan: Plan, folder: &Path, caption: &str) -> Result<(), Box<dyn Error>> {
    fs::create_dir_all(folder)?;
    let mut charts = Vec::new();
    for curve in CURVES {
        charts.push((curve.name, curve.measure(plan)?));
    }
    charts.extend(memory::charts()?);
    for (name, chart) in charts {
        for series in &chart.series {
            println!("{name}: {}", series.summary());
        }
        fs::write(folder.join(name).with_extension("svg"), chart.render(caption))?;
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
        for (label, subject) in self.series {
            // Point by point, so that not all processes are there at once before they are calibrated.
            let mut points = Vec::new();
            for point in self.points {
                let mut measured = Remote::start(&format!("curve {} {point}", self.name))?.subject(subject);
                let times = calibrate(plan, &mut measured);
                points.push((*point, measured, times, Vec::new()));
            }
            for _ in 0..plan.rounds {
                for (_, subject, times, nanos) in &mut points {
                    nanos.push(subject(*times).time.as_secs_f64() * 1e9 / *times as f64);
                }
            }
            let points = points.into_iter().map(|(point, _, _, nanos)| (point as f64, median(nanos.into_iter())));
            lines.push(Series { label, points: points.collect() });
        }
        Ok(Chart {
            title: self.title,
            x: self.x,
            y: "nanoseconds per event",
            logarithmic: self.logarithmic,
            series: lines,
        })
    }
}
