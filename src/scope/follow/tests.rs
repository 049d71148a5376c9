use tracing::info_span;

use super::super::current::is_unscoped;
use super::*;
use crate::{OutputContext, unscoped};

/// What is current: the context, whether there is none on purpose, and the span.
fn current() -> (String, bool, &'static str) {
    let context = OutputContext::try_current().map_or("-".to_owned(), |context| context.name().to_owned());
    (context, is_unscoped(), Span::current().metadata().map_or("-", |metadata| metadata.name()))
}

/// Calls a function inside something.
type Surround<'a> = &'a dyn Fn(&mut dyn FnMut());

#[test]
fn work_sees_what_followed_it_and_nothing_else() {
    let _registry = tracing::subscriber::set_default(tracing_subscriber::registry());
    let (uno, due) = (OutputContext::builder("uno").build(), OutputContext::builder("due").build());
    let (own, foreign) = (info_span!("own"), info_span!("foreign"));
    // Each entry is a submitter, with what its work is to see.
    let submitters = [
        (Follow::here(), ("-".to_owned(), false, "-")),
        (unscoped(Follow::here), ("-".to_owned(), true, "-")),
        (uno.scope(Follow::here), ("uno".to_owned(), false, "-")),
        (own.in_scope(Follow::here), ("-".to_owned(), false, "own")),
        (uno.scope(|| own.in_scope(Follow::here)), ("uno".to_owned(), false, "own")),
        (uno.scope(|| unscoped(|| own.in_scope(Follow::here))), ("-".to_owned(), true, "own")),
    ];
    for (follow, expected) in &submitters {
        assert_eq!(follow.run(current), *expected);
        let runners: [Surround<'_>; 4] = [
            &|f| due.scope(f),
            &|f| foreign.in_scope(f),
            // A stack in which the work's own span stands below another.
            &|f| due.scope(|| own.in_scope(|| foreign.in_scope(&mut *f))),
            &|f| unscoped(|| foreign.in_scope(&mut *f)),
        ];
        for run_in in runners {
            run_in(&mut || {
                let before = current();
                assert_eq!(follow.run(current), *expected);
                assert_eq!(current(), before);
            });
        }
    }
}

#[test]
fn what_the_work_leaves_open_ends_with_it() {
    let (uno, due) = (OutputContext::builder("uno").build(), OutputContext::builder("due").build());
    let kept = uno.scope(Follow::here).run(|| due.enter());
    assert_eq!(current().0, "-");
    uno.scope(Follow::here).run(|| std::mem::forget(due.enter()));
    assert_eq!(current().0, "-");
    drop(kept);
}
