//! All interleavings of few threads at the queue, checked by loom.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use loom::future::block_on;
use loom::thread;

use super::*;

/// A backend with one place, and its queue.
#[derive(Default)]
struct Backend {
    in_flight: AtomicU64,
    queue: Queue,
}

impl Backend {
    fn claim(&self) -> bool {
        self.in_flight.compare_exchange(0, 1, SeqCst, SeqCst).is_ok()
    }

    fn release(&self) {
        self.in_flight.fetch_sub(1, SeqCst);
        self.queue.wake();
    }

    /// Waits as a request does; hangs if it isn't woken for a place that is free.
    fn wait(&self) {
        let place = self.queue.join(u64::MAX).expect("there is room");
        block_on(poll_fn(
            |cx| if place.is_first(cx) && self.claim() { Poll::Ready(()) } else { Poll::Pending },
        ));
    }
}

/// Runs a model with this many switches at most away from a thread that could continue.
fn check(preemptions: usize, model: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(preemptions);
    builder.check(model);
}

#[test]
fn a_freed_place_and_a_request_that_starts_to_wait_do_not_miss_each_other() {
    check(5, || {
        let backend = Arc::new(Backend::default());
        assert!(backend.claim());
        let waiter = thread::spawn({
            let backend = Arc::clone(&backend);
            move || backend.wait()
        });
        backend.release();
        waiter.join().expect("it was served");
        assert!(backend.queue.is_empty());
    });
}

#[test]
fn leaving_the_queue_passes_the_turn_on() {
    check(2, || {
        let backend = Arc::new(Backend::default());
        assert!(backend.claim());
        let waiters = [(); 2].map(|()| {
            let backend = Arc::clone(&backend);
            thread::spawn(move || {
                backend.wait();
                backend.release();
            })
        });
        backend.release();
        for waiter in waiters {
            waiter.join().expect("it was served");
        }
        assert!(backend.queue.is_empty() && backend.claim());
    });
}

#[test]
fn who_gives_up_does_not_take_the_turn_with_it() {
    check(2, || {
        let backend = Arc::new(Backend::default());
        assert!(backend.claim());
        let gives_up = thread::spawn({
            let backend = Arc::clone(&backend);
            move || {
                let place = backend.queue.join(u64::MAX).expect("there is room");
                let _ = place.is_first(&Context::from_waker(Waker::noop()));
            }
        });
        let waiter = thread::spawn({
            let backend = Arc::clone(&backend);
            move || backend.wait()
        });
        backend.release();
        gives_up.join().expect("it has left");
        waiter.join().expect("it was served");
    });
}
