use std::time::Duration;

use super::*;

/// A plan for two threads at once, and eight in all, with `idle` threads, and a clock.
fn plan(idle: usize) -> (Plan<u32, u32>, Instant) {
    let mut plan = Plan::new(2, 8);
    start_threads(&mut plan, idle);
    (plan, Instant::now())
}

/// Starts threads.
fn start_threads(plan: &mut Plan<u32, u32>, count: usize) {
    for _ in 0..count {
        plan.begin_start();
        plan.end_start(false);
    }
}

/// Takes work for a thread that is inside its output as long as the work lasts.
fn take(plan: &mut Plan<u32, u32>, now: Instant) -> Option<(Work<u32, u32>, Turn)> {
    plan.take(now, &Arc::new(AtomicBool::new(true)))
}

/// On a busy machine a thread may need long although nothing holds it up.
#[test]
fn a_thread_outside_its_output_is_not_stuck() {
    let (mut plan, mut now) = plan(4);
    (0..4).for_each(|queue| plan.add_ready(queue, false));
    let is_inside = Arc::new(AtomicBool::new(false));
    assert_eq!(std::iter::from_fn(|| plan.take(now, &is_inside)).count(), 2);
    for _ in 0..3 {
        now += STUCK;
        assert_eq!(plan.take(now, &is_inside), None);
    }
    is_inside.store(true, Ordering::Relaxed);
    now += STUCK;
    assert_eq!(std::iter::from_fn(|| plan.take(now, &is_inside)).count(), 2);
}

#[test]
fn stuck_threads_do_not_count_and_the_number_doubles() {
    let (mut plan, mut now) = plan(8);
    (0..8).for_each(|queue| plan.add_ready(queue, false));
    let mut at_once = Vec::new();
    loop {
        let count = std::iter::from_fn(|| take(&mut plan, now)).count();
        if count == 0 {
            break;
        }
        at_once.push(count);
        now += STUCK;
    }
    assert_eq!(at_once, [2, 4, 2], "two, then one more for each stuck one, then the rest");
    assert_eq!((plan.idle, plan.threads()), (0, 8));
    plan.add_ready(8, false);
    assert_eq!(plan.need(), Need::Report);
    assert_eq!(plan.need(), Need::Nothing, "it is reported once");
}

#[test]
fn a_stuck_thread_that_returns_is_idle_again() {
    let (mut plan, now) = plan(3);
    plan.add_ready(1, false);
    plan.add_ready(2, false);
    plan.add_ready(3, false);
    let (_, first) = take(&mut plan, now).unwrap();
    let (_, second) = take(&mut plan, now).unwrap();
    assert_eq!(take(&mut plan, now), None, "two work at once");
    let (work, third) = take(&mut plan, now + STUCK).unwrap();
    assert_eq!(work, Work::Drain(3));
    for turn in [second, first, third] {
        plan.finish(turn, now + STUCK);
    }
    assert_eq!((plan.idle, plan.working.len(), plan.stuck), (3, 0, 0));
}

#[test]
fn one_thread_watches_as_long_as_there_is_work_that_must_wait() {
    let (mut plan, now) = plan(2);
    assert_eq!(plan.begin_wait(), None, "a process without work has no timer");
    plan.add_lingering(now + LINGERING, 1, 7, false);
    assert_eq!(plan.need(), Need::WakeUp);
    let look = plan.begin_wait();
    assert_eq!(look, Some(now + LINGERING));
    assert_eq!(plan.begin_wait(), None, "one watches");
    assert_eq!(plan.need(), Need::Nothing);
    plan.end_wait(look);
    assert!(matches!(take(&mut plan, now + LINGERING), Some((Work::DrainLingered(1, 7), _))));

    // Both threads that may work do, and a third one watches until the first of them counts as stuck.
    start_threads(&mut plan, 1);
    plan.add_ready(8, false);
    assert!(take(&mut plan, now + LINGERING).is_some());
    plan.add_ready(9, false);
    assert_eq!(take(&mut plan, now + LINGERING), None);
    assert_eq!(plan.begin_wait(), Some(now + LINGERING + STUCK));
}

const LINGERING: Duration = Duration::from_millis(1);

#[test]
fn work_without_an_idle_thread_needs_one() {
    let (mut plan, now) = plan(0);
    assert_eq!(plan.need(), Need::Nothing);
    plan.add_ready(1, false);
    plan.add_ready(2, false);
    assert_eq!(plan.need(), Need::Thread);
    start_threads(&mut plan, 1);
    assert_eq!(plan.need(), Need::WakeUp);
    assert!(take(&mut plan, now).is_some());
    assert_eq!(plan.need(), Need::Thread, "for the second queue");
    plan.begin_start();
    plan.end_start(true);
    assert_eq!(plan.need(), Need::Thread, "a refused thread is asked for again");
    assert_eq!(plan.remove_ready(|queue| *queue == 2), Some(Work::Drain(2)));
    assert_eq!(plan.need(), Need::Nothing);
}

