//! Layouts of a program's own.

use std::fmt;

use tracing::{error, info, info_span, warn};

use super::*;
use crate::format::test_support::Fixture;
use crate::format::{Color, Format, Renderer, Screen, Time};
use crate::record::with_bound;

mod gaps;
mod look;

/// Renders by a closure, with looks that differ from the default ones.
struct By<F>(F);

impl<F: Fn(&Record<'_>, &mut LayoutWriter<'_>) + Send + Sync + 'static> Layout for By<F> {
    fn render(&self, record: &Record<'_>, line: &mut LayoutWriter<'_>) {
        (self.0)(record, line);
    }

    fn context(&self, context: &ContextInfo, line: &mut LayoutWriter<'_>) {
        line.colored("\x1b[35m", |line| line.push(context.name()));
        line.raw("#");
        line.push_display(context.fields().len());
    }

    fn span(&self, span: SpanInfo<'_>, line: &mut LayoutWriter<'_>) {
        line.push(span.name());
        span.for_each_field(|name, value| {
            line.raw(" ");
            self.field(name, value, line);
        });
    }

    fn span_separator(&self) -> &str {
        " > "
    }

    fn field(&self, name: &str, value: FieldValue<'_>, line: &mut LayoutWriter<'_>) {
        if name != "hidden" {
            line.push_name(name);
            line.raw(": ");
            line.push_value(value);
        }
    }

    fn field_separator(&self) -> &str {
        ", "
    }
}

fn custom(render: impl Fn(&Record<'_>, &mut LayoutWriter<'_>) + Send + Sync + 'static) -> Format {
    Format::custom(By(render))
}

/// The default looks.
struct Plain;

impl Layout for Plain {
    fn render(&self, record: &Record<'_>, line: &mut LayoutWriter<'_>) {
        line.push_level(record.level());
        line.gap();
        line.push_context(record);
        line.gap();
        line.push_spans(record);
        line.gap();
        line.push(record.target());
        line.raw(":");
        line.gap();
        line.push_message(record);
        line.gap();
        line.push_fields(record);
    }

    fn name(&self) -> &str {
        "plain"
    }
}

#[test]
fn the_default_looks_are_those_of_text() {
    let log = || {
        let _build = info_span!("build", unit = "core", path = ?"a b").entered();
        let _link = info_span!("link").entered();
        info!(target: "linker", n = 1, x = 2.5, ok = true, text = "a b", path = ?"a b", "linking");
    };
    let ours = Format::text().time(Time::None);
    assert_eq!(Fixture::new().line(Format::custom(Plain), log), Fixture::new().line(ours.clone(), log));
    let colored = Fixture::new().line(Format::custom(Plain).color(Color::Always), log);
    // In colour, the target of text is dim.
    let expected = Fixture::new().line(ours.color(Color::Always), log).replace("\x1b[2mlinker:\x1b[0m", "linker:");
    assert_eq!(colored, expected);
    assert_eq!(Format::custom(Plain).to_string(), "plain");
}

#[test]
fn each_piece_has_a_look_of_its_own() {
    let format = custom(|record, line| {
        line.raw("[");
        line.push_context(record);
        line.raw("]");
        line.gap();
        line.push_spans(record);
        line.gap();
        line.push_message(record);
        line.gap();
        line.push_fields(record);
    });
    let log = || {
        let _build = info_span!("build", unit = "co re").entered();
        let _link = info_span!("link").entered();
        info!(a = 1, hidden = 2, b = "c d", "linking");
    };
    for _ in 0..2 {
        let line = Fixture::new().line(format.clone(), log);
        assert_eq!(line, "[uno#0] build unit: \"co re\" > link linking a: 1, b: \"c d\"\n");
    }
    let colored = Fixture::new().line(format.color(Color::Always), log);
    assert!(colored.starts_with("[\x1b[35muno\x1b[0m#0] build"), "{colored}");
}

#[test]
fn a_gap_stands_only_between_two_parts() {
    let format = custom(|record, line| {
        line.gap();
        line.push_spans(record);
        line.gap();
        line.push_message(record);
        line.gap();
        line.gap();
        line.push_fields(record);
        line.gap();
    });
    assert_eq!(Fixture::new().line(format.clone(), || info!("m")), "m\n");
    assert_eq!(Fixture::new().line(format.clone(), || info!(a = 1)), "a: 1\n");
    assert_eq!(Fixture::new().line(format.clone(), || info!(hidden = 1, "")), "\n");
    assert_eq!(Fixture::new().line(format, || info!(hidden = 1, a = 1, "m")), "m a: 1\n");
}

