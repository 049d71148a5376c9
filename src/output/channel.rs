//! Lines and records handed to a receiver.
//!
//! A receiver ends when nobody can send any more: when every context that was given the sink is closed or gone, or when all sinks are dropped.
//! So contexts tell a channel that they use it ([`InUse`]), and the output tells it when it is dropped. A channel that is kept open is told of
//! no context.

use std::any::Any;
use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::iter::FusedIterator;
use std::task::Waker;
#[cfg(feature = "futures")]
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use super::guard::{drop_waker, wake_contained};
use super::{CopyOutput, Output};
use crate::bytes::Line;
use crate::record::RecordBuf;
use crate::sync::{Arc, Condvar, Mutex, prepare_to_wait};

/// What a program sees while it waits for what was logged; from [`ChannelOptions::lines`](crate::sink::ChannelOptions::lines) or
/// [`ChannelOptions::records`](crate::sink::ChannelOptions::records).
///
/// As an iterator it waits for each item, and **ends when the contexts that have the sink are closed**, unless it is
/// [kept open](crate::sink::ChannelOptions::keep_open): see [the end](crate::sink::channel#the-end) of a channel. A task takes it as a stream,
/// by `into_stream` (feature `futures`).
pub struct Receiver<T>(Arc<Channel<T>>);

/// What sinks and the receiver share.
pub(crate) struct Channel<T> {
    state: Mutex<State<T>>,
    /// An item came, or the channel has ended.
    is_filled: Condvar,
    /// There is room, or nobody receives any more.
    has_room: Condvar,
    capacity: usize,
    /// How long a log call waits for room; `None` if it does not wait.
    patience: Option<Duration>,
}

struct State<T> {
    items: VecDeque<T>,
    /// How many contexts use the channel.
    users: usize,
    /// True once nobody can send any more.
    has_ended: bool,
    /// True once the receiver is dropped.
    is_abandoned: bool,
    /// True from when an item was refused until the channel is half empty.
    is_refusing: bool,
    /// True once an item was refused.
    has_refused: bool,
    waker: Option<Waker>,
}

impl<T> State<T> {
    /// True if an item can be taken.
    ///
    /// The first item behind a gap is the notice of the gap, and it would take the place of the next record, which is then missing, and so on: a
    /// channel that stays full would be full of notices. So it takes nothing more until it is half empty, and has a place more for the notice.
    fn has_room(&self, capacity: usize) -> bool {
        match self.is_refusing {
            true => self.items.len() <= capacity / 2,
            false => self.items.len() < capacity.saturating_add(self.has_refused.into()),
        }
    }
}

/// The error of an output that has no room: the record is dropped, and has not failed.
#[derive(Debug)]
struct NoRoom;

impl fmt::Display for NoRoom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the receiver of its channel does not keep up")
    }
}

impl std::error::Error for NoRoom {}

/// Returns true if `error` says that a channel had no room.
#[cold]
pub(crate) fn is_no_room(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|error| error.is::<NoRoom>())
}

/// An output that is told which contexts use it.
pub(crate) trait InUse: Send + Sync {
    /// Counts a context that uses the output, until the returned value is dropped.
    fn begin_use(self: Arc<Self>) -> Box<dyn Any + Send + Sync>;
}

impl<T: Send + 'static> Channel<T> {
    pub(crate) fn new(capacity: usize, patience: Option<Duration>) -> Arc<Self> {
        let state = State {
            items: VecDeque::new(),
            users: 0,
            has_ended: false,
            is_abandoned: false,
            is_refusing: false,
            has_refused: false,
            waker: None,
        };
        Arc::new(Channel {
            state: Mutex::new(state),
            is_filled: Condvar::new(),
            has_room: Condvar::new(),
            capacity: capacity.max(1),
            patience,
        })
    }

    /// Hands `item` to the receiver.
    fn send(&self, item: T) -> io::Result<()> {
        // Allocates when this thread waits for the first time: not under the lock.
        prepare_to_wait();
        let mut state = self.state.lock();
        let deadline = self.patience.map(|patience| Instant::now().checked_add(patience));
        while !state.has_room(self.capacity) && !state.is_abandoned && !state.has_ended {
            let is_over = match deadline {
                None => true,
                Some(None) => {
                    self.has_room.wait(&mut state);
                    false
                }
                Some(Some(deadline)) => self.has_room.wait_until(&mut state, deadline).timed_out(),
            };
            if is_over && !state.has_room(self.capacity) {
                // A log call that waits gets its place in turn.
                state.is_refusing = self.patience.is_none();
                state.has_refused |= state.is_refusing;
                return Err(io::Error::other(NoRoom));
            }
        }
        if state.is_abandoned {
            return Err(io::Error::new(io::ErrorKind::BrokenPipe, "its receiver is dropped"));
        }
        if state.has_ended {
            return Err(io::Error::new(
                io::ErrorKind::BrokenPipe,
                "its receiver has ended, because the contexts that had it are closed (`keep_open` has a channel outlive them)",
            ));
        }
        state.is_refusing = false;
        state.items.push_back(item);
        let waker = state.waker.take();
        drop(state);
        self.wake(waker);
        Ok(())
    }

    /// Wakes the receiver. `waker` is that of a task, which is the program's code: if it panics, the item is in the channel all the same, and
    /// whoever ends the channel goes on.
    fn wake(&self, waker: Option<Waker>) {
        self.is_filled.notify_one();
        waker.into_iter().for_each(wake_contained);
    }

    /// Nobody can send any more.
    fn end(&self) {
        let waker = {
            let mut state = self.state.lock();
            state.has_ended = true;
            state.waker.take()
        };
        self.has_room.notify_all();
        self.wake(waker);
    }
}

