//! The body of a response runs in the context of its request, and each way in which it can end is known.

#![cfg(feature = "http")]
#![allow(clippy::unwrap_used)]

mod common;

use std::collections::VecDeque;
use std::future::ready;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use common::{DEADLINE, LogsWhenDropped, ParsedLine, block_on, init, panic_of};
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt as _;
use logscope::http::{RequestLayer, ResponseBody};
use logscope::sink::{self, Memory};
use logscope::{Format, OutputContext};
use tower::{Layer, Service, service_fn};

/// What a body does when it is polled.
enum Step {
    Data(&'static [u8]),
    Trailers,
    Wait,
    Fail,
    Panic,
}

/// A body that follows a script, and logs whatever is asked of it.
struct Script {
    steps: VecDeque<Step>,
    /// Whether it knows its end, and its length.
    knows: bool,
    _witness: LogsWhenDropped,
}

fn script(steps: impl IntoIterator<Item = Step>) -> Script {
    Script { steps: steps.into_iter().collect(), knows: false, _witness: LogsWhenDropped("dropped") }
}

fn knowing(steps: impl IntoIterator<Item = Step>) -> Script {
    Script { knows: true, ..script(steps) }
}

impl Body for Script {
    type Data = &'static [u8];
    type Error = &'static str;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<&'static [u8]>, &'static str>>> {
        tracing::info!("polled");
        Poll::Ready(Some(match self.steps.pop_front() {
            None => return Poll::Ready(None),
            Some(Step::Data(data)) => Ok(Frame::data(data)),
            Some(Step::Trailers) => Ok(Frame::trailers(HeaderMap::new())),
            Some(Step::Fail) => Err("the disk is gone"),
            Some(Step::Panic) => panic!("in a body"),
            Some(Step::Wait) => {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
        }))
    }

