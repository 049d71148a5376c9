//! Tests of `release`.

use std::io;
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::Duration;

use super::*;
use crate::bytes::Line;
use crate::output::{AnyOutput, Output};

/// Sends the name of the thread that drops it.
struct SaysWhoDrops(Sender<Option<String>>);

impl Output for SaysWhoDrops {
    fn write(&self, _: Line<'_>) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for SaysWhoDrops {
    fn drop(&mut self) {
        let _ = self.0.send(thread::current().name().map(str::to_owned));
    }
}

#[test]
fn the_last_reference_is_dropped_on_a_thread_of_its_own() {
    let ways: [fn(Arc<Core>); 2] = [release, |core| release_all(vec![core])];
    for way in ways {
        let (dropped, drops) = channel();
        let core = Core::new(AnyOutput::Lines(Box::new(SaysWhoDrops(dropped))));
        way(Arc::clone(&core));
        assert!(drops.try_recv().is_err(), "it is not the last one");
        way(core);
        assert_eq!(drops.recv_timeout(Duration::from_secs(10)).unwrap().as_deref(), Some("logscope-drop"));
    }
}