/// Two calls add work at the same time, and the system refuses both their threads: each call must learn that it has to do its own work.
#[test]
fn a_call_does_not_rely_on_a_start_of_another_call() {
    let (mut plan, now) = plan(0);
    for queue in [1, 2] {
        plan.add_ready(queue, false);
        assert_eq!(plan.need(), Need::Thread, "for the queue {queue}");
        plan.begin_start();
    }
    for queue in [1, 2] {
        plan.end_start(true);
        assert_eq!(plan.sure_to_be_idle(), 0);
        assert!(plan.remove_ready(|ready| *ready == queue).is_some());
    }
    assert_eq!((plan.threads(), plan.need()), (0, Need::Nothing));

    // A thread that is there takes the work, so nobody starts another one.
    start_threads(&mut plan, 1);
    plan.add_ready(3, false);
    assert_eq!((plan.need(), plan.sure_to_be_idle()), (Need::WakeUp, 1));
    // It may do so before its start is noted.
    plan.begin_start();
    assert!(take(&mut plan, now).is_some());
    assert_eq!((plan.idle, plan.sure_to_be_idle()), (1, 0));
    plan.end_start(false);
    assert_eq!(plan.sure_to_be_idle(), 1);
}

/// The report is due again when there was a thread to spare meanwhile.
#[test]
fn a_later_lack_of_threads_is_reported_again() {
    let (mut plan, now) = plan(8);
    let begin = |plan: &mut Plan<u32, u32>, now| {
        (0..9).for_each(|queue| plan.add_ready(queue, false));
        let mut turns = Vec::new();
        for round in 0..8 {
            while plan.idle > 0
                && let Some((_, turn)) = take(plan, now + STUCK * round)
            {
                turns.push(turn);
            }
        }
        assert_eq!((turns.len(), plan.idle), (8, 0));
        turns
    };
    let turns = begin(&mut plan, now);
    assert_eq!([plan.need(), plan.need()], [Need::Report, Need::Nothing]);
    let later = now + SPARE_THREAD * 2;
    turns.into_iter().for_each(|turn| plan.finish(turn, later));
    assert!(take(&mut plan, later).is_some_and(|(_, turn)| {
        plan.finish(turn, later);
        true
    }));
    assert!(plan.ends(now, later), "a thread is not needed");
    start_threads(&mut plan, 1);
    begin(&mut plan, later + SPARE_THREAD);
    assert_eq!([plan.need(), plan.need()], [Need::Report, Need::Nothing]);
}

/// All threads are idle in turn, and never for long: those that are not needed end all the same.
#[test]
fn spare_threads_end_although_work_goes_on() {
    let (mut plan, mut now) = plan(8);
    let end = now + 3 * SPARE_THREAD;
    while now < end {
        plan.add_ready(1, false);
        let (_, turn) = take(&mut plan, now).unwrap();
        now += LINGERING;
        plan.finish(turn, now);
        plan.ends(now, now);
    }
    assert_eq!(plan.idle, 2, "the one that works, and one to spare");
}

#[test]
fn the_last_idle_thread_stays() {
    let (mut plan, now) = plan(2);
    assert!(!plan.ends(now, now));
    assert!(plan.ends(now, now + SPARE_THREAD));
    assert!(!plan.ends(now, now + 2 * SPARE_THREAD));
}

/// As long as threads come back, outputs are slow, and more threads would be in each other's way: each output takes three times as long as
/// a thread may before it is stuck.
#[test]
fn slow_outputs_do_not_get_more_and_more_threads() {
    let mut plan = Plan::<u32, u32>::new(2, 100);
    let start = Instant::now();
    start_threads(&mut plan, 100);
    (0..300).for_each(|queue| plan.add_ready(queue, false));
    let mut turns = VecDeque::new();
    let mut most = 0;
    for millis in 0..500 {
        let now = start + Duration::from_millis(millis);
        while turns.front().is_some_and(|(_, since)| *since + 3 * STUCK <= now) {
            plan.finish(turns.pop_front().unwrap().0, now);
        }
        turns.extend(std::iter::from_fn(|| take(&mut plan, now)).map(|(_, turn)| (turn, now)));
        most = most.max(turns.len());
    }
    // Before the first output has taken its record, the number doubles: 2, 4 and 8.
    assert_eq!(most, 14);
    assert!(turns.len() <= 6, "{}", turns.len());
}

#[test]
fn slow_queues_take_turns_with_the_others() {
    let mut plan = Plan::<u32, u32>::new(8, 8);
    let now = Instant::now();
    start_threads(&mut plan, 8);
    (0..4).for_each(|queue| plan.add_ready(queue, true));
    plan.add_ready(10, false);
    plan.add_lingering(now, 1, 11, false);
    let order: Vec<_> = std::iter::from_fn(|| take(&mut plan, now)).map(|(work, _)| work).collect();
    let [slow0, slow1, slow2, slow3] = [0, 1, 2, 3].map(Work::Drain);
    assert_eq!(order, [Work::Drain(10), slow0, Work::DrainLingered(1, 11), slow1, slow2, slow3]);
}

#[test]
fn the_memory_of_a_queue_that_rests_is_given_back_when_it_is_due() {
    let (mut plan, now) = plan(1);
    plan.add_resting(now + LINGERING, 7);
    assert_eq!((plan.take(now, &Arc::default()), plan.begin_wait()), (None, Some(now + LINGERING)));
    plan.end_wait(Some(now + LINGERING));
    plan.add_ready(1, false);
    assert!(matches!(take(&mut plan, now + LINGERING), Some((Work::Drain(1), _))), "records come first");
    start_threads(&mut plan, 1);
    assert!(matches!(take(&mut plan, now + LINGERING), Some((Work::GiveMemoryBack(7), _))));
    assert_eq!((plan.need(), plan.begin_wait()), (Need::Nothing, None));
}
