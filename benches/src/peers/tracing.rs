//! Subscribers and layers of `tracing`.

use tracing::{Dispatch, dispatcher};
use tracing_subscriber::prelude::*;

use super::{LINE, MOVED};
use crate::discard::Discard;
use crate::harness::within;
use crate::remote::Subjects;
use crate::subjects::{after_move, event, in_span};

/// Makes `dispatch` the global subscriber.
pub fn lines(dispatch: Dispatch) -> Subjects {
    dispatcher::set_global_default(dispatch).expect("nothing is installed yet");
    vec![(LINE, within(in_span, event)), (MOVED, within(in_span, after_move()))]
}

pub fn full(colored: bool) -> Dispatch {
    Dispatch::new(tracing_subscriber::fmt().with_ansi(colored).with_writer(Discard).finish())
}

pub fn compact(colored: bool) -> Dispatch {
    Dispatch::new(tracing_subscriber::fmt().compact().with_ansi(colored).with_writer(Discard).finish())
}

pub fn json() -> Dispatch {
    Dispatch::new(tracing_subscriber::fmt().json().with_writer(Discard).finish())
}

pub fn json_subscriber() -> Dispatch {
    Dispatch::new(json_subscriber::fmt().with_writer(|| Discard).finish())
}

pub fn logfmt() -> Dispatch {
    Dispatch::new(tracing_subscriber::registry().with(tracing_logfmt::builder().layer().with_writer(Discard)))
}
