//! The races that documents with a lock of a lifetime lost before: each step by step in a fixed order, over threads and over processes, with leases in a
//! folder and in Redis. And each by players that check and then act, which must lose it in the same order of steps.
//!
//! Redis needs `LOGSCOPE_TEST_REDIS`: see `common/redis.rs`.

#![cfg(all(feature = "redis", feature = "testing"))]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

#[path = "common/child.rs"]
mod child;
#[path = "common/store_player.rs"]
mod player;
#[path = "common/redis.rs"]
mod redis;

use std::time::Duration;

use child::in_child;
use player::{Backend, Kind, LONG, Manner, Remote, Stage};

/// The part of the players that are processes.
#[test]
#[ignore = "what the players do that are processes"]
fn player() {
    in_child("player", player::obey);
}

/// Runs a race with everything that it is to be run with.
fn on_each_stage(manner: Manner, ttl: Duration, race: impl Fn(&Stage, &mut Remote, &mut Remote)) {
    let server = redis::server();
    let backends = [Some(Backend::Folder), server.as_ref().map(|server| Backend::Redis(server.url()))];
    for backend in backends.into_iter().flatten() {
        for kind in [Kind::Threads, Kind::Processes] {
            let folder = tempfile::tempdir().unwrap();
            let folder_path = folder.path().to_owned();
            let stage = Stage { kind, manner, backend: backend.clone(), ttl, folder: folder_path };
            let (mut one, mut other) = (stage.player("player"), stage.player("player"));
            race(&stage, &mut one, &mut other);
        }
    }
}

fn open(one: &mut Remote, other: &mut Remote) {
    assert_eq!((one.does("open"), other.does("open")), ("open".to_owned(), "open".to_owned()));
}

/// Both lock, add and save in turn, each at once after the other. Returns what is saved then.
fn rapid(stage: &Stage, one: &mut Remote, other: &mut Remote) -> u32 {
    open(one, other);
    for _ in 0..10 {
        assert_eq!(one.does("lock add write"), "saved");
        assert_eq!(other.does("lock add write"), "saved");
    }
    stage.saved()
}

#[test]
fn rapid_sequential_locking_without_delays() {
    on_each_stage(Manner::Logscope, LONG, |stage, one, other| {
        assert_eq!(rapid(stage, one, other), 20, "{stage:?}");
        // And both at once, as fast as they can.
        let orders = vec!["lock add write"; 30].join(" ");
        one.tell(&orders);
        other.tell(&orders);
        assert_eq!((one.answer_to(&orders), other.answer_to(&orders)), ("saved".to_owned(), "saved".to_owned()));
        assert_eq!(stage.saved(), 80, "{stage:?}");
    });
}

#[test]
fn rapid_sequential_locking_loses_saves_by_what_a_naive_program_has_in_memory() {
    on_each_stage(Manner::Naive, LONG, |stage, one, other| {
        assert_eq!(rapid(stage, one, other), 10, "half of the saves are lost: {stage:?}");
    });
}

/// Both find that the document is not open, and open it. Then each is to see what the other one saves.
fn open_at_once(one: &mut Remote, other: &mut Remote) -> (String, String) {
    assert_eq!((one.does("look"), other.does("look")), ("free".to_owned(), "free".to_owned()));
    one.tell("open");
    other.tell("open");
    assert_eq!((one.answer_to("open"), other.answer_to("open")), ("open".to_owned(), "open".to_owned()));
    assert_eq!(one.does("lock add write"), "saved");
    let seen_by_other = other.does("read");
    assert_eq!(other.does("lock add write"), "saved");
    (seen_by_other, one.does("read"))
}

#[test]
fn concurrent_open() {
    on_each_stage(Manner::Logscope, LONG, |stage, one, other| {
        assert_eq!(open_at_once(one, other), ("1".to_owned(), "2".to_owned()), "{stage:?}");
        assert_eq!(stage.saved(), 2);
        // Two instances would see the same, each by reading the disk again.
        assert_eq!(one.has_same_instance(other), stage.kind == Kind::Threads, "{stage:?}");
    });
}

#[test]
fn concurrent_open_gives_a_naive_program_two_instances() {
    on_each_stage(Manner::Naive, LONG, |stage, one, other| {
        assert_eq!(open_at_once(one, other), ("0".to_owned(), "1".to_owned()), "{stage:?}");
        assert_eq!(stage.saved(), 1, "a save is lost");
        assert!(!one.has_same_instance(other), "{stage:?}");
    });
}

