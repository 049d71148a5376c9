use std::pin::pin;
use std::task::Waker;

use tracing::info_span;

use super::super::current::is_unscoped;
use super::*;
use crate::{OutputContext, unscoped};

/// The context and the span that are current.
fn current() -> (String, &'static str) {
    let context = OutputContext::try_current().map_or("-".to_owned(), |context| context.name().to_owned());
    (context, Span::current().metadata().map_or("-", |metadata| metadata.name()))
}

#[test]
fn a_future_keeps_its_scopes_and_its_span_from_poll_to_poll() {
    let _registry = tracing::subscriber::set_default(tracing_subscriber::registry());
    let (uno, due) = (OutputContext::builder("uno").build(), OutputContext::builder("due").build());
    let (own, foreign) = (info_span!("own"), info_span!("foreign"));
    struct OnDrop<F: FnMut()>(F);
    impl<F: FnMut()> Drop for OnDrop<F> {
        fn drop(&mut self) {
            (self.0)();
        }
    }
    let work = async {
        let _scope = due.enter();
        let _first = OnDrop(|| assert_eq!(current(), ("due".to_owned(), "own")));
        std::future::pending::<()>().await;
    };
    let mut work = Box::pin(uno.scope(|| own.in_scope(|| Following::here(work))));
    foreign.in_scope(|| {
        for _ in 0..2 {
            assert!(pin!(&mut work).poll(&mut Context::from_waker(Waker::noop())).is_pending());
            assert_eq!(current(), ("-".to_owned(), "foreign"));
        }
        drop(work);
    });
    let unscoped_work = unscoped(|| Following::here(async { is_unscoped() }));
    assert_eq!(pin!(unscoped_work).poll(&mut Context::from_waker(Waker::noop())), Poll::Ready(true));
}
