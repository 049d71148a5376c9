use super::*;

#[test]
fn a_manual_clock_moves_only_when_it_is_advanced() {
    let clock = ManualClock::new();
    let origin = Clock::from(&clock).origin();
    assert_eq!(origin.elapsed_at(clock.now()), Duration::ZERO);
    clock.clone().advance(Duration::from_nanos(7));
    clock.advance(Duration::from_secs(3));
    assert_eq!(origin.elapsed_at(clock.now()), Duration::new(3, 7));
    assert_eq!(clock.wall().duration_since(origin.wall()).unwrap(), Duration::new(3, 7));
}

#[test]
fn a_clock_that_panics_or_asks_for_the_time_gets_the_time_of_the_system() {
    struct Odd(bool, Arc<std::sync::OnceLock<Clock>>);
    impl TimeSource for Odd {
        fn now(&self) -> Instant {
            assert!(!self.0, "a clock panics");
            self.1.get().map_or_else(Instant::now, Clock::now)
        }
        fn wall(&self) -> SystemTime {
            assert!(!self.0, "a clock panics");
            SystemTime::UNIX_EPOCH
        }
    }
    let panics = Clock::custom(Odd(true, Arc::default()));
    let before = Instant::now();
    assert!(panics.now() >= before && panics.wall() > SystemTime::UNIX_EPOCH);
    let itself = Arc::default();
    let clock = Clock::custom(Odd(false, Arc::clone(&itself)));
    assert!(itself.set(clock.clone()).is_ok());
    assert!(clock.now() >= before);
    assert_eq!(clock.wall(), SystemTime::UNIX_EPOCH, "it is asked again");
    assert!(clock.is_same(&clock.clone()) && !clock.is_same(&panics));
}

#[test]
fn elapsed_time_before_the_origin_is_zero_and_an_advance_saturates() {
    let clock = ManualClock::new();
    let earlier = clock.now();
    clock.advance(Duration::from_secs(1));
    assert_eq!(Clock::from(&clock).origin().elapsed_at(earlier), Duration::ZERO);
    clock.advance(Duration::MAX);
    assert_eq!(clock.advanced(), Duration::from_nanos(u64::MAX));
    let _ = clock.now();
}

/// Adds to another clock.
struct Skewed(Clock, Duration);

impl TimeSource for Skewed {
    fn now(&self) -> Instant {
        self.0.now() + self.1
    }

    fn wall(&self) -> SystemTime {
        self.0.wall() + self.1
    }
}

#[test]
fn a_clock_may_ask_other_clocks() {
    let manual = ManualClock::at(Origin::from_parts(Instant::now(), SystemTime::UNIX_EPOCH));
    let start = Clock::from(&manual).origin();
    let mut clock = Clock::from(&manual);
    for deep in 1..=8 {
        clock = Clock::custom(Skewed(clock, Duration::from_secs(1)));
        assert_eq!(clock.now(), start.instant() + Duration::from_secs(deep));
        assert_eq!(clock.wall(), start.wall() + Duration::from_secs(deep));
    }
}

/// Asks the clock that it is given.
struct Asks(Arc<std::sync::OnceLock<Clock>>);

impl TimeSource for Asks {
    fn now(&self) -> Instant {
        self.0.get().map_or_else(Instant::now, Clock::now)
    }

    fn wall(&self) -> SystemTime {
        self.0.get().map_or(SystemTime::UNIX_EPOCH, Clock::wall)
    }
}

#[test]
fn clocks_that_ask_one_another_get_the_time_of_the_system_in_the_end() {
    let first = Arc::default();
    let mut clock = Clock::custom(Asks(Arc::clone(&first)));
    // More than are kept count of.
    for _ in 0..20 {
        clock = Clock::custom(Skewed(clock, Duration::from_secs(1)));
    }
    first.set(clock.clone()).unwrap();
    let before = Instant::now();
    assert!(clock.now() > before);
    assert!(clock.wall() > SystemTime::UNIX_EPOCH + Duration::from_secs(60));
}

#[test]
fn debug_shows_which_clock_it_is() {
    struct Fixed(Instant);
    impl TimeSource for Fixed {
        fn now(&self) -> Instant {
            self.0
        }
        fn wall(&self) -> SystemTime {
            SystemTime::UNIX_EPOCH
        }
    }
    assert_eq!(format!("{:?}", Clock::system()), "Clock(System)");
    assert_eq!(format!("{:?}", Clock::custom(Fixed(Instant::now()))), "Clock(Custom(CustomClock { .. }))");
    let manual = format!("{:?}", Clock::from(ManualClock::new()));
    assert!(manual.starts_with("Clock(Manual(ManualClock {") && manual.contains("advanced: 0ns"), "{manual}");
}
