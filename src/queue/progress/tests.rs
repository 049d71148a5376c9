//! Tests of `progress`.

use std::sync::mpsc::channel;
use std::task::Wake;
use std::thread;

use super::*;

#[test]
fn a_stall_lasts_from_the_batch_under_way_until_the_output_takes_something() {
    let progress = Progress::new();
    let stalled_since = || progress.state.lock().stalled_since(progress.taken.load(Ordering::Relaxed));
    progress.begin_batch();
    let batch = progress.state.lock().writing_since.unwrap();
    assert_eq!((stalled_since(), stalled_since()), (batch, batch), "it counts from the output's last progress");
    progress.note_taken();
    let later = stalled_since();
    assert!(later > batch, "in the middle of a batch, the output has taken something");
    assert_eq!(stalled_since(), later);
    assert!(progress.take_due(0).is_empty());
    assert!(stalled_since() > later, "the batch is written");
    let wait = |patience| progress.wait_for_room(patience, || None::<()>);
    assert_eq!(wait(Patience::Without(Duration::ZERO)), None, "the patience has ended already");
    assert_eq!(wait(Patience::Until(Instant::now())), None);
}

fn request(call: Option<u32>) -> FlushRequest {
    FlushRequest { deadline: None, sync: false, call, ticket: Arc::new(FlushTicket::new()) }
}

/// The tickets of requests.
fn tickets<'a>(requests: impl IntoIterator<Item = &'a FlushRequest>) -> Vec<*const FlushTicket> {
    requests.into_iter().map(|request| Arc::as_ptr(&request.ticket)).collect()
}

#[test]
fn requests_are_due_when_their_records_are_resolved() {
    let progress = Progress::new();
    let requests: Vec<_> = (0..6).map(|_| request(None)).collect();
    for (position, request) in requests.iter().enumerate() {
        progress.request_flush(10 * position as u64, request.clone());
    }
    assert_eq!(tickets(&progress.take_due(0)), tickets(&requests[..1]));
    assert_eq!(tickets(&progress.take_due(29)), tickets(&requests[1..3]));
    progress.withdraw(&requests[4].ticket);
    assert!(progress.take_due(29).is_empty());
    assert_eq!(tickets(&progress.take_all()), tickets([&requests[3], &requests[5]]));
    assert!(progress.take_all().is_empty());
}

#[test]
fn the_requests_of_calls_that_are_given_up_are_taken() {
    let progress = Progress::new();
    let requests = [request(None), request(Some(7)), request(Some(8)), request(Some(7))];
    requests.iter().for_each(|request| progress.request_flush(1, request.clone()));
    assert_eq!(tickets(&progress.take_calls(|tag| tag == 7)), tickets([&requests[1], &requests[3]]));
    assert_eq!(tickets(&progress.take_due(1)), tickets([&requests[0], &requests[2]]));
}

#[test]
fn patience_ends_after_its_time_since_the_stall_began() {
    let progress = Progress::new();
    progress.begin_batch();
    let batch = progress.state.lock().writing_since.unwrap();
    let time = Duration::from_secs(3);
    assert_eq!(progress.patience_ends(time), Some(batch + time));
    assert_eq!(progress.patience_ends(Duration::MAX), None);
}

#[test]
fn a_batch_and_a_notification_wake_a_thread_that_waits_for_room() {
    let ways: [fn(&Progress); 2] = [Progress::begin_batch, Progress::notify_room];
    for wake in ways {
        let (progress, (attempts, attempted)) = (Progress::new(), channel());
        let deadline = Instant::now() + Duration::from_secs(8);
        thread::scope(|scope| {
            let waiting = scope.spawn(|| {
                let mut count = 0;
                progress.wait_for_room(Patience::Until(deadline), || {
                    count += 1;
                    attempts.send(count).unwrap();
                    (count == 2).then_some("room")
                })
            });
            attempted.recv().unwrap();
            // The attempt was under the lock, and the thread sleeps when this call has it.
            wake(&progress);
            assert_eq!(waiting.join().unwrap(), Some("room"));
            assert!(Instant::now() < deadline, "it was woken");
        });
        assert_eq!(progress.state.lock().waiters, 0);
    }
}

#[test]
fn a_ticket_is_waited_for_until_its_result_or_the_deadline() {
    let ticket = FlushTicket::new();
    assert!(ticket.wait(Some(Instant::now())).is_none());
    ticket.complete(Err(io::ErrorKind::StorageFull.into()));
    let kind = |result: io::Result<()>| result.map_err(|error| error.kind());
    assert_eq!(ticket.wait(Some(Instant::now())).map(kind), Some(Err(io::ErrorKind::StorageFull)));
    assert!(ticket.wait(Some(Instant::now())).is_none(), "a result is given once");
    let far = Instant::now().checked_add(Duration::from_secs(10));
    thread::scope(|scope| {
        let waiting = scope.spawn(|| ticket.wait(far).map(kind));
        ticket.complete(Ok(()));
        assert_eq!(waiting.join().unwrap(), Some(Ok(())));
    });
}

struct CountWakes(AtomicU64);

impl Wake for CountWakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
        std::panic::resume_unwind(Box::new("a waker may panic"));
    }
}

#[test]
fn a_task_is_woken_by_its_last_waker() {
    let wakes = [0, 1].map(|_| Arc::new(CountWakes(AtomicU64::new(0))));
    let wakers = wakes.each_ref().map(|wakes| Waker::from(Arc::clone(wakes)));
    let ticket = Arc::new(FlushTicket::new());
    let mut future = TicketFuture(Arc::clone(&ticket));
    let mut poll = |waker: &Waker| Pin::new(&mut future).poll(&mut Context::from_waker(waker));
    assert!(wakers.iter().all(|waker| poll(waker).is_pending()));
    ticket.complete(Ok(()));
    assert_eq!(wakes.map(|wakes| wakes.0.load(Ordering::Relaxed)), [0, 1]);
    assert!(matches!(poll(&wakers[0]), Poll::Ready(Ok(()))));
}
