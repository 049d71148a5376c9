//! Tests of how a list is split.

use proptest::prelude::*;

use crate::verbosity::Verbosity;

/// Returns what is known of a list, as text, and what is wrong with each of the other directives.
fn known(text: &str) -> (Option<String>, Vec<String>) {
    let (known, problems) = Verbosity::from_known_directives(text);
    (known.map(|known| known.to_string()), problems)
}

#[test]
fn a_list_of_fields_is_no_list_of_directives() {
    for (text, expected, named) in [
        ("info,app[{user,error,id}]=debug", "info", "app[{user,error,id}]=debug"),
        ("info,app[{a,bar,id}]=debug,b=warn", "b=warn,info", "app[{a,bar,id}]=debug"),
        ("[{off,a=1,b=\"x,]},off\",c}],info", "info", "[{off,a=1,b=\"x,]},off\",c}]"),
        ("info,a[x{b=\"\\\",off,\",c,d}]=debug", "info", "a[x{b=\"\\\",off,\",c,d}]=debug"),
        ("\"a,error,b\"=debug,warn", "warn", "\"a,error,b\"=debug"),
        ("\"a\\\",error\"=debug,warn", "warn", "\"a\\\",error\"=debug"),
    ] {
        let (read, problems) = known(text);
        assert_eq!(read.as_deref(), Some(&*verbosity_text(expected)), "{text}");
        let [problem] = &problems[..] else { panic!("{text}: {problems:?}") };
        assert!(problem.contains(&format!("({named:?})")), "{text}: {problem}");
    }
}

/// Nobody knows where a bracket was to be closed. What stands before it is read; and since a level of all targets may stand behind it, the
/// targets that are not named are not off.
#[test]
fn what_nothing_closes_ends_with_the_list() {
    for (text, expected) in [
        ("info,app[{user,error,id]=debug,off", "info"),
        ("hyper=warn,app[{user,error", "hyper=warn,info"),
        ("hyper=warn,a=\"x,error", "hyper=warn,info"),
        ("hyper=warn,\"error,a=debug\"", "hyper=warn,info"),
    ] {
        let (read, problems) = known(text);
        assert_eq!((read.as_deref(), problems.len()), (Some(&*verbosity_text(expected)), 1), "{text}: {problems:?}");
    }
    // A bracket that nothing opens closes nothing.
    assert_eq!(known("info,app}]=debug,b=warn").0, Some(verbosity_text("info,b=warn")));
    assert_eq!(known("\"info,hyper=warn\"").0, None);
    let error = "info,\"a\"=warn".parse::<Verbosity>().unwrap_err().to_string();
    assert!(error.contains("directive 2") && error.ends_with("remove the quotes"), "{error}");
}

/// Found by fuzzing: the remedy showed the directive as it is.
#[test]
fn no_error_has_a_control_character() {
    for text in ["trace\u{1b}", "inf\u{7}o", "\u{1b}[31m=loud", "a=\u{9b}", "\u{202e}[x]", "wran\u{85},info"] {
        let (_, problems) = known(text);
        assert!(!problems.is_empty() && !problems.concat().contains(char::is_control), "{problems:?}");
    }
}

fn verbosity_text(text: &str) -> String {
    text.parse::<Verbosity>().unwrap().to_string()
}

proptest! {
    #[test]
    fn nothing_inside_of_brackets_is_a_directive(inside in "([a-z=:]{0,5}|error|off|trace|,){0,9}") {
        for directive in [format!("app[{{{inside}}}]=debug"), format!("[{inside}]"), format!("app[x{{a=\"{inside}]\"}}]")] {
            let (read, problems) = known(&format!("info,{directive},hyper=warn"));
            prop_assert_eq!(read, Some(verbosity_text("info,hyper=warn")));
            prop_assert_eq!(problems.len(), 1, "{:?}", problems);
        }
    }
}