/// Long enough to lock, add and check on a busy machine, and short enough to wait for.
const SHORT: Duration = Duration::from_secs(4);

/// What one player, who has checked its lock, is told when it saves after the other one has saved, if that one could get in; and what is saved then.
fn act_after_check(stage: &Stage, end: &str, one: &mut Remote, other: &mut Remote) -> (String, u32) {
    open(one, other);
    assert_eq!(one.does("lock add check"), "ok", "{stage:?}");
    // Time ends the lock of one, or another clears it.
    if end == "clear" {
        other.does(end)
    } else {
        one.does(end)
    };
    // Threads of one process exclude one another as long as there is a guard, whatever becomes of the lease.
    let gets_in = stage.kind == Kind::Processes || stage.manner == Manner::Naive;
    if gets_in {
        assert_eq!(other.does("lock add add add write"), "saved", "{stage:?}");
    } else {
        assert_eq!(other.does("try"), "busy", "{stage:?}");
    }
    let told = one.does("write");
    if !gets_in {
        assert_eq!(other.does("lock add add add write"), "saved", "{stage:?}");
    }
    (told, stage.saved())
}

#[test]
fn a_ttl_that_ends_in_the_middle() {
    on_each_stage(Manner::Logscope, SHORT, |stage, one, other| {
        assert_eq!(act_after_check(stage, "expire", one, other), ("lost, and has 1".to_owned(), 3), "{stage:?}");
    });
}

#[test]
fn a_ttl_that_ends_between_the_check_and_the_act_of_a_naive_program_loses_a_save() {
    on_each_stage(Manner::Naive, SHORT, |stage, one, other| {
        let (told, saved) = act_after_check(stage, "expire", one, other);
        assert_eq!(told, "saved", "{stage:?}");
        assert_ne!(saved, 4, "both were told that they have saved");
    });
}

#[test]
fn locks_cleared_under_an_active_operation() {
    on_each_stage(Manner::Logscope, LONG, |stage, one, other| {
        assert_eq!(act_after_check(stage, "clear", one, other), ("lost, and has 1".to_owned(), 3), "{stage:?}");
    });
}

#[test]
fn locks_cleared_between_the_check_and_the_act_of_a_naive_program_lose_a_save() {
    on_each_stage(Manner::Naive, LONG, |stage, one, other| {
        let (told, saved) = act_after_check(stage, "clear", one, other);
        assert_eq!(told, "saved", "{stage:?}");
        assert_ne!(saved, 4, "both were told that they have saved");
    });
}

/// One player's lock is cleared, and the other one has the lock now, under another token. Then the first one gives up what it takes for its own.
/// Returns whether a third one gets in, and whether the second one still has the lock.
fn release_by_another_token(stage: &Stage, one: &mut Remote, other: &mut Remote) -> (String, String) {
    let mut third = stage.player("player");
    open(one, other);
    third.does("open");
    assert_eq!(one.does("lock check"), "ok");
    assert_eq!(third.does("clear"), if stage.manner == Manner::Naive { "left" } else { "cleared" });
    if stage.kind == Kind::Processes || stage.manner == Manner::Naive {
        assert_eq!(other.does("lock"), "locked");
        one.does("leave");
    } else {
        // Threads of one process get in when the guard is gone, so the two are one step here.
        other.tell("lock");
        one.does("leave");
        assert_eq!(other.answer_to("lock"), "locked");
    }
    let third_gets = third.does("try");
    (third_gets, other.does("check"))
}

#[test]
fn a_token_mismatch() {
    on_each_stage(Manner::Logscope, LONG, |stage, one, other| {
        assert_eq!(release_by_another_token(stage, one, other), ("busy".to_owned(), "ok".to_owned()), "{stage:?}");
        assert_eq!(other.does("add write"), "saved");
    });
}

#[test]
fn a_token_mismatch_goes_unnoticed_by_a_naive_program() {
    on_each_stage(Manner::Naive, LONG, |stage, one, other| {
        let (third_gets, _) = release_by_another_token(stage, one, other);
        assert_eq!(third_gets, "locked", "while another has it: {stage:?}");
    });
}