    fn is_end_stream(&self) -> bool {
        tracing::info!("asked for its end");
        self.knows && self.steps.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        tracing::info!("asked for its size");
        let bytes = self.steps.iter().map(|step| if let Step::Data(data) = step { data.len() as u64 } else { 0 });
        if self.knows { SizeHint::with_exact(bytes.sum()) } else { SizeHint::default() }
    }
}

/// A response under way, and the lines of its request.
struct Served {
    /// `None` once it was dropped.
    response: Option<Response<ResponseBody<Script>>>,
    lines: Memory,
    service: OutputContext,
}

fn serve(method: Method, response: Response<Script>) -> Served {
    init();
    let (memory, lines) = sink::memory();
    let service = OutputContext::builder("shop").sink(memory.format(Format::json())).build();
    let mut response = Some(response);
    let respond = service_fn(move |_: Request<()>| ready(Ok::<_, &'static str>(response.take().unwrap())));
    let request = Request::builder().method(method).uri("/").body(()).unwrap();
    let response = block_on(RequestLayer::new(&service).layer(respond).call(request)).unwrap();
    Served { response: Some(response), lines, service }
}

fn get(body: Script) -> Served {
    serve(Method::GET, Response::new(body))
}

impl Served {
    fn frame(&mut self) -> Option<Result<Frame<&'static [u8]>, &'static str>> {
        block_on(self.response.as_mut().unwrap().body_mut().frame())
    }

    fn body(&self) -> &ResponseBody<Script> {
        self.response.as_ref().unwrap().body()
    }

    fn parsed(&self) -> Vec<ParsedLine> {
        self.lines.lines().iter().map(|line| ParsedLine::parse(line)).collect()
    }

    /// Returns whether the request has ended, and checks that its context is gone if so.
    fn is_ended(&self) -> bool {
        let is_live = || logscope::live().iter().any(|context| context.parent_id() == Some(self.service.id()));
        match self.parsed().iter().filter(|line| line.message == "request ended").count() {
            0 => {
                assert!(is_live(), "the context is gone, and no record says how the request ended");
                false
            }
            1 => {
                // The other tests of this file call `live`, too, and for a moment hold what it lists.
                let end = Instant::now() + DEADLINE;
                while is_live() {
                    assert!(Instant::now() < end, "the request has ended, and its context is alive");
                    std::thread::yield_now();
                }
                true
            }
            ends => panic!("{ends} records say how the request ended"),
        }
    }

    /// Checks that the request has ended, and returns the outcome and the bytes of its last record.
    #[track_caller]
    fn end(&self) -> (String, u64) {
        assert!(self.is_ended());
        let lines = self.parsed();
        let dropped =
            lines.iter().position(|line| line.message == "dropped").expect("the body was dropped inside its context");
        let end = lines.last().unwrap();
        assert_eq!((dropped, end.message.as_str()), (lines.len() - 2, "request ended"));
        assert!(OutputContext::try_current().is_none());
        (end.fields["outcome"].as_str().unwrap().to_owned(), end.fields["bytes"].as_u64().unwrap())
    }

    #[track_caller]
    fn assert_ends(mut self, outcome: &str, bytes: u64) {
        drop(self.response.take());
        assert_eq!(self.end(), (outcome.to_owned(), bytes));
    }
}

#[test]
fn all_that_is_asked_of_a_body_is_asked_in_its_context() {
    let mut served = get(script([Step::Data(b"one"), Step::Wait, Step::Data(b"two")]));
    assert!(!served.body().is_end_stream());
    assert_eq!(served.body().size_hint().exact(), None);
    while served.frame().is_some() {}
    let messages: Vec<_> = served.parsed().into_iter().map(|line| line.message).collect();
    let polls = messages.iter().filter(|message| *message == "polled").count();
    assert_eq!(polls, 4, "two frames, a wait and the end: {messages:?}");
    assert!(messages.iter().any(|message| message == "asked for its end"));
    assert!(messages.iter().filter(|message| *message == "asked for its size").count() >= 2);
    assert_eq!(served.end(), ("finished".to_owned(), 6));
}

#[test]
fn a_body_that_says_that_there_is_no_more_is_finished() {
    let mut served = get(script([Step::Data(b"12345")]));
    assert!(served.frame().is_some() && !served.is_ended());
    assert!(served.frame().is_none());
    assert_eq!(served.end(), ("finished".to_owned(), 5));
    assert!(served.frame().is_none(), "and it says so again");
    assert!(served.body().is_end_stream());
    served.end();
}

#[test]
fn trailers_are_the_end() {
    let mut served = get(script([Step::Data(b"12345"), Step::Trailers]));
    assert!(served.frame().unwrap().unwrap().is_data() && !served.is_ended());
    assert!(served.frame().unwrap().unwrap().is_trailers());
    assert_eq!(served.end(), ("finished".to_owned(), 5));
    assert!(served.frame().is_none());
}

#[test]
fn an_error_is_the_end() {
    let mut served = get(script([Step::Data(b"12345"), Step::Fail, Step::Data(b"never")]));
    assert!(served.frame().unwrap().is_ok());
    assert_eq!(served.frame().unwrap().unwrap_err(), "the disk is gone");
    assert_eq!(served.end(), ("body failed".to_owned(), 5));
    assert!(served.frame().is_none());
}

#[test]
fn a_body_that_is_dropped_half_way_says_so() {
    let mut served = get(script([Step::Data(b"12345"), Step::Data(b"67890")]));
    assert!(served.frame().is_some());
    served.assert_ends("body dropped", 5);
    get(script([Step::Data(b"12345")])).assert_ends("body dropped", 0);
}

#[test]
fn a_body_that_was_taken_whole_is_finished_though_nobody_asked_for_more() {
    // It knows that it is at its end.
    let mut served = get(knowing([Step::Data(b"12345")]));
    assert!(served.frame().is_some());
    served.assert_ends("finished", 5);
    get(knowing([])).assert_ends("finished", 0);
    // The response has promised five bytes.
    let promised = |steps: [Step; 2]| {
        let mut response = Response::new(script(steps));
        response.headers_mut().insert("content-length", 5.into());
        serve(Method::GET, response)
    };
    let mut served = promised([Step::Data(b"123"), Step::Data(b"45")]);
    assert!(served.frame().is_some() && served.frame().is_some());
    served.assert_ends("finished", 5);
    let mut served = promised([Step::Data(b"123"), Step::Data(b"45")]);
    assert!(served.frame().is_some());
    served.assert_ends("body dropped", 3);
}

#[test]
fn a_body_that_is_never_sent_is_finished_unread() {
    let unread = |method, status: StatusCode| {
        let mut response = Response::new(script([Step::Data(b"12345")]));
        *response.status_mut() = status;
        serve(method, response)
    };
    unread(Method::HEAD, StatusCode::OK).assert_ends("finished", 0);
    unread(Method::CONNECT, StatusCode::OK).assert_ends("finished", 0);
    for status in [StatusCode::SWITCHING_PROTOCOLS, StatusCode::NO_CONTENT, StatusCode::NOT_MODIFIED] {
        unread(Method::GET, status).assert_ends("finished", 0);
    }
    unread(Method::GET, StatusCode::OK).assert_ends("body dropped", 0);
    unread(Method::CONNECT, StatusCode::BAD_REQUEST).assert_ends("body dropped", 0);
}

#[test]
fn a_panic_in_a_body_ends_the_request() {
    let mut served = get(knowing([Step::Data(b"12345"), Step::Panic]));
    assert!(served.frame().is_some());
    panic_of(AssertUnwindSafe(|| drop(served.frame())));
    assert!(OutputContext::try_current().is_none());
    served.assert_ends("panicked", 5);
}

#[test]
fn a_body_runs_on_any_thread() {
    let mut served = get(script([Step::Data(b"12345")]));
    let lines = served.lines.clone();
    std::thread::spawn(move || while served.frame().is_some() {}).join().unwrap();
    let ids: std::collections::BTreeSet<_> = lines.lines().iter().map(|line| ParsedLine::parse(line).id).collect();
    assert_eq!(ids.len(), 1);
}
