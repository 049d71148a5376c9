//! logscope, with a context as the process default.

use logscope::OutputContext;
use logscope::sink::{self, Sink};

use super::{Logger, Promise, Tool};
use crate::Result;

pub const DIRECT: Tool = Tool {
    name: "logscope",
    open: |path| install(sink::file(path).open()?),
    open_rolling: None,
    complaint: "logscope: ",
    promise: Promise::Everything,
};

fn install(sink: Sink) -> Result<Logger> {
    let context = OutputContext::builder("ends").sink(sink.clone()).build();
    logscope::configure().default_context(context).install()?;
    let losses = move || {
        let ledger = sink.ledger();
        ledger.accepted - ledger.written
    };
    Ok(Logger { losses: Some(Box::new(losses)), ..Logger::of_events() })
}
