use super::*;
use crate::verbosity::callsite;
use crate::{LevelFilter, OutputContext};

#[test]
fn the_level_decides_in_a_scope_unless_there_are_directives() {
    let glances = || [Level::WARN, Level::INFO, Level::TRACE].map(|level| glance(&level));
    let uno = OutputContext::builder("uno").verbosity(LevelFilter::WARN).build();
    let due = OutputContext::builder("due").verbosity("warn,app=info".parse::<crate::Verbosity>().unwrap()).build();
    assert_eq!(glances(), [None; 3], "outside every scope");
    uno.scope(|| {
        assert_eq!(glances(), [Some(true), Some(false), Some(false)]);
        due.scope(|| assert_eq!(glances(), [None, None, Some(false)]));
        assert_eq!(glances(), [Some(true), Some(false), Some(false)]);
    });
    assert_eq!(glances(), [None; 3]);
}

// The callsites of this test are never freed.
#[cfg_attr(miri, ignore = "it leaks on purpose")]
#[test]
fn what_directives_have_decided_is_remembered_for_their_own_context_only() {
    let uno = OutputContext::builder("uno").directives("warn,app=info").unwrap().build();
    let due = OutputContext::builder("due").directives("warn,app::db=debug").unwrap().build();
    let plain = OutputContext::builder("tre").verbosity(LevelFilter::WARN).build();
    let (wanted, unwanted) = (callsite(Level::INFO, "app"), callsite(Level::INFO, "other"));
    let glances = || [wanted, unwanted].map(glance_at);
    assert_eq!(glances(), [None; 2], "outside every scope");
    uno.scope(|| {
        assert_eq!(glances(), [None; 2], "nothing was asked yet");
        assert!(uno.verbosity().allows(wanted) && !uno.verbosity().allows(unwanted));
        assert_eq!(glances(), [Some(true), Some(false)]);
        due.scope(|| {
            assert_eq!(glances(), [None; 2], "another context has asked");
            assert!(!due.verbosity().allows(wanted));
            assert_eq!(glances(), [Some(false), None]);
        });
        plain.scope(|| assert_eq!(glances(), [None; 2], "the level decides alone"));
    });
    assert_eq!(glances(), [None; 2]);
}
