//! Reads any text as the variable by which a child process gets a context, and as what follows its version. What is read is written again,
//! and must then read the same. What is not read has one problem, in one short line. The text is read as a trace, too.

#![no_main]

use libfuzzer_sys::fuzz_target;
use logscope::TraceContext;
use logscope::fuzzing::inherited;

const START: &str = "1;name=uno;parent=7;origin=1795653377.250000000;elapsed=1.500000000;wall=1795653378.750000000;verbosity=info";

fuzz_target!(|text: &str| {
    for text in [text, &format!("1;{text}"), &format!("{START};{text}")] {
        match inherited(text) {
            Ok(written) => assert_eq!(inherited(&written).as_deref(), Ok(&*written)),
            Err(problem) => assert!(!problem.is_empty() && problem.len() < 2_000 && !problem.contains(char::is_control), "{problem:?}"),
        }
    }
    if let Ok(trace) = text.parse::<TraceContext>() {
        assert_eq!(trace.to_string().parse::<TraceContext>().unwrap(), trace);
    }
});
