//! Ports that nobody else gets.

#![cfg(all(unix, feature = "testing"))]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

use std::collections::BTreeSet;
use std::fs;
use std::net::{Ipv6Addr, TcpListener, UdpSocket};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use logscope::ErrorKind;
use logscope::testing::{Ports, child, free_port, in_child, run_together, wait_until};

const DEADLINE: Duration = Duration::from_secs(120);

/// The ports that the system gives to clients.
fn outgoing() -> std::ops::RangeInclusive<u16> {
    let text =
        fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap_or_else(|_| "49152 65535".to_owned());
    let mut ends = text.split_whitespace().map(|end| end.parse().unwrap());
    ends.next().unwrap()..=ends.next().unwrap()
}

/// All are held at the same time, by 8 processes with 5 threads each.
#[test]
fn a_thousand_ports_of_eight_processes_are_all_different() {
    in_child("taker", |folder: &Path| {
        let ports = run_together(5, |_| (0..25).map(|_| free_port()).collect::<Vec<_>>());
        let text: String = ports.iter().flatten().map(|port| format!("{port}\n")).collect();
        fs::write(folder.join("part"), text).unwrap();
        fs::rename(folder.join("part"), folder.join("ports")).unwrap();
        // Held until all others have theirs.
        std::io::stdin().read_line(&mut String::new()).unwrap();
    });
    let start = |_| child().role("taker").stdin(Stdio::piped()).start();
    let mut takers: Vec<_> = (0..8).map(start).collect();
    let mut ports = Vec::new();
    for taker in &takers {
        let path = taker.folder().join("ports");
        let text = wait_until(DEADLINE, || fs::read_to_string(&path)).unwrap();
        ports.extend(text.lines().map(|port| port.parse::<u16>().unwrap()));
    }
    takers.iter_mut().for_each(|taker| drop(taker.process().stdin.take()));
    takers.into_iter().for_each(|taker| drop(taker.wait()));
    assert_eq!(ports.len(), 1_000);
    assert_eq!(ports.iter().collect::<BTreeSet<_>>().len(), 1_000, "a port was given twice");
    let is_right = |port: &u16| (15_000..=25_000).contains(port) && !outgoing().contains(port);
    assert!(ports.iter().all(is_right), "{ports:?}");
}

#[test]
fn a_preferred_port_comes_first_and_only_if_it_is_free() {
    // Three that are free now, which nobody else takes while they are held.
    let [free, by_tcp, by_udp] = [(); 3].map(|()| free_port());
    let ports = [free.number(), by_tcp.number(), by_udp.number()];
    let prefer = |port| Ports::new().prefer(port).take().unwrap().number();
    assert_ne!(prefer(ports[0]), ports[0], "it is held");
    drop((free, by_tcp, by_udp));
    let _listener = TcpListener::bind(("127.0.0.1", ports[1])).unwrap();
    let _socket = UdpSocket::bind(("127.0.0.1", ports[2])).unwrap();
    assert_ne!(prefer(ports[1]), ports[1], "somebody listens there");
    assert_ne!(prefer(ports[2]), ports[2], "somebody has it for UDP");
}

#[test]
fn a_preferred_port_is_taken_if_it_is_free_and_zero_is_none() {
    // In another range than that of all others. Another run of this test may take it in between, but not always.
    let is_taken = (0..20).any(|_| {
        let preferred = Ports::new().range(14_300..=14_399).take().unwrap().number();
        Ports::new().prefer(preferred).take().unwrap().number() == preferred
    });
    assert!(is_taken);
    assert_ne!(Ports::new().prefer(0).take().unwrap().number(), 0);
}

#[test]
fn a_port_that_is_taken_on_ipv6_only_is_not_free() {
    let port = free_port();
    let number = port.number();
    let Ok(_listener) = TcpListener::bind((Ipv6Addr::LOCALHOST, number)) else {
        println!("SKIPPED: this machine has no IPv6");
        return;
    };
    drop(port);
    assert_ne!(Ports::new().prefer(number).take().unwrap().number(), number);
}

#[test]
fn a_port_can_be_used_again_when_it_is_dropped_and_by_its_holder_at_any_time() {
    let port = free_port();
    for _ in 0..3 {
        drop(TcpListener::bind(("127.0.0.1", port.number())).unwrap());
    }
    let number = port.number();
    drop(port);
    // Another process may have it for a moment, which looks at it or has taken it.
    wait_until(DEADLINE, || Ports::new().prefer(number).take().unwrap().number() == number).unwrap();
}

#[test]
fn a_range_is_kept_to_and_one_without_a_free_port_is_an_error() {
    let port = Ports::new().range(14_100..=14_199).take().unwrap();
    assert!((14_100..=14_199).contains(&port.number()));
    let only = port.number()..=port.number();
    let error = Ports::new().range(only).take().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Open);
    assert!(error.to_string().contains("is free"), "{error}");
    let (first, last) = outgoing().into_inner();
    assert!(Ports::new().range(first..=last).take().is_err(), "a client could get it");
    #[expect(clippy::reversed_empty_ranges, reason = "it is what is tested")]
    let empty = Ports::new().range(14_199..=14_100).take();
    assert!(empty.is_err());
}

#[test]
fn the_environment_sets_the_range() {
    let take = || Ports::new().take().map(|port| port.to_string());
    let ended = child().env("LOGSCOPE_TEST_PORTS", "14200-14299").run(take);
    assert!((14_200..=14_299).contains(&ended.report.unwrap().parse().unwrap()));
    let ended = child().env("LOGSCOPE_TEST_PORTS", "some").run(|| format!("{:?}", take().unwrap_err()));
    assert!(ended.report.unwrap().contains("LOGSCOPE_TEST_PORTS is \"some\", and should be like 20000-20999"));
}
