//! How long each backend takes, and with how much in flight: what is kept of it in cells.

use pointsman_sdk::prelude::*;
use std::time::Duration;

/// Cells of a backend, after those that the count of its failures takes: average time to the response head, µs, 0 = not known; average of what was in
/// flight then and one, in parts of [`ONE`]; when it was last learnt, µs.
const TIME: usize = 3;
const AMONG: usize = 4;
const LEARNT: usize = 5;

/// A new sample counts for a twentieth.
const PART: u64 = 20;

/// A request, as its average counts it.
const ONE: u64 = 1 << 10;

/// Greatest time and number of requests that count, half an hour and a million: their product in parts of [`ONE`] fits into 64 bits.
const MOST_S: u64 = 1 << 11;
const MOST_WAITING: u64 = 1 << 20;

/// How long a time is known: the life of the paper's probes.
const KNOWN_US: u64 = 1_000_000;

/// Whether a backend's time is no longer known.
pub(crate) fn are_over(index: usize) -> bool {
    let learnt = cells::backend(index, LEARNT).get().cast_unsigned();
    now_us().saturating_sub(learnt) >= KNOWN_US
}

/// How long one request more will take, µs, where so many wait. One that isn't known gets a request at once, and others only where there is
/// no other.
pub(crate) fn expected(index: usize, waiting: u64, is_trial: bool) -> u64 {
    if is_trial && waiting == 0 && are_over(index) {
        return 0;
    }
    match cells::backend(index, TIME).get().cast_unsigned() {
        0 if waiting == 0 => 0,
        0 => u64::MAX,
        time => {
            let among = cells::backend(index, AMONG).get().cast_unsigned();
            time * counted(waiting) / among.max(ONE)
        }
    }
}

/// A response head took so long, and so many are in flight as its request ends: as many as there were when it came, on average, if what comes
/// goes. Whether it counts itself makes no difference that shows.
pub(crate) fn learn(index: usize, head: Duration, waiting: u64) {
    let sample = (head.as_secs().min(MOST_S) * 1_000_000 + u64::from(head.subsec_micros())).max(1);
    let (time, among) = (cells::backend(index, TIME), cells::backend(index, AMONG));
    let known = time.get().cast_unsigned();
    let part = if known == 0 || are_over(index) { 1 } else { PART };
    // Of two workers that learn at the same instant one may win; the next sample comes soon.
    time.set(averaged(known, sample, part).max(1).cast_signed());
    among.set(averaged(among.get().cast_unsigned(), counted(waiting), part).cast_signed());
    cells::backend(index, LEARNT).set(now_us().max(1).cast_signed());
}

/// So many and one.
fn counted(waiting: u64) -> u64 {
    waiting.saturating_add(1).min(MOST_WAITING) * ONE
}

/// The average with one sample more, of which so many make it up.
fn averaged(average: u64, sample: u64, part: u64) -> u64 {
    (average * (part - 1) + sample) / part
}
