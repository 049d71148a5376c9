//! Ends at which the C library's `exit` runs: the program itself need not do anything.

use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::process::exit;
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use logscope::sink::{self, Line, Output, Queue};
use logscope::testing::wait_until;

use crate::log::{
    LOG, context, ends_well, ends_with, file, has_all, has_what_returned, in_a_static, log, report_returned, returned,
    uno,
};
use crate::run::{End, Stage, records};

/// How long the threads may take on a busy machine until all log.
const DEADLINE: Duration = Duration::from_secs(30);

pub(crate) const ENDS: &[End] = &[
    End {
        name: "the_last_handle_is_dropped_and_main_returns",
        rounds: 200,
        play: |stage| {
            let uno = context(&file(&stage.folder));
            uno.scope(|| log(0, 0..stage.records()));
        },
        watch: |running, round| has_all(&ends_well(running), records(round)),
    },
    End {
        // The buffered bytes reach the operating system only at a flush, or when the output is dropped.
        name: "the_last_handle_of_a_buffered_writer_is_dropped_and_main_returns",
        rounds: 200,
        play: |stage| {
            let writer = BufWriter::new(File::create(stage.folder.join(LOG)).unwrap());
            let uno = context(&sink::writer(writer).queued(Queue::new()));
            uno.scope(|| log(0, 0..stage.records()));
        },
        watch: |running, round| has_all(&ends_well(running), records(round)),
    },
    End {
        name: "the_end_waits_for_the_drop_of_an_output",
        rounds: 200,
        play: |stage| {
            let file = File::create(stage.folder.join("finished")).unwrap();
            let uno = context(&sink::custom(WritesOnDrop(Mutex::new((Vec::new(), file)))).queued(Queue::new()));
            uno.scope(|| log(0, 0..stage.records()));
        },
        watch: |running, round| {
            let text = ends_well(running).read("finished");
            assert_eq!(text.lines().count() as u64, records(round));
        },
    },
    End {
        name: "main_returns_with_the_context_in_a_static",
        rounds: 200,
        play: |stage| {
            in_a_static(&stage.folder);
            uno().scope(|| log(0, 0..stage.records()));
        },
        watch: |running, round| has_all(&ends_well(running), records(round)),
    },
    End {
        name: "the_main_thread_exits",
        rounds: 200,
        play: |stage| {
            let uno = context(&file(&stage.folder));
            uno.scope(|| log(0, 0..stage.records()));
            exit(7)
        },
        watch: |running, round| has_all(&ends_with(running, 7), records(round)),
    },
    End {
        name: "another_thread_exits",
        rounds: 200,
        play: |stage| {
            in_a_static(&stage.folder);
            let thread = thread::spawn(move || {
                uno().scope(|| log(0, 0..stage.records()));
                exit(7)
            });
            thread.join().unwrap();
        },
        watch: |running, round| has_all(&ends_with(running, 7), records(round)),
    },
    End {
        name: "a_thread_exits_while_others_log",
        rounds: 200,
        play: exit_while_others_log,
        watch: |running, round| {
            let ended = ends_well(running);
            has_what_returned(&ended);
            assert_eq!(crate::log::returned_in(&ended)[0], records(round));
        },
    },
    End {
        name: "a_thread_panics_and_main_returns",
        rounds: 200,
        play: |stage| {
            in_a_static(&stage.folder);
            let thread = thread::spawn(move || {
                uno().scope(|| {
                    log(0, 0..stage.records());
                    panic!("on purpose");
                })
            });
            assert!(thread.join().is_err());
        },
        watch: |running, round| {
            let ended = ends_with(running, 0);
            assert!(ended.stderr.contains("on purpose") && ended.fallback_lines().is_empty(), "{}", ended.stderr);
            has_all(&ended, records(round));
        },
    },
    End {
        name: "the_main_thread_panics",
        rounds: 200,
        play: |stage| {
            let uno = context(&file(&stage.folder));
            uno.scope(|| {
                log(0, 0..stage.records());
                panic!("on purpose");
            })
        },
        watch: |running, round| {
            let ended = ends_with(running, 101);
            assert!(ended.fallback_lines().is_empty(), "{}", ended.stderr);
            has_all(&ended, records(round));
        },
    },
];

/// Buffers all lines, and writes them on drop, as a compressor does with its last block.
struct WritesOnDrop(Mutex<(Vec<u8>, File)>);

impl Output for WritesOnDrop {
    fn write(&self, line: Line<'_>) -> io::Result<()> {
        self.0.lock().unwrap().0.extend_from_slice(line.bytes());
        Ok(())
    }
}

impl Drop for WritesOnDrop {
    fn drop(&mut self) {
        let (bytes, file) = self.0.get_mut().unwrap();
        // In small pieces, as if each took some computation.
        bytes.chunks(64).for_each(|chunk| file.write_all(chunk).unwrap());
    }
}

/// Three threads log as fast as they can when another one exits.
fn exit_while_others_log(stage: Stage) {
    use std::sync::OnceLock;
    static STAGE: OnceLock<Stage> = OnceLock::new();
    extern "C" fn last() {
        report_returned(&STAGE.get().unwrap().folder);
    }
    // Registered before logscope's handler, and so called after it: every record whose call has returned until then must be in the log.
    crate::late::at_exit(last);
    in_a_static(&stage.folder);
    let stage = STAGE.get_or_init(|| stage);
    for thread in 1..4 {
        thread::spawn(move || uno().scope(|| log(thread, 0..u64::MAX)));
    }
    let all_log = || match returned() {
        counts if !counts[1..].contains(&0) => Ok(()),
        counts => Err(counts),
    };
    wait_until(DEADLINE, all_log).unwrap();
    uno().scope(|| log(0, 0..stage.records()));
    exit(0)
}
