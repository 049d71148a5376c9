//! A model of callers that write and then join a round, and its twins in which the round is closed too late.

use loom::thread;

use super::*;

/// What an output has written.
type Written = Arc<Mutex<u64>>;

type Begin = fn(&Lead<u64>, &Mutex<u64>) -> u64;

/// Each caller writes one record. The round that it joins must have seen that record.
fn write_and_join(rounds: &Rounds<u64>, written: &Written, begin: Begin) {
    let own = {
        let mut written = written.lock();
        *written += 1;
        *written
    };
    let synced = rounds.join(None, |lead| Some(begin(lead, written)), |seen| *seen);
    assert!(synced.is_some_and(|synced| synced >= own), "a caller was told of a round that had not seen its record");
}

fn callers(begin: Begin) {
    loom::model(move || {
        let (rounds, written) = (Rounds::new(), Arc::new(Mutex::new(0)));
        let others: Vec<_> = (0..2)
            .map(|_| {
                let (rounds, written) = (rounds.clone(), Arc::clone(&written));
                thread::spawn(move || write_and_join(&rounds, &written, begin))
            })
            .collect();
        write_and_join(&rounds, &written, begin);
        others.into_iter().for_each(|other| other.join().unwrap());
        let state = rounds.0.state.lock();
        assert!(state.led_by.is_none() && state.next.0.get().is_none(), "a round did not end");
    });
}

#[test]
fn loom_a_round_has_seen_what_its_callers_wrote() {
    callers(|lead, written| {
        let written = written.lock();
        lead.close();
        *written
    });
}

#[test]
#[should_panic(expected = "a caller was told of a round that had not seen its record")]
fn loom_a_round_that_can_be_joined_while_it_is_under_way_misses_a_record() {
    callers(|_, written| *written.lock());
}

#[test]
#[should_panic(expected = "a caller was told of a round that had not seen its record")]
fn loom_a_round_that_is_closed_after_the_lock_was_released_misses_a_record() {
    callers(|lead, written| {
        let seen = *written.lock();
        lead.close();
        seen
    });
}

#[test]
fn loom_a_leader_that_resigns_is_followed_by_another() {
    loom::model(|| {
        let (rounds, written) = (Rounds::new(), Arc::new(Mutex::new(0)));
        let resigning = {
            let rounds: Rounds<u64> = rounds.clone();
            thread::spawn(move || {
                // None if it leads, or the result of the other's round.
                let _ = rounds.join(None, |_| None::<u64>, |seen| *seen);
            })
        };
        write_and_join(&rounds, &written, |lead, written| {
            let written = written.lock();
            lead.close();
            *written
        });
        resigning.join().unwrap();
    });
}