/// A context that uses a channel.
struct User<T: Send + 'static>(Arc<Channel<T>>);

impl<T: Send + 'static> InUse for Channel<T> {
    fn begin_use(self: Arc<Self>) -> Box<dyn Any + Send + Sync> {
        self.state.lock().users += 1;
        Box::new(User(self))
    }
}

impl<T: Send + 'static> Drop for User<T> {
    fn drop(&mut self) {
        let is_last = {
            let mut state = self.0.state.lock();
            state.users -= 1;
            state.users == 0
        };
        if is_last {
            self.0.end();
        }
    }
}

/// The side of the sinks.
pub(crate) struct Sender<T: Send + 'static>(Arc<Channel<T>>);

impl<T: Send + 'static> Sender<T> {
    pub(crate) fn new(channel: &Arc<Channel<T>>) -> Self {
        Sender(Arc::clone(channel))
    }
}

impl<T: Send + 'static> Drop for Sender<T> {
    fn drop(&mut self) {
        self.0.end();
    }
}

impl Output for Sender<String> {
    fn write(&self, line: Line<'_>) -> io::Result<()> {
        self.0.send(line.text().into_owned())
    }

    fn describe(&self) -> String {
        String::from("channel")
    }
}

impl CopyOutput for Sender<RecordBuf> {
    fn write(&self, record: RecordBuf) -> io::Result<()> {
        self.0.send(record)
    }

    fn describe(&self) -> String {
        String::from("channel")
    }
}

impl<T> Receiver<T> {
    pub(crate) fn new(channel: Arc<Channel<T>>) -> Self {
        Receiver(channel)
    }

    /// Returns the next item if it is there, and does not wait.
    #[must_use]
    pub fn try_next(&mut self) -> Option<T> {
        let item = self.0.state.lock().items.pop_front();
        if item.is_some() {
            self.0.has_room.notify_one();
        }
        item
    }

    /// Returns the next item, and waits for it for `timeout` at most. `None` if the time is over, or the channel [has ended](Receiver::has_ended).
    #[must_use]
    pub fn next_timeout(&mut self, timeout: Duration) -> Option<T> {
        self.next_until(Instant::now().checked_add(timeout))
    }

    /// Returns true if no item is left, and none can come.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        let state = self.0.state.lock();
        state.has_ended && state.items.is_empty()
    }

    fn next_until(&mut self, deadline: Option<Instant>) -> Option<T> {
        prepare_to_wait();
        let mut state = self.0.state.lock();
        loop {
            if let Some(item) = state.items.pop_front() {
                drop(state);
                self.0.has_room.notify_one();
                return Some(item);
            }
            if state.has_ended {
                return None;
            }
            match deadline {
                None => self.0.is_filled.wait(&mut state),
                Some(deadline) if self.0.is_filled.wait_until(&mut state, deadline).timed_out() => {
                    return state.items.pop_front();
                }
                Some(_) => {}
            }
        }
    }
}

#[cfg(feature = "futures")]
impl<T> Receiver<T> {
    /// Returns the next item, or has the task woken when it comes. `None` once the channel has ended.
    pub(super) fn poll_item(&mut self, context: &mut Context<'_>) -> Poll<Option<T>> {
        // Cloned outside the lock, and the old one dropped there: both can be the program's own code.
        let waker = context.waker().clone();
        let mut state = self.0.state.lock();
        let item = match state.items.pop_front() {
            Some(item) => Some(item),
            None if state.has_ended => None,
            None => {
                let old = state.waker.replace(waker);
                drop(state);
                drop(old);
                return Poll::Pending;
            }
        };
        drop(state);
        self.0.has_room.notify_one();
        Poll::Ready(item)
    }

    /// Has no task woken any more. A waker keeps its task alive.
    pub(super) fn forget_task(&self) {
        let waker = self.0.state.lock().waker.take();
        // Outside the lock, because it is the program's own code.
        waker.into_iter().for_each(drop_waker);
    }
}

impl<T> FusedIterator for Receiver<T> {}

impl<T> Iterator for Receiver<T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        self.next_until(None)
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        let (items, waker) = {
            let mut state = self.0.state.lock();
            state.is_abandoned = true;
            (std::mem::take(&mut state.items), state.waker.take())
        };
        self.0.has_room.notify_all();
        drop(items);
        // Now, because the sinks may live long, and a waker keeps its task alive. Outside the lock, because it is the program's own code.
        waker.into_iter().for_each(drop_waker);
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver").field("waiting", &self.0.state.lock().items.len()).finish_non_exhaustive()
    }
}
