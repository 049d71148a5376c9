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
}

impl Model {
    /// As [`Pool::next`], weakened.
    fn next(&self, weakness: Weakness, worker: &mut Worker<Queue, ()>) -> Queue {
        let next = match weakness {
            Weakness::None => {
                let (next, errand) = self.pool.next(worker);
                assert!(!matches!(errand, Errand::Start(_)), "there are threads enough");
                next
            }
            _ => {
                let mut plan = self.pool.plan.lock();
                if let Some((turn, _)) = worker.done.take() {
                    plan.finish(turn, now());
                }
                loop {
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
        let Next::Work(Work::Drain(queue), turn) = next else { panic!("the thread is needed") };
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
        let mut worker = Worker { done: None, idle_since: now(), is_inside: Arc::new(AtomicBool::new(true)) };
        loop {
            worker.idle_since = now() + NEVER;
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
        PASSED.set(Duration::ZERO);
        let model =
            Arc::new(Model { pool: Pool::new(1, 2), drained: Mutex::new(Vec::new()), has_drained: Condvar::new() });
        let _ = model.pool.change(|plan| (0..2).for_each(|_| plan.count_started()));
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
