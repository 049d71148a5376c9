//! emit, which has emitters for files, terminals and collectors, but none for a writer: here a closure writes the parts of an event as emit shows
//! them. (Its emitter for files is among the [files](crate::jobs::files).)

use std::cell::RefCell;
use std::hint::black_box;
use std::io::Write as _;
use std::ops::ControlFlow;

use emit::Props as _;

use crate::discard::Discard;
use crate::harness::{Subject, subject};

thread_local! {
    static BUFFER: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

pub fn line() -> Subject {
    let emitter = emit::emitter::from_fn(|event| {
        BUFFER.with_borrow_mut(|line| {
            line.clear();
            let _ = match event.extent() {
                Some(extent) => write!(line, "{} {}: {}", extent.as_point(), event.mdl(), event.msg()),
                None => write!(line, "{}: {}", event.mdl(), event.msg()),
            };
            let _ = event.props().for_each(|name, value| match write!(line, " {name}={value}") {
                Ok(()) => ControlFlow::Continue(()),
                Err(_) => ControlFlow::Break(()),
            });
            line.push(b'\n');
            let _ = Discard.write_all(line);
        });
    });
    let _ = emit::setup().emit_to(emitter).init();
    subject(|| {
        let (size, path, ratio) = (black_box(4_096_u64), black_box("src/main.cpp"), black_box(0.625));
        emit::info!("linking", unit: "core", size, path, ratio);
    })
}
