//! A chart as an SVG picture, which can stand inside a page: it takes the colour of its text from there, for light and dark pages.
//!
//! No line is empty, since Markdown ends a block of HTML there.

use std::fmt::Write as _;

const WIDTH: f64 = 680.0;
const HEIGHT: f64 = 320.0;
/// Where the axes are.
const LEFT: f64 = 64.0;
const RIGHT: f64 = WIDTH - 20.0;
const TOP: f64 = 36.0;
const BOTTOM: f64 = HEIGHT - 106.0;
/// Legible on white and on black.
const COLORS: [&str; 3] = ["#2f81f7", "#c77d0a", "#2ea043"];

pub struct Chart {
    pub title: &'static str,
    pub x: &'static str,
    pub y: &'static str,
    /// Whether the x axis is.
    pub logarithmic: bool,
    pub series: Vec<Series>,
}

pub struct Series {
    pub label: &'static str,
    pub points: Vec<(f64, f64)>,
}

impl Series {
    /// Whether the last point is at most 10% above the first.
    pub fn is_flat(&self) -> bool {
        self.points.first().zip(self.points.last()).is_some_and(|((_, first), (_, last))| last / first <= 1.1)
    }

    /// The label, the first and the last value, and their ratio.
    pub fn summary(&self) -> String {
        match (self.points.first(), self.points.last()) {
            (Some((_, first)), Some((_, last))) => {
                format!(
                    "{}: {} at first, {} at last, {:.2} times as much",
                    self.label,
                    number(*first),
                    number(*last),
                    last / first
                )
            }
            _ => self.label.to_owned(),
        }
    }
}

impl Chart {
    pub fn render(&self, caption: &str) -> String {
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" width=\"{WIDTH}\" style=\"max-width:100%\" role=\"img\" \
             fill=\"currentColor\" font-family=\"sans-serif\" font-size=\"12\">\n"
        );
        let title = format!("{} ({} over {})", self.title, self.y, self.x);
        line(&mut svg, &format!("<title>{title}</title>"));
        text(&mut svg, LEFT, 18.0, "start", &format!("<tspan font-weight=\"bold\">{}</tspan>", self.title));
        let top = self.top();
        for step in 0..=4 {
            let value = top * f64::from(step) / 4.0;
            let y = vertical(value, top);
            line(
                &mut svg,
                &format!(
                    "<path d=\"M{LEFT} {y:.1}H{RIGHT}\" stroke=\"currentColor\" stroke-opacity=\"{}\"/>",
                    if step == 0 { "0.8" } else { "0.15" }
                ),
            );
            text(&mut svg, LEFT - 6.0, y + 4.0, "end", &number(value));
        }
        text(&mut svg, LEFT, TOP - 6.0, "start", self.y);
        for (x, _) in self.series.first().map_or(&[][..], |series| &series.points) {
            text(&mut svg, self.horizontal(*x), BOTTOM + 16.0, "middle", &number(*x));
        }
        text(&mut svg, (LEFT + RIGHT) / 2.0, BOTTOM + 32.0, "middle", self.x);
        for (index, (series, color)) in self.series.iter().zip(COLORS.iter().cycle()).enumerate() {
            self.draw(&mut svg, series, color, top);
            let y = BOTTOM + 50.0 + 15.0 * index as f64;
            line(&mut svg, &format!("<circle cx=\"{}\" cy=\"{}\" r=\"4\" fill=\"{color}\"/>", LEFT + 4.0, y - 4.0));
            text(&mut svg, LEFT + 14.0, y, "start", &series.summary());
        }
        text(
            &mut svg,
            LEFT,
            HEIGHT - 4.0,
            "start",
            &format!("<tspan fill-opacity=\"0.6\" font-size=\"10\">{}</tspan>", escaped(caption)),
        );
        svg.push_str("</svg>\n");
        svg
    }

    fn draw(&self, svg: &mut String, series: &Series, color: &str, top: f64) {
        let at = |(x, y): &(f64, f64)| (self.horizontal(*x), vertical(*y, top));
        let path: Vec<String> = series.points.iter().map(at).map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        line(
            svg,
            &format!("<polyline points=\"{}\" fill=\"none\" stroke=\"{color}\" stroke-width=\"2\"/>", path.join(" ")),
        );
        for point in &series.points {
            let (x, y) = at(point);
            line(
                svg,
                &format!(
                    "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\" fill=\"{color}\"><title>{}</title></circle>",
                    number(point.1)
                ),
            );
        }
    }

    fn horizontal(&self, x: f64) -> f64 {
        let scale = |x: f64| if self.logarithmic { x.ln() } else { x };
        let points = self.series.first().map_or(&[][..], |series| &series.points);
        let (Some((first, _)), Some((last, _))) = (points.first(), points.last()) else { return LEFT };
        // A little off the axis.
        LEFT + 16.0 + (RIGHT - LEFT - 40.0) * (scale(x) - scale(*first)) / (scale(*last) - scale(*first))
    }

    /// The end of the y axis, which begins with 0: the least of 1, 2, 4, 6, 8 times a power of ten that is above all points.
    fn top(&self) -> f64 {
        let most = self.series.iter().flat_map(|series| &series.points).fold(1e-9, |most, (_, y)| f64::max(most, *y));
        let power = 10_f64.powf(most.log10().floor());
        let steps = [1.0, 2.0, 4.0, 6.0, 8.0, 10.0];
        steps.into_iter().map(|step| step * power).find(|step| *step >= most).unwrap_or(10.0 * power)
    }
}

fn vertical(value: f64, top: f64) -> f64 {
    BOTTOM - (BOTTOM - TOP) * value / top
}

/// With thousands apart, and with decimals only below 100.
fn number(value: f64) -> String {
    if value < 100.0 && value.fract() > 0.004 {
        return format!("{value:.1}");
    }
    let digits = format!("{value:.0}");
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

fn text(svg: &mut String, x: f64, y: f64, anchor: &str, content: &str) {
    line(svg, &format!("<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{content}</text>"));
}

fn line(svg: &mut String, element: &str) {
    let _ = writeln!(svg, "{element}");
}
