//! Leases in a real Redis server: under load, over restarts, with cut connections and lost answers.

#![cfg(all(feature = "redis", feature = "testing"))]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

#[path = "common/child.rs"]
mod child;
mod common;
#[path = "common/contenders.rs"]
mod contenders;
#[path = "common/in_time.rs"]
mod in_time;
#[path = "common/redis.rs"]
mod redis;

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use child::in_child;
use common::{DEADLINE, block_on};
use contenders::{assert_no_number_twice, contender};
use in_time::acquire_in_time;
use logscope::store::{Lease, LeaseBackend as _, LeaseClaim, RedisLeases, RedisOptions};
use logscope::testing::run_together;
use redis::{Server, Wire, server};

const LONG: Duration = Duration::from_secs(120);

fn leases(url: &str) -> RedisLeases {
    RedisLeases::connect(url, RedisOptions::new().timeout(Duration::from_secs(10))).unwrap()
}

fn lease(server: &Server, name: &str) -> Lease {
    Lease::new(leases(&server.url()), name).ttl(LONG)
}

#[test]
fn fifty_clients_at_once_are_never_two_owners() {
    let Some(server) = server() else { return };
    let (inside, overlaps) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let fences = Mutex::new(Vec::new());
    let clients: Vec<Lease> = (0..50).map(|_| lease(&server, "fifty")).collect();
    run_together(clients.len(), |client| {
        for round in 0..6 {
            let guard = if (client + round) % 2 == 0 {
                clients[client].acquire(DEADLINE).unwrap()
            } else {
                block_on(clients[client].acquire_async(DEADLINE)).unwrap()
            };
            overlaps.fetch_add(inside.fetch_add(1, Ordering::SeqCst), Ordering::SeqCst);
            fences.lock().unwrap().push(guard.fence());
            thread::yield_now();
            inside.fetch_sub(1, Ordering::SeqCst);
            guard.release().unwrap();
        }
    });
    let fences = fences.into_inner().unwrap();
    assert_eq!((overlaps.into_inner(), fences.len()), (0, 300));
    assert!(fences.is_sorted_by(|before, after| before < after), "{fences:?}");
}

/// The lease ends by itself while the server and the machine are busy. Who outlives it learns that, and whoever guards the result by the fencing number
/// takes nothing from a holder whose time was over.
#[test]
fn an_expiry_under_load_is_told_to_whom_it_befalls() {
    let Some(server) = server() else { return };
    let (is_over, lost, kept, highest) = (AtomicBool::new(false), AtomicU64::new(0), AtomicU64::new(0), Mutex::new(0));
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while !is_over.load(Ordering::Relaxed) {
                    server.command(&["SET", "load", "load"]);
                }
            });
        }
        let contenders: Vec<_> = (0..6)
            .map(|contender: u64| {
                let (server, lost, kept, highest) = (&server, &lost, &kept, &highest);
                scope.spawn(move || {
                    let lease = lease(server, "load").ttl(Duration::from_millis(100)).silent(true);
                    for round in 0..6 {
                        let guard = acquire_in_time(&lease, DEADLINE);
                        if (contender + round).is_multiple_of(3) {
                            // Stands still for longer than the TTL.
                            thread::sleep(Duration::from_millis(150));
                            assert!(guard.remaining().is_zero());
                            assert!(guard.renew().unwrap_err().is_lease_lost());
                        }
                        let verified = guard.verify();
                        {
                            // What a resource does: it takes nothing with a lower number than it has seen.
                            let mut highest = highest.lock().unwrap();
                            let is_taken = guard.fence() > *highest;
                            *highest = guard.fence().max(*highest);
                            assert!(
                                is_taken || verified.is_err() || guard.remaining().is_zero(),
                                "{guard:?} {highest}"
                            );
                        }
                        match guard.release() {
                            Ok(()) => kept.fetch_add(1, Ordering::Relaxed),
                            Err(error) => {
                                assert!(error.is_lease_lost(), "{error:?}");
                                lost.fetch_add(1, Ordering::Relaxed)
                            }
                        };
                    }
                })
            })
            .collect();
        contenders.into_iter().for_each(|contender| contender.join().unwrap());
        is_over.store(true, Ordering::Relaxed);
    });
    let (lost, kept) = (lost.into_inner(), kept.into_inner());
    assert_eq!(lost + kept, 36);
    assert!(lost >= 12, "{lost} lost, {kept} kept");
}

