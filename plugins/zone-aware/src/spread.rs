//! How much of the load stays in the own zone, and where the rest goes.

use policy_parts::Shares;

/// A zone, and what its share is made of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Zone {
    /// Hash of its name.
    pub(crate) name: u64,
    /// How many proxies are there.
    pub(crate) proxies: u32,
    /// Sum of the weights of its healthy backends; 0 if there is none.
    pub(crate) weight: u64,
}

/// All of the load, in parts.
const ALL: u64 = 1 << 31;

/// What each zone gets of the load of the proxies in the zone at the place `own`.
///
/// With u and o a zone's shares of the backends and of the proxies: all stays if u is o or more; else u/o does, and the other
/// zones get the rest in proportion to what each has more than it needs, max(0, u − o). If all zones do that, no backend gets more than any
/// other for its weight.
pub(crate) fn spread(zones: &[Zone], own: usize) -> Shares {
    let (mut backends, mut proxies) = (0, 0);
    for zone in zones {
        backends += zone.weight;
        proxies += u64::from(zone.proxies);
    }
    // Both are less than 2³¹ then, and can be multiplied.
    let (by_weight, by_proxies) = (excess(backends), excess(proxies));
    // What the own zone keeps; what each has more than it needs, times all backends and all proxies; and the sum of that.
    let (mut kept, mut more, mut spare) = (ALL, Vec::new(), 0);
    for (place, zone) in zones.iter().enumerate() {
        let has = (zone.weight >> by_weight) * (proxies >> by_proxies);
        let needs = (backends >> by_weight) * (u64::from(zone.proxies) >> by_proxies);
        if place == own {
            kept = part(has, needs, ALL);
        }
        spare += has.saturating_sub(needs);
        more.push(has.saturating_sub(needs));
    }
    let mut parts = Vec::new();
    for (place, more) in more.into_iter().enumerate() {
        let part = if place == own { kept } else { part(more, spare, ALL - kept) };
        parts.push(part as u32);
    }
    Shares::new(parts)
}

/// By how many bits a number is longer than 31.
fn excess(number: u64) -> u32 {
    33_u32.saturating_sub(number.leading_zeros())
}

/// `amount / of · whole`, and no more than all of it.
fn part(amount: u64, of: u64, whole: u64) -> u64 {
    if amount >= of {
        return whole;
    }
    // `amount` is less, so that the product fits.
    let shift = excess(of);
    ((amount >> shift) * whole).checked_div(of >> shift).unwrap_or(0)
}
