//! All interleavings of a worker and the supervisor at a mailbox, checked by loom.

use std::sync::Arc;

use loom::thread;

use super::*;

#[test]
fn every_delivery_is_collected_once_and_the_last_one_last() {
    loom::model(|| {
        let mailbox = Arc::new(Mailbox::default());
        let supervisor = thread::spawn({
            let mailbox = Arc::clone(&mailbox);
            move || [1, 2].map(|delivery| mailbox.deliver(delivery))
        });
        let mut collected: Vec<u32> = [(); 2].into_iter().filter_map(|()| mailbox.collect()).collect();
        let [none, uncollected] = supervisor.join().expect("it has delivered both");
        // What one call has missed because the lock was held, the next one finds.
        collected.extend(mailbox.collect());
        assert_eq!(mailbox.collect(), None);
        assert_eq!(none, None);
        match uncollected {
            Some(first) => assert_eq!((first, collected), (1, vec![2])),
            None => assert_eq!(collected, [1, 2]),
        }
    });
}

#[test]
fn two_suppliers_lose_nothing() {
    loom::model(|| {
        let mailbox = Arc::new(Mailbox::default());
        let rebuild = thread::spawn({
            let mailbox = Arc::clone(&mailbox);
            move || mailbox.deliver(1)
        });
        let early = mailbox.collect();
        let before = mailbox.deliver(2);
        let other = rebuild.join().expect("it has delivered");
        let mut all: Vec<u32> = [early, before, other, mailbox.collect()].into_iter().flatten().collect();
        all.sort_unstable();
        assert_eq!(all, [1, 2]);
    });
}
