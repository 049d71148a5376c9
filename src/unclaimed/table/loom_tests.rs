//! Models of `table`: two threads meet in a place, while a third reads or tells the counts.

use loom::thread;

use super::test_support::{label, place, total};
use super::*;
use crate::sync::Arc;

/// Two threads count events, the first of both in the same place.
fn threads_meet_in_a_place(count: fn(&Table, &RecordMetadata<'_>, u64)) {
    loom::model(move || {
        let table = Arc::new(Table::with_sites(2));
        // The stand-in of loom's cells makes its number at the first use, which loom must see before the threads start.
        assert_eq!(table.sites().count(), 0);
        let other = Arc::clone(&table);
        let counts = thread::spawn(move || {
            count(&other, &place("app", 1), 2);
            count(&other, &place("app", 2), 2);
        });
        count(&table, &place("app", 1), 1);
        counts.join().unwrap();
        assert_eq!(total(&table), 3, "an event is lost");
        assert_eq!(table.sites().count(), 2, "a place is there twice");
    });
}

#[test]
fn loom_threads_that_meet_in_a_place_share_it() {
    threads_meet_in_a_place(|table, place, thread| table.count(place, thread, false, label));
}

/// The slot is not looked at again after it was set: the events of the thread that was slower are in a place that nobody reads.
#[test]
#[should_panic(expected = "an event is lost")]
fn loom_a_place_that_is_not_looked_at_again_loses_events() {
    threads_meet_in_a_place(|table, place, thread| {
        let slot = table.sites.iter().find(|slot| slot.get().is_none_or(|site| site.is_of(place))).unwrap();
        match slot.get() {
            Some(site) => site.count(thread, label),
            None => {
                let site = Box::new(Site::of(place).unwrap());
                site.count(thread, label);
                let _ = slot.set(site);
            }
        }
    });
}

/// A thread counts its first event while another reads.
fn a_first_event_is_read(count: fn(&Site)) {
    loom::model(move || {
        let site = Arc::new(Site::of(&place("app", 1)).unwrap());
        assert!(site.threads.iter().all(|slot| slot.label.get().is_none()));
        let counted = Arc::clone(&site);
        let counts = thread::spawn(move || count(&counted));
        site.each_count(|count, label| assert!(count.get() == 0 || label.is_some(), "a thread has no label"));
        counts.join().unwrap();
    });
}

#[test]
fn loom_who_sees_a_count_sees_its_label() {
    a_first_event_is_read(|site| site.count(1, label));
}

#[test]
#[should_panic(expected = "a thread has no label")]
fn loom_a_count_that_releases_nothing_has_no_label() {
    a_first_event_is_read(|site| {
        let slot = &site.threads[1];
        let _ = slot.claim(1, label);
        slot.count.count.fetch_add(1, Ordering::Relaxed);
    });
}

/// An event is counted while two threads tell of the count.
fn two_threads_tell(take: fn(&Count) -> u64) {
    loom::model(move || {
        let count = Arc::new(Count::default());
        count.add();
        let (adding, telling) = (Arc::clone(&count), Arc::clone(&count));
        let adds = thread::spawn(move || adding.add());
        let tells = thread::spawn(move || take(&telling));
        let mut told = take(&count);
        adds.join().unwrap();
        told += tells.join().unwrap();
        assert_eq!(told + take(&count), 2, "an event is not told once");
    });
}

#[test]
fn loom_each_event_is_told_once() {
    two_threads_tell(Count::take_untold);
}

#[test]
#[should_panic(expected = "an event is not told once")]
fn loom_a_swap_tells_an_event_twice() {
    two_threads_tell(|count| {
        let now = count.get();
        now.saturating_sub(count.told.swap(now, Ordering::Relaxed))
    });
}

/// An event is counted while a thread tells. Either that thread tells of it, or it is still marked as untold.
fn an_event_is_not_forgotten(begin_telling: fn(&Table)) {
    loom::model(move || {
        let table = Arc::new(Table::with_sites(1));
        assert_eq!(table.sites().count(), 0);
        table.count(&place("app", 1), 1, true, label);
        let counting = Arc::clone(&table);
        let counts = thread::spawn(move || counting.count(&place("app", 2), 2, true, label));
        begin_telling(&table);
        let told = table.unlisted_to_tell.take_untold();
        counts.join().unwrap();
        assert!(told == 1 || table.is_untold(), "an event is never told");
    });
}

#[test]
fn loom_an_event_that_is_not_told_is_marked() {
    an_event_is_not_forgotten(Table::begin_telling);
}

#[test]
#[should_panic(expected = "an event is never told")]
fn loom_a_mark_that_acquires_nothing_forgets_an_event() {
    an_event_is_not_forgotten(|table| {
        table.is_untold.swap(false, Ordering::Relaxed);
    });
}