#[test]
fn a_server_that_stops_is_a_clear_error_and_one_that_lost_its_data_gives_higher_numbers() {
    let Some(mut server) = server() else { return };
    let uno = lease(&server, "uno").owner("the first");
    let old = uno.try_acquire().unwrap().unwrap();
    server.stop();
    for error in [old.renew().unwrap_err(), old.verify().unwrap_err(), uno.acquire(DEADLINE).unwrap_err()] {
        assert!(error.is_unreachable(), "{error:?}");
        assert!(error.to_string().contains("the Redis server at 127.0.0.1:"), "{error}");
    }
    assert!(!old.remaining().is_zero(), "it may still be held");

    server.start_again();
    // The server has lost its data.
    let lost = old.verify().unwrap_err();
    assert!(lost.is_lease_lost() && lost.to_string().contains("or its backend lost its data"), "{lost}");
    let new = uno.try_acquire().unwrap().unwrap();
    assert!(new.fence() > old.fence(), "{new:?} after {old:?}");
    assert!(old.release().unwrap_err().is_lease_lost());
    new.verify().unwrap();
    new.release().unwrap();
    for _ in 0..3 {
        let before = uno.try_acquire().unwrap().unwrap().fence();
        server.stop();
        server.start_again();
        assert!(uno.try_acquire().unwrap().unwrap().fence() > before);
    }
}

#[test]
fn a_time_that_is_over_while_the_server_is_gone_is_lost_without_it() {
    let Some(mut server) = server() else { return };
    let guard = acquire_in_time(&lease(&server, "uno").ttl(Duration::from_millis(300)).silent(true), DEADLINE);
    server.stop();
    let start = Instant::now();
    while !guard.remaining().is_zero() {
        assert!(start.elapsed() < DEADLINE);
        thread::sleep(guard.remaining());
    }
    assert!(guard.verify().unwrap_err().is_lease_lost());
    assert!(guard.release().unwrap_err().is_lease_lost());
}

/// The clock of the server may be faster than that of the holder.
#[test]
fn the_server_keeps_a_lease_a_tenth_longer_than_its_holder_counts() {
    let Some(server) = server() else { return };
    let left = || server.command(&["PTTL", "logscope:lease:uno"]).trim_start_matches(':').parse::<u64>().unwrap();
    let ttl = Duration::from_secs(1_000);
    let guard = lease(&server, "uno").ttl(ttl).acquire(DEADLINE).unwrap();
    assert!((1_040_000..=1_100_000).contains(&left()), "{}", left());
    server.command(&["PEXPIRE", "logscope:lease:uno", "900000"]);
    guard.renew().unwrap();
    assert!((1_040_000..=1_100_000).contains(&left()) && guard.remaining() <= ttl, "{} {guard:?}", left());
}

#[test]
fn a_cut_connection_is_made_anew() {
    let Some(server) = server() else { return };
    let wire = Wire::to(&server);
    let guard = Lease::new(leases(&wire.url()), "uno").ttl(LONG).acquire(DEADLINE).unwrap();
    for _ in 0..3 {
        wire.cut();
        guard.renew().unwrap();
        wire.cut();
        guard.verify().unwrap();
    }
    wire.cut();
    guard.release().unwrap();
    assert!(lease(&server, "uno").holder().unwrap().is_none());
}

