//! A program that is compiled with `panic = "abort"`: the panic ends the process, and all queued records are in the log.
//!
//! ```text
//! cargo run --profile abort --example abort_on_panic -- build.log
//! ```
//!
//! The program does nothing for that. If it sets a panic hook of its own after it has made its first queued sink, that hook must call the hook
//! that it replaces (`std::panic::take_hook`), or `logscope::shutdown`.

use logscope::{OutputContext, sink};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    logscope::init();
    let path = std::env::args_os().nth(1).ok_or("the name of the log is missing")?;
    let log = sink::file(path).open()?.queued(sink::Queue::new());
    let uno = OutputContext::builder("uno").sink(log).build();

    let build = std::thread::spawn(uno.bind(|| {
        for step in 1..=1000 {
            tracing::info!("step {step}");
        }
        panic!("there is no linker");
    }));
    // With `panic = "unwind"` only the thread ends, and the program goes on.
    build.join().map_err(|_| "the build has panicked".into())
}
