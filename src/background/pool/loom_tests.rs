//! Models of the pool. loom has no time: here it passes only while a thread waits for it.

use std::cell::Cell;
use std::time::Duration;

use loom::thread;

use super::*;

/// No thread of a model waits for so long.
const NEVER: Duration = Duration::from_secs(1_000_000);

thread_local! {
    /// How much time has passed. loom runs all threads of a model on one thread of the system, one at a time.
    static PASSED: Cell<Duration> = const { Cell::new(Duration::ZERO) };
    static START: Instant = Instant::now();
}

pub(super) fn now() -> Instant {
    START.with(|start| *start) + PASSED.get()
}

impl<Q, R> Pool<Q, R> {
    /// A wait with a deadline ends at the deadline.
    pub(super) fn wait_until<'a>(
        &'a self,
        plan: MutexGuard<'a, Plan<Q, R>>,
        deadline: Option<Instant>,
    ) -> MutexGuard<'a, Plan<Q, R>> {
        let Some(deadline) = deadline.filter(|deadline| *deadline < now() + NEVER) else {
            return self.work.wait_until(plan, None).0;
        };
        drop(plan);
        let left = deadline.saturating_duration_since(now());
        PASSED.set(PASSED.get() + left);
        thread::yield_now();
        self.plan.lock()
    }
}

fn start<Q, R>(plan: &mut Plan<Q, R>, count: usize) {
    for _ in 0..count {
        plan.begin_start();
        plan.end_start(false);
    }
}

/// What a thread of a model does with a queue.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Queue {
    /// Its output stands still until `Healthy` is drained.
    Stuck,
    Healthy,
    /// The thread ends.
    Stop,
}

struct Model {
    pool: Pool<Queue, ()>,
    /// The threads have been idle for long, and may end. Otherwise they stay.
    ends: bool,
    /// The queues that were drained.
    drained: Mutex<Vec<Queue>>,
    has_drained: Condvar,
}

/// The ways in which a thread of the pool may be weakened.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Weakness {
    None,
    /// It waits without looking whether others are stuck.
    DoesNotWatch,
    /// It takes work without having another thread look at what is left.
    TellsNobody,
    /// It ends after [`SPARE_THREAD`], even if it is the only idle thread.
    Ends,
}

impl Model {
    fn new(ends: bool) -> Arc<Self> {
        PASSED.set(2 * SPARE_THREAD);
        Arc::new(Model { pool: Pool::new(1, 2), ends, drained: Mutex::new(Vec::new()), has_drained: Condvar::new() })
    }

    /// As [`Pool::next`], weakened.
    fn next(&self, weakness: Weakness, worker: &mut Worker<Queue, ()>) -> Queue {
        let next = match weakness {
            Weakness::None => {
                let (next, errand) = self.pool.next(worker);
                assert!(self.ends || !matches!(errand, Errand::Start(_)), "there are threads enough");
                next
            }
            _ => {
                let mut plan = self.pool.plan.lock();
                if let Some((turn, _)) = worker.done.take() {
                    plan.finish(turn, now());
                }
                loop {
                    if weakness == Weakness::Ends && worker.idle_since + SPARE_THREAD <= now() {
                        break Next::End;
                    }
                    if let Some((work, turn)) = plan.take(now(), &worker.is_inside) {
                        if weakness != Weakness::TellsNobody {
                            let _ = self.pool.provide(plan);
                        }
                        break Next::Work(work, turn);
                    }
                    let look = plan.begin_wait();
                    let deadline = look.filter(|_| weakness != Weakness::DoesNotWatch);
                    plan = self.pool.wait_until(plan, deadline);
                    plan.end_wait(look);
                }
            }
        };
        let Next::Work(Work::Drain(queue), turn) = next else { return Queue::Stop };
        worker.done = Some((turn, None));
        queue
    }

    fn wait_for(&self, is_so: impl Fn(&[Queue]) -> bool) -> MutexGuard<'_, Vec<Queue>> {
        let mut drained = self.drained.lock();
        while !is_so(&drained) {
            drained = self.has_drained.wait_until(drained, None).0;
        }
        drained
    }

    fn run(&self, weakness: Weakness) {
        let start = START.with(|start| *start);
        let mut worker = Worker { done: None, idle_since: start, is_inside: Arc::new(AtomicBool::new(true)) };
        loop {
            worker.idle_since = if self.ends { start } else { now() + NEVER };
            let queue = self.next(weakness, &mut worker);
            match queue {
                Queue::Stop => return,
                Queue::Healthy => {}
                Queue::Stuck => drop(self.wait_for(|drained| drained.contains(&Queue::Healthy))),
            }
            self.drained.lock().push(queue);
            self.has_drained.notify_all();
        }
    }
}

