//! Where there are no process groups, or no way to wait for a leader and leave its number to it: no program is ended there.

use crate::command::course::Ending;

/// There is none.
#[derive(Debug)]
pub(in crate::command) enum Group {}

impl Group {
    pub(in crate::command) fn led_by(_: u32) -> Option<Group> {
        None
    }

    pub(in crate::command) fn leader_has_exited(&self) -> bool {
        match *self {}
    }

    pub(in crate::command) fn send(&self, _: Ending) {
        match *self {}
    }
}