#[test]
fn what_is_pushed_cannot_forge_a_line() {
    let odd = "a\nb\x1b[31m\u{202e}";
    let format = custom(move |record, line| {
        use std::fmt::Write as _;
        line.push(odd);
        line.push_display(odd);
        let _ = write!(line, "{odd}");
        line.push_quoted(odd);
        line.push_name(odd);
        line.push_message(record);
        line.push_fields(record);
        line.push_spans(record);
        line.push_context(record);
    });
    let log = || {
        let _span = info_span!("link", unit = "a\nb\x1b[31m\u{202e}").entered();
        error!(field = "a\nb\x1b[31m\u{202e}", debug = ?"a\nb\x1b[31m\u{202e}", "a\nb\x1b[31m\u{202e}");
    };
    let line = Fixture::new().line(format, log);
    assert_eq!(line.matches(char::is_control).collect::<Vec<_>>(), ["\n"], "{line:?}");
    assert!(line.ends_with('\n') && !line.contains('\u{202e}'), "{line:?}");
    let lines = custom(|record, line| line.push_message_lines(record, "  | "));
    assert_eq!(Fixture::new().line(lines, || info!("a\nb\r")), "a\n  | b\\r\n");
}

#[test]
fn the_end_of_the_line_is_added_once() {
    for (raw, expected) in
        [("a", "a\n"), ("a\n", "a\n"), ("a\n\n", "a\n"), ("a\nb", "a\nb\n"), ("", "\n"), ("\n", "\n")]
    {
        let format = custom(move |_, line| line.raw(raw));
        assert_eq!(Fixture::new().line(format, || info!("m")), expected, "{raw:?}");
    }
}

#[test]
fn a_layout_that_panics_ends_the_line_there() {
    let format = custom(|record, line| {
        line.push_message(record);
        panic!("a layout panics");
    });
    assert_eq!(Fixture::new().line(format.clone(), || info!("m")), "m<panicked>\n");
    assert_eq!(Fixture::new().line(format.color(Color::Always), || info!("m")), "m<panicked>\x1b[0m\n");
    struct PanickingLooks;
    impl Layout for PanickingLooks {
        fn render(&self, record: &Record<'_>, line: &mut LayoutWriter<'_>) {
            line.push_message(record);
            line.push_context(record);
        }
        fn context(&self, _: &ContextInfo, _: &mut LayoutWriter<'_>) {
            panic!("a look panics");
        }
    }
    assert_eq!(Fixture::new().line(Format::custom(PanickingLooks), || info!("m")), "m<panicked>\n");
}

#[test]
fn a_timer_can_push_the_time_that_would_stand_there_without_it() {
    let timer = |record: &Record<'_>, line: &mut LayoutWriter<'_>| {
        line.raw("[");
        line.push_time(record);
        line.raw("]");
    };
    let line = |format: Format| Fixture::new().line(format.timer(timer).target(false), || info!("m"));
    assert_eq!(line(Format::text().context(false)), "[00:01.234567] INFO  m\n");
    struct Timed;
    impl Layout for Timed {
        fn render(&self, record: &Record<'_>, line: &mut LayoutWriter<'_>) {
            line.push_time(record);
        }
    }
    assert_eq!(line(Format::custom(Timed)), "[00:01.234567]\n");
}

#[test]
fn a_timer_that_panics_costs_the_time_alone() {
    let timer = |_: &Record<'_>, _: &mut LayoutWriter<'_>| panic!("a timer panics");
    let line = Fixture::new().line(Format::text().timer(timer).context(false).target(false), || info!("m"));
    assert_eq!(line, "<panicked> INFO  m\n");
}

#[test]
fn a_value_that_panics_is_marked() {
    struct Panics;
    impl fmt::Display for Panics {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("half ")?;
            panic!("a value panics");
        }
    }
    let format = custom(|record, line| {
        line.push_display(Panics);
        line.push_fields(record);
    });
    let line = Fixture::new().line(format, || info!(value = %Panics, other = 1));
    assert_eq!(line, "half <panicked>value: \"half <panicked>\", other: 1\n");
}

#[test]
fn names_are_unique_and_errors_have_their_causes() {
    #[derive(Debug)]
    struct Failed(Option<Box<Failed>>);
    impl fmt::Display for Failed {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(if self.0.is_some() { "cannot link" } else { "no file" })
        }
    }
    impl std::error::Error for Failed {
        fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
            self.0.as_ref().map(|source| &**source as _)
        }
    }
    let error = Failed(Some(Box::new(Failed(None))));
    let log = || {
        let err: &(dyn std::error::Error + 'static) = &error;
        warn!(err, "err.sources" = 1, "r#type" = 2, "m");
    };
    let fields = custom(|record, line| line.push_fields(record));
    let line = Fixture::new().line(fields, log);
    assert_eq!(line, "err: \"cannot link\", err.sources: [\"no file\"], err.sources#2: 1, type: 2\n");
}