/// Two threads, of which one may work at a time. One takes a queue whose output stands still; the other one must find that out, and drain
/// the healthy queue. Both queues are added while the threads begin to wait, or wait.
fn a_healthy_queue_is_drained(weakness: Weakness, ready: &'static [Queue]) {
    loom::model(move || {
        let model = Model::new(false);
        let _ = model.pool.change(|plan| start(plan, 2));
        let threads = [(); 2].map(|()| {
            let model = Arc::clone(&model);
            thread::spawn(move || model.run(weakness))
        });
        let _ = model.pool.change(|plan| ready.iter().for_each(|queue| plan.add_ready(*queue, false)));
        drop(model.wait_for(|drained| drained.len() == ready.len()));
        for _ in 0..2 {
            let _ = model.pool.change(|plan| plan.add_ready(Queue::Stop, false));
        }
        for thread in threads {
            thread.join().unwrap();
        }
    });
}

#[test]
fn loom_a_healthy_queue_is_drained_beside_a_stuck_one() {
    a_healthy_queue_is_drained(Weakness::None, &[Queue::Stuck, Queue::Healthy]);
}

#[test]
#[should_panic(expected = "deadlock")]
fn loom_if_nobody_watches_a_healthy_queue_waits_for_a_stuck_one() {
    a_healthy_queue_is_drained(Weakness::DoesNotWatch, &[Queue::Stuck, Queue::Healthy]);
}

#[test]
#[should_panic(expected = "deadlock")]
fn loom_if_nobody_is_told_a_healthy_queue_waits_for_a_stuck_one() {
    a_healthy_queue_is_drained(Weakness::TellsNobody, &[Queue::Stuck, Queue::Healthy]);
}

/// Two threads drain two queues, which are added while the threads begin to wait, or wait.
#[test]
fn loom_each_ready_queue_is_drained() {
    a_healthy_queue_is_drained(Weakness::None, &[Queue::Healthy, Queue::Healthy]);
}

/// Two threads have been idle for long, so one of them ends, while a queue is added.
fn a_queue_is_drained_while_a_spare_thread_ends(weakness: Weakness) {
    loom::model(move || {
        let model = Model::new(true);
        let _ = model.pool.change(|plan| start(plan, 2));
        let threads = [(); 2].map(|()| {
            let model = Arc::clone(&model);
            thread::spawn(move || model.run(weakness))
        });
        let _ = model.pool.change(|plan| plan.add_ready(Queue::Healthy, false));
        drop(model.wait_for(|drained| drained.len() == 1));
        for _ in 0..2 {
            let _ = model.pool.change(|plan| plan.add_ready(Queue::Stop, false));
        }
        for thread in threads {
            thread.join().unwrap();
        }
    });
}

#[test]
fn loom_a_queue_is_drained_while_a_spare_thread_ends() {
    a_queue_is_drained_while_a_spare_thread_ends(Weakness::None);
}

#[test]
#[should_panic(expected = "deadlock")]
fn loom_if_the_last_idle_thread_ends_a_queue_waits() {
    a_queue_is_drained_while_a_spare_thread_ends(Weakness::Ends);
}

/// What a log call does that adds its queue, when the system refuses a thread: it drains its queue itself, unless a thread is there.
fn log_refused(pool: &Pool<u32, ()>, own: u32, needs_thread: fn(&mut Plan<u32, ()>) -> bool) -> Option<u32> {
    let mut plan = pool.plan.lock();
    plan.add_ready(own, false);
    if !needs_thread(&mut plan) {
        return None;
    }
    plan.begin_start();
    drop(plan);
    let mut plan = pool.plan.lock();
    plan.end_start(true);
    drop(plan);
    let mut plan = pool.plan.lock();
    if plan.sure_to_be_idle() > 0 {
        return None;
    }
    plan.remove_ready(|queue| *queue == own).map(|_| own)
}

/// Two calls add their queues at the same time, and the system refuses all threads. Each queue must be drained.
fn refused_threads_lose_no_queue(needs_thread: fn(&mut Plan<u32, ()>) -> bool) {
    loom::model(move || {
        let pool = Arc::new(Pool::new(1, 4));
        let calls = [1, 2].map(|own| {
            let pool = Arc::clone(&pool);
            thread::spawn(move || log_refused(&pool, own, needs_thread))
        });
        let drained = calls.map(|call| call.join().unwrap());
        assert_eq!(drained, [Some(1), Some(2)], "a queue is left");
    });
}

#[test]
fn loom_refused_threads_lose_no_queue() {
    refused_threads_lose_no_queue(|plan| plan.need() == Need::Thread);
}

#[test]
#[should_panic(expected = "a queue is left")]
fn loom_a_call_that_relies_on_the_start_of_another_leaves_its_queue() {
    refused_threads_lose_no_queue(|plan| plan.threads() == 0);
}
