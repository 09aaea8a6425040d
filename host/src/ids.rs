//! Ids of requests and traces: random numbers of a worker, unique but not secret.

use std::cell::RefCell;
use std::io;

use bytes::Bytes;
use http::HeaderValue;
use rand::rngs::{SmallRng, SysRng};
use rand::{Rng as _, SeedableRng as _};

/// Digits of an id.
const DIGITS: usize = 32;

/// Ids that are made at a time, in one allocation: one of its own would be a quarter of what an id costs. An id in use keeps the memory of
/// all of them.
const AT_A_TIME: usize = 16;

/// A worker's source of ids: a fast generator of 256 bits of state, which the system seeds.
#[derive(Debug)]
pub struct IdGenerator {
    rng: RefCell<SmallRng>,
    /// Digits of ids that nobody has got yet.
    made: RefCell<Bytes>,
}

impl IdGenerator {
    /// A generator that no other one repeats.
    ///
    /// # Errors
    ///
    /// The system has no random numbers.
    pub fn new() -> io::Result<Self> {
        let seeded = SmallRng::try_from_rng(&mut SysRng);
        seeded.map(Self::with).map_err(io::Error::other)
    }

    /// A generator that always gives the same numbers for the same seed.
    #[cfg(any(test, feature = "fuzzing"))]
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        Self::with(SmallRng::seed_from_u64(seed))
    }

    fn with(rng: SmallRng) -> Self {
        Self { rng: RefCell::new(rng), made: RefCell::default() }
    }

    /// 64 random bits.
    #[must_use]
    pub fn draw(&self) -> u64 {
        self.rng.borrow_mut().next_u64()
    }

    /// 128 random bits as 32 hexadecimal digits. Copies share their memory.
    #[must_use]
    pub fn request_id(&self) -> HeaderValue {
        let made = &mut *self.made.borrow_mut();
        if made.is_empty() {
            *made = self.make();
        }
        let digits = made.split_to(DIGITS);
        // Digits are always a value.
        let mut id = HeaderValue::from_maybe_shared(digits).unwrap_or_else(|_| HeaderValue::from_static(""));
        // HTTP/2 keeps it out of its tables then, where it would never be found again and put others out.
        id.set_sensitive(true);
        id
    }

    #[cold]
    fn make(&self) -> Bytes {
        let rng = &mut *self.rng.borrow_mut();
        let mut digits = [0; DIGITS * AT_A_TIME];
        for id in digits.chunks_exact_mut(DIGITS) {
            id.copy_from_slice(&hex(rng.next_u64(), rng.next_u64()));
        }
        // One allocation: other ways to bytes that can be shared take two.
        Bytes::from_owner(digits)
    }
}

/// 128 bits as hexadecimal digits, the highest first.
fn hex(high: u64, low: u64) -> [u8; DIGITS] {
    let mut digits = [0; DIGITS];
    for (place, number) in digits.chunks_exact_mut(8).zip([high >> 32, high, low >> 32, low]) {
        place.copy_from_slice(&eight_digits(number as u32).to_be_bytes());
    }
    digits
}

/// The eight digits of a number, in the bytes of another one: all at once, which is a quarter of the instructions of one after
/// the other.
fn eight_digits(number: u32) -> u64 {
    let number = u64::from(number);
    let spread = (number | number << 16) & 0x0000_ffff_0000_ffff;
    let spread = (spread | spread << 8) & 0x00ff_00ff_00ff_00ff;
    let spread = (spread | spread << 4) & 0x0f0f_0f0f_0f0f_0f0f;
    // One in each byte whose digit is a letter.
    let letters = ((spread + 0x0606_0606_0606_0606) >> 4) & 0x0101_0101_0101_0101;
    spread + 0x3030_3030_3030_3030 + letters * u64::from(b'a' - b'0' - 10)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn digits_are_those_of_the_number() {
        let numbers = [0, 1, 0x0123_4567_89ab_cdef, 0xfedc_ba98_7654_3210, u64::MAX, 0x0a00_00f0_9000_000a];
        for (high, low) in numbers.iter().zip(numbers.iter().rev()) {
            assert_eq!(hex(*high, *low), format!("{high:016x}{low:016x}").as_bytes());
        }
    }

    #[test]
    fn ids_differ_within_and_between_generators() {
        let generators = [IdGenerator::new().unwrap(), IdGenerator::new().unwrap()];
        let ids: HashSet<HeaderValue> = (0..2000).map(|number| generators[number % 2].request_id()).collect();
        assert_eq!(ids.len(), 2000);
        assert!(ids.iter().all(|id| id.len() == 32 && id.as_bytes().iter().all(u8::is_ascii_hexdigit)));
    }
}
