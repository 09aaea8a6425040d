//! A host that answers garbage to everything, which the SDK must survive.

use crate::imports::Imports;
use crate::instance::Slot;
use crate::link::with_host;
use crate::prelude::*;
use std::cell::Cell;
use std::collections::BTreeMap;
use std::rc::Rc;

/// Rounds of the random test. Replay one with its seed, which a failure prints.
const ROUNDS: u64 = 400;

/// Lengths and counts that have broken guests elsewhere. `None` stands for a random number.
const ANSWERS: [Option<i32>; 14] = [
    None,
    Some(i32::MIN),
    Some(-1),
    Some(0),
    Some(1),
    Some(4),
    Some(6),
    Some(7),
    Some(127),
    Some(128),
    Some(129),
    Some(65_536),
    Some(65_537),
    Some(i32::MAX),
];

struct Hostile {
    state: Cell<u64>,
}

impl Hostile {
    fn bits(&self) -> u64 {
        // xorshift64*: its state must not be 0.
        let mut x = self.state.get();
        x ^= x >> 12;
        x ^= x << 25;
        x ^= x >> 27;
        self.state.set(x);
        x.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn answer(&self) -> i32 {
        ANSWERS[self.bits() as usize % ANSWERS.len()].unwrap_or_else(|| self.bits() as i32)
    }

    fn scribble<T>(&self, buf: &mut [T], make: impl Fn(u64) -> T) -> i32 {
        buf.fill_with(|| make(self.bits()));
        // Often an answer that looks right, so that the garbage is read.
        if self.bits().is_multiple_of(2) { size_of_val(buf) as i32 } else { self.answer() }
    }
}

impl Imports for Hostile {
    fn config(&self, buf: &mut [u8]) -> i32 {
        // Mostly a table that reads, so that the policy starts and meets the rest.
        if self.bits().is_multiple_of(4) {
            return self.scribble(buf, |bits| bits as u8);
        }
        buf[..2].copy_from_slice(b"{}");
        2
    }
    fn fail(&self, _: &str) {}
    fn state(&self, _: &str) {}
    fn backend_count(&self) -> i32 {
        self.answer()
    }
    fn backend_text(&self, _: i32, _: i32, buf: &mut [u8]) -> i32 {
        self.scribble(buf, |bits| bits as u8)
    }
    fn backend_label(&self, _: i32, _: &str, buf: &mut [u8]) -> i32 {
        self.scribble(buf, |bits| bits as u8)
    }
    fn weight(&self, _: i32) -> i32 {
        self.answer()
    }
    fn weights(&self, buf: &mut [u32]) -> i32 {
        self.scribble(buf, |bits| bits as u32)
    }
    fn configured_weight(&self, _: i32) -> i32 {
        self.answer()
    }
    fn flags(&self, _: i32) -> i32 {
        self.answer()
    }
    fn all_flags(&self, buf: &mut [Flags]) -> i32 {
        self.scribble(buf, |bits| Flags::from_bits(bits as u32))
    }
    fn stat(&self, _: i32, _: i32) -> i64 {
        self.bits().cast_signed()
    }
    fn stats(&self, _: i32, buf: &mut [u64]) -> i32 {
        self.scribble(buf, |bits| bits)
    }
    fn request_text(&self, _: i32, buf: &mut [u8]) -> i32 {
        self.scribble(buf, |bits| bits as u8)
    }
    fn header(&self, _: &str, buf: &mut [u8]) -> i32 {
        self.scribble(buf, |bits| bits as u8)
    }
    fn client_ip(&self, buf: &mut [u8; 16]) -> i32 {
        self.scribble(buf, |bits| bits as u8);
        self.answer()
    }
    fn hash(&self, _: i32, _: &str) -> i64 {
        i64::from(self.answer())
    }
    fn attempt(&self) -> i32 {
        self.answer()
    }
    fn tried(&self, _: i32) -> i32 {
        self.answer()
    }
    fn cell_get(&self, _: i32, _: i32, _: i32) -> i64 {
        self.bits().cast_signed()
    }
    fn cell_set(&self, _: i32, _: i32, _: i32, _: i64) {}
    fn cell_add(&self, _: i32, _: i32, _: i32, _: i64) -> i64 {
        self.bits().cast_signed()
    }
    fn cell_cas(&self, _: i32, _: i32, _: i32, _: i64, _: i64) -> i64 {
        self.bits().cast_signed()
    }
    fn now_us(&self) -> i64 {
        self.bits().cast_signed()
    }
    fn random(&self) -> i64 {
        self.bits().cast_signed()
    }
    fn log(&self, _: i32, _: &str) {}
    fn tick_every(&self, _: i32) {}
}

/// Calls everything that the SDK has.
struct Curious {
    weights: Vec<u32>,
    flags: Vec<Flags>,
    loads: Vec<u64>,
}

impl Policy for Curious {
    type Config = Option<BTreeMap<String, u32>>;
    const STATE: &'static str = "curious.1";