#[test]
fn values_are_seen_by_their_type() {
    struct Types;
    impl Layout for Types {
        fn render(&self, record: &Record<'_>, line: &mut LayoutWriter<'_>) {
            line.push_fields(record);
        }
        fn field(&self, name: &str, value: FieldValue<'_>, line: &mut LayoutWriter<'_>) {
            let numbers = (value.as_i64(), value.as_u64(), value.as_f64());
            line.push_display(format_args!("{name} {value} {numbers:?} {:?} {:?};", value.as_bool(), value.as_str()));
        }
    }
    let line = Fixture::new()
        .line(Format::custom(Types), || info!(a = -1, b = u64::MAX, c = 1.5, d = true, e = "t", f = ?"t"));
    let expected = [
        "a -1 (Some(-1), None, Some(-1.0)) None None;",
        "b 18446744073709551615 (None, Some(18446744073709551615), Some(1.8446744073709552e19)) None None;",
        "c 1.5 (None, None, Some(1.5)) None None;",
        "d true (None, None, None) Some(true) None;",
        "e t (None, None, None) None Some(\"t\");",
        "f \"t\" (None, None, None) None None;",
    ];
    assert_eq!(line, format!("{}\n", expected.join(" ")));
}

#[test]
fn what_does_not_fit_is_cut() {
    let format = custom(|record, line| {
        line.push(&"x".repeat(1_000));
        line.push_message(record);
        line.push_spans(record);
    });
    let log = || {
        let _span = info_span!("link", unit = "y".repeat(200)).entered();
        info!("{}", "z".repeat(1_000));
    };
    let line = with_bound(256, || Fixture::new().line(format, log));
    assert!(line.starts_with("xxx") && line.contains("<cut>") && line.len() < 500, "{line}");
}

#[test]
fn what_is_written_by_a_macro_and_does_not_fit_is_cut_once() {
    let format = custom(|_, line| {
        use std::fmt::Write as _;
        for _ in 0..3 {
            let _ = write!(line, "{} and more", "x".repeat(200));
        }
        line.raw("|");
    });
    let line = with_bound(256, || Fixture::new().line(format, || info!("said")));
    assert!(line.ends_with("x<cut>|\n") && line.matches("<cut>").count() == 1, "{line}");
}

#[test]
fn the_times_of_the_format_are_pushed() {
    let time = |format: Format| Fixture::new().line(format, || info!("m"));
    let format = custom(|record, line| line.push_time(record));
    assert_eq!(time(format.clone()), "00:01.234567\n");
    assert_eq!(time(format.clone().time(Time::Both)), "2026-11-21T09:08:00.123456Z 00:01.234567\n");
    assert_eq!(time(format.clone().time(Time::None)), "\n");
    let seconds = crate::ElapsedStyle::Seconds { digits: 1, width: 6 };
    assert_eq!(time(format.clone().elapsed_style(seconds)), "   1.2\n");
    assert_eq!(time(format.timer(|_, line| line.raw("now"))), "now\n");
    let both = custom(|record, line| {
        line.push_timestamp(record);
        line.raw("/");
        line.push_elapsed(record);
    });
    let offset = crate::UtcOffset::from_hms(2, 0, 0).unwrap();
    assert_eq!(time(both.offset(offset)), "2026-11-21T11:08:00.123456+02:00/00:01.234567\n");
}

#[test]
fn clones_are_equal_and_share_a_rendering() {
    let format = Format::custom(Plain);
    assert_eq!(format, format.clone());
    assert_ne!(format, Format::custom(Plain));
    let renderer = |format: &Format| Renderer::new(format, Screen::None);
    assert_eq!(renderer(&format), renderer(&format.clone()));
    assert_ne!(renderer(&format), renderer(&Format::custom(Plain)));
}

#[test]
fn the_looks_are_rendered_once() {
    use std::sync::atomic::{AtomicUsize, Ordering};
    static LOOKS: AtomicUsize = AtomicUsize::new(0);
    struct Counts;
    impl Layout for Counts {
        fn render(&self, record: &Record<'_>, line: &mut LayoutWriter<'_>) {
            line.push_context(record);
        }
        fn context(&self, context: &ContextInfo, line: &mut LayoutWriter<'_>) {
            LOOKS.fetch_add(1, Ordering::Relaxed);
            line.push_braced_context(context);
        }
    }
    let format = Format::custom(Counts);
    let seen = Fixture::new().capture(
        || {
            info!("a");
            info!("b");
        },
        move |record| format.render(record),
    );
    assert_eq!((seen, LOOKS.load(Ordering::Relaxed)), (vec!["uno\n".to_owned(); 2], 1));
}