#[test]
fn a_request_whose_answer_is_lost_is_known_again_when_it_is_repeated() {
    let Some(server) = server() else { return };
    let wire = Wire::to(&server);
    let uno = Lease::new(leases(&wire.url()), "uno").ttl(LONG);
    for _ in 0..3 {
        // A look passes, and the answer to the acquisition is lost.
        wire.lose_after(1, 1);
        let guard = uno.try_acquire().unwrap().unwrap();
        assert_eq!(uno.holder().unwrap().unwrap().fence, guard.fence());
        wire.lose_answers(1);
        guard.renew().unwrap();
        wire.lose_answers(1);
        guard.verify().unwrap();
        wire.lose_answers(1);
        guard.release().unwrap();
        assert!(uno.holder().unwrap().is_none());
        let guard = uno.try_acquire().unwrap().unwrap();
        wire.lose_after(1, 1);
        assert_eq!(uno.break_lease().unwrap().unwrap().token, guard.token());
        assert!(guard.release().unwrap_err().is_lease_lost());
    }
}

#[test]
fn a_request_whose_answers_are_all_lost_is_an_error_and_no_silent_success() {
    let Some(server) = server() else { return };
    let wire = Wire::to(&server);
    let uno = Lease::new(leases(&wire.url()), "uno").ttl(LONG);
    let guard = uno.acquire(DEADLINE).unwrap();
    let before = guard.remaining();
    wire.lose_answers(2);
    let error = guard.renew().unwrap_err();
    assert!(error.is_unreachable() && error.to_string().contains("is not known"), "{error}");
    assert!(guard.remaining() <= before, "it counts from the last renewal that is known");
    guard.verify().unwrap();
    wire.lose_answers(2);
    let error = guard.release().unwrap_err();
    assert!(error.is_unreachable(), "{error}");
    assert!(lease(&server, "uno").holder().unwrap().is_none(), "it was released all the same");
}

/// The server has given the lease to a client that never learns it. The client releases it by its token.
#[test]
fn an_acquisition_whose_answers_are_all_lost_leaves_nothing_behind() {
    let Some(server) = server() else { return };
    let wire = Wire::to(&server);
    let uno = Lease::new(leases(&wire.url()), "uno").ttl(LONG);
    drop(uno.holder().unwrap());
    let looks = wire.scripts();
    let observer = lease(&server, "uno");
    // One look passes; the acquisition and its repetition do not.
    wire.lose_after(1, 2);
    let lost = uno.try_acquire();
    assert!(lost.unwrap_err().is_unreachable());
    assert_eq!(wire.scripts() - looks, 4, "a look, an acquisition, its repetition, a release");
    assert!(observer.holder().unwrap().is_none());
    assert!(observer.try_acquire().unwrap().is_some());
}

/// It was under way for longer than its sender waited.
#[test]
fn an_acquisition_that_arrives_after_its_release_gets_nothing() {
    let Some(server) = server() else { return };
    let leases = leases(&server.url());
    let claim = |digit: &str| LeaseClaim {
        token: digit.repeat(32).parse().unwrap(),
        ttl: LONG,
        owner: String::new(),
        process: String::new(),
        since: std::time::SystemTime::now(),
    };
    let free = leases.observe("uno").unwrap();
    let (held, given_up, next) = (claim("a"), claim("b"), claim("c"));
    assert!(leases.acquire("uno", &free, &held).unwrap().is_some());
    assert!(leases.release("uno", &held).unwrap());
    assert_eq!(leases.acquire("uno", &free, &held).unwrap(), None);
    assert!(!leases.release("uno", &given_up).unwrap() && !leases.release("uno", &given_up).unwrap());
    assert_eq!(leases.acquire("uno", &free, &given_up).unwrap(), None);
    assert!(leases.acquire("uno", &free, &next).unwrap().is_some());
}