    fn new(_: Self::Config, backends: &Backends) -> Result<Self, Error> {
        let mut policy = Self { weights: Vec::new(), flags: Vec::new(), loads: Vec::new() };
        policy.topology(backends);
        tick_every(std::time::Duration::MAX);
        Ok(policy)
    }

    fn topology(&mut self, backends: &Backends) {
        backends.weights(&mut self.weights);
        backends.flags_column(&mut self.flags);
        log::info(format_args!("{:?} {:?}", backends.indexes(), backends.is_empty()));
        for index in [0, 1, usize::MAX] {
            let texts = (
                backends.name(index),
                backends.address(index),
                backends.zone(index),
                backends.label(index, "x"),
            );
            let numbers = (backends.weight(index), backends.configured_weight(index), backends.flags(index));
            log::debug(format_args!("{texts:?} {numbers:?} {}", backends.stat(Stat::Queued, index)));
            cells::backend(index, index).update_f64(|value| value + 1.0);
        }
    }

    fn pick(&mut self, request: &Request, backends: &Backends) -> Verdict {
        backends.stats(Stat::InFlight, &mut self.loads);
        log::warn(request.method() + &request.scheme() + &request.authority() + &request.path());
        log::warn(request.protocol());
        log::warn(request.route().unwrap_or_default());
        log::error(format_args!("{:?} {:?} {:?}", request.query(), request.header("x"), request.client_ip()));
        for key in
            [HashKey::ClientIp, HashKey::Header("a"), HashKey::Cookie(""), HashKey::Path, HashKey::Query("é")]
        {
            cells::pool(0).add(request.hash(key).map_or(0, |hash| hash.get().cast_signed()));
        }
        let _ = cells::pool(usize::MAX).cas(0, now_us().cast_signed());
        let index = random_below(backends.len());
        if request.tried(index) { Verdict::Reject(request.attempt() as u16) } else { Verdict::Backend(index) }
    }
}

impl Observe for Curious {
    fn observe(&mut self, response: &Response, backends: &Backends) {
        log::info(format_args!(
            "{response:?} {:?} {}",
            response.request(),
            backends.eligible(response.backend)
        ));
    }
}

#[test]
fn no_answer_of_the_host_makes_the_sdk_panic() {
    let started = Cell::new(0);
    for seed in 1..=ROUNDS {
        println!("seed {seed}");
        let host = Rc::new(Hostile { state: Cell::new(seed) });
        with_host(host.clone(), || {
            let slot = Slot::<Curious>::empty();
            started.set(started.get() + i32::from(slot.init() == 0));
            slot.topology();
            assert!(Verdict::unpack(slot.pick()).is_some());
            slot.observe(host.answer(), host.answer(), host.answer(), host.stat(0, 0), host.stat(0, 0));
            slot.tick();
        });
    }
    assert!(started.get() > ROUNDS as i32 / 2, "only {} policies started", started.get());
}
