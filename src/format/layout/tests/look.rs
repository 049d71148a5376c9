//! Layouts that have no look of their own for fields: their lines are rendered as `text` renders its own, once that is known.

use proptest::prelude::*;
use tracing::info;

use super::*;
use crate::format::test_support::{strategies, with_record};

/// Renders by a closure, with the default looks.
struct Default<F>(F);

impl<F: Fn(&Record<'_>, &mut LayoutWriter<'_>) + Send + Sync + 'static> Layout for Default<F> {
    fn render(&self, record: &Record<'_>, line: &mut LayoutWriter<'_>) {
        (self.0)(record, line);
    }
}

/// A format whose look is known, because it has rendered a field.
fn known(layout: impl Layout) -> Format {
    let format = Format::custom(layout);
    Fixture::new().line(format.clone(), || info!(size = 12));
    format
}

/// Pushes what stands before and behind the message and the fields, of which `push` appends both.
fn around(
    before: u8,
    push: fn(&Record<'_>, &mut LayoutWriter<'_>),
) -> impl Fn(&Record<'_>, &mut LayoutWriter<'_>) + Send + Sync + 'static {
    move |record, line| {
        match before {
            0 => {}
            1 => line.gap(),
            2 => line.raw("<"),
            _ => {
                line.raw("<");
                line.gap();
            }
        }
        push(record, line);
        line.raw(">");
    }
}

proptest! {
    #[test]
    fn a_line_is_the_same_when_the_look_is_known(event in strategies::event(), fixture in strategies::fixture(), before in 0_u8..4) {
        let render = |format: Format| event.with_event(|event| with_record(&fixture, event, &[], |record| format.render(record)));
        let together = || Default(around(before, |record, line| line.push_message_and_fields(record)));
        let apart = Default(around(before, |record, line| {
            line.push_message(record);
            line.gap();
            line.push_fields(record);
        }));
        let expected = render(Format::custom(apart));
        prop_assert_eq!(&render(Format::custom(together())), &expected);
        prop_assert_eq!(&render(known(together())), &expected);
    }
}

#[test]
fn the_look_is_known_from_the_first_field_on() {
    let is_known = |format: &Format| match &format.layout {
        crate::format::choice::Kind::Custom(custom) => custom.fields.is_default(),
        _ => unreachable!("it is a custom layout"),
    };
    let push: fn(&Record<'_>, &mut LayoutWriter<'_>) = |record, line| line.push_message_and_fields(record);
    let format = Format::custom(Default(push));
    Fixture::new().line(format.clone(), || info!("no field"));
    assert!(!is_known(&format));
    Fixture::new().line(format.clone(), || info!(size = 12, "a field"));
    assert!(is_known(&format));
    // Not that of a layout with a look of its own.
    let format = custom(push);
    Fixture::new().line(format.clone(), || info!(size = 12, "a field"));
    assert!(!is_known(&format));
}

/// Passes some of its fields to another layout, which has the default look.
struct Passes<L>(L);

impl<L: Layout> Layout for Passes<L> {
    fn render(&self, record: &Record<'_>, line: &mut LayoutWriter<'_>) {
        line.push_message_and_fields(record);
    }

    fn field(&self, name: &str, value: FieldValue<'_>, line: &mut LayoutWriter<'_>) {
        match name {
            "own" => line.raw("(own)"),
            _ => self.0.field(name, value, line),
        }
    }
}

#[test]
fn a_look_that_another_layout_lends_is_not_taken_for_the_default_one() {
    let format = known(Passes(Plain));
    assert_eq!(Fixture::new().line(format.clone(), || info!(a = 1, own = 2, b = 3, "m")), "m a=1 (own) b=3\n");
    let format = known(Passes(Passes(Plain)));
    assert_eq!(Fixture::new().line(format, || info!(a = 1, own = 2, b = 3, "m")), "m a=1 (own) b=3\n");
}

/// Separates fields by something else.
struct Separated;

impl Layout for Separated {
    fn render(&self, record: &Record<'_>, line: &mut LayoutWriter<'_>) {
        line.push_message_and_fields(record);
    }

    fn field_separator(&self) -> &str {
        " | "
    }
}

#[test]
fn fields_with_the_default_look_keep_their_own_separator() {
    assert_eq!(Fixture::new().line(known(Separated), || info!(a = 1, b = 2, "m")), "m a=1 | b=2\n");
}