#[test]
fn a_user_that_is_refused_is_no_server_that_does_not_answer() {
    let Some(server) = server() else { return };
    server.command(&["CONFIG", "SET", "requirepass", "secret"]);
    let url = |user: &str| server.url().replace("redis://", &format!("redis://{user}"));
    for user in [":wrong@", "nobody:secret@", ""] {
        let error = RedisLeases::connect(url(user), RedisOptions::new()).unwrap_err();
        assert!(error.is_lock_failed() && error.to_string().contains("refused the user or the password"), "{error:#}");
        assert!(!format!("{error:#}").contains("secret"));
    }
    let leases = RedisLeases::connect(url(":secret@"), RedisOptions::new()).unwrap();
    drop(Lease::new(leases, "uno").try_acquire().unwrap().unwrap());
}

#[test]
fn a_server_that_takes_no_writes_has_answered() {
    let Some(server) = server() else { return };
    let lease = lease(&server, "uno");
    server.command(&["REPLICAOF", "127.0.0.1", "1"]);
    let error = lease.try_acquire().unwrap_err();
    assert!(error.is_unreachable() && error.to_string().contains("answered that it cannot do it now"), "{error:#}");
}

#[cfg(unix)]
#[test]
fn a_server_that_stands_still_is_an_error_after_the_timeout() {
    use rustix::process::Signal;

    let Some(server) = server() else { return };
    let timeout = Duration::from_secs(2);
    let leases = RedisLeases::connect(server.url(), RedisOptions::new().timeout(timeout)).unwrap();
    let guard = Lease::new(leases, "uno").ttl(LONG).acquire(DEADLINE).unwrap();
    server.signal(Signal::STOP);
    let start = Instant::now();
    let error = guard.renew().unwrap_err();
    assert!(error.is_unreachable() && start.elapsed() >= timeout, "{error:?}");
    server.signal(Signal::CONT);
    guard.renew().unwrap();
    guard.release().unwrap();
}

#[test]
fn a_key_of_somebody_else_and_a_wrong_url_are_clear_errors() {
    let Some(server) = server() else { return };
    server.command(&["SET", "logscope:lease:uno", "a value of somebody else"]);
    let error = lease(&server, "uno").holder().unwrap_err();
    assert!(error.to_string().contains("logscope:lease:uno"), "{error}");
    assert!(lease(&server, "uno").acquire(DEADLINE).is_err());
    assert_eq!(server.command(&["GET", "logscope:lease:uno"]), "$24", "it is left alone");
    let options = RedisOptions::new().prefix("other:");
    assert!(Lease::new(RedisLeases::connect(server.url(), options).unwrap(), "uno").try_acquire().unwrap().is_some());
    for url in ["", "redis", "http://localhost"] {
        let error = RedisLeases::connect(url, RedisOptions::new()).unwrap_err();
        assert!(error.to_string().contains("redis://127.0.0.1:6379/0"), "{error}");
    }
}

#[test]
fn an_owner_is_named_and_a_break_is_found() {
    let Some(server) = server() else { return };
    let uno = lease(&server, "uno").owner("nightly \"1\"\n");
    let guard = uno.try_acquire().unwrap().unwrap();
    let error = lease(&server, "uno").acquire(Duration::from_millis(20)).unwrap_err();
    assert!(error.is_timeout() && error.to_string().contains(": nightly \"1\" "), "{error}");
    let broken = lease(&server, "uno").break_lease().unwrap().unwrap();
    assert_eq!((broken.fence, broken.token), (guard.fence(), guard.token()));
    let error = guard.renew().unwrap_err();
    assert!(error.is_lease_lost() && error.to_string().contains("it was broken"), "{error}");
    assert!(lease(&server, "uno").break_lease().unwrap().is_none());
}

#[test]
fn contends() {
    in_child("contends", |_| contender(|_, url| Lease::new(leases(url), "uno")));
}

#[test]
fn contenders_that_are_killed_at_random_never_get_a_number_twice() {
    let Some(server) = server() else { return };
    let folder = tempfile::tempdir().unwrap();
    assert_no_number_twice(folder.path(), &server.url());
    lease(&server, "uno").acquire(DEADLINE).unwrap().release().unwrap();
}
