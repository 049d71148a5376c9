//! The gaps between parts, and the message together with the fields.

use proptest::prelude::*;
use tracing::info;

use super::*;
use crate::format::test_support::{strategies, with_record};

proptest! {
    #[test]
    fn the_message_and_the_fields_are_the_same_together(event in strategies::event(), fixture in strategies::fixture()) {
        let together = |record: &Record<'_>, line: &mut LayoutWriter<'_>| line.push_message_and_fields(record);
        let apart = |record: &Record<'_>, line: &mut LayoutWriter<'_>| {
            line.push_message(record);
            line.gap();
            line.push_fields(record);
        };
        let render = |format: Format| event.with_event(|event| with_record(&fixture, event, &[], |record| format.render(record)));
        prop_assert_eq!(render(custom(together)), render(custom(apart)));
    }
}

#[test]
fn the_message_is_pushed_with_the_fields_wherever_it_stands() {
    let together = custom(|record, line| {
        line.raw("[uno]");
        line.push_message_and_fields(record);
    });
    let apart = custom(|record, line| {
        line.raw("[uno]");
        line.push_message(record);
        line.gap();
        line.push_fields(record);
    });
    let line = |log: &dyn Fn()| {
        let line = Fixture::new().line(together.clone(), log);
        assert_eq!(line, Fixture::new().line(apart.clone(), log));
        line.strip_prefix("[uno]").unwrap().to_owned()
    };
    assert_eq!(line(&|| info!(a = 1, "m {}", 2)), "m 2 a: 1\n");
    assert_eq!(line(&|| info!(message = 7.0, a = 1)), "7.0 a: 1\n");
    assert_eq!(line(&|| info!(a = 1, message = "m")), "m a: 1\n");
    assert_eq!(line(&|| info!(a = 1)), " a: 1\n");
    assert_eq!(line(&|| info!(a = 1, "")), " a: 1\n");
    assert_eq!(line(&|| info!({ "a b" } = 1)), " \"a b\": 1\n");
    assert_eq!(line(&|| info!("m")), "m\n");
    assert_eq!(line(&|| info!("")), "\n");
}

#[test]
fn a_gap_is_no_part_of_what_is_left_out() {
    let format = custom(|_, line| {
        line.push("a");
        line.gap();
        line.colored("\x1b[31m", LayoutWriter::gap);
        line.gap();
        line.colored("\x1b[31m", |line| line.push("b"));
        line.gap();
    });
    assert_eq!(Fixture::new().line(format.clone().color(Color::Always), || info!("")), "a \x1b[31mb\x1b[0m\n");
    assert_eq!(Fixture::new().line(format.color(Color::Never), || info!("")), "a b\n");
}
