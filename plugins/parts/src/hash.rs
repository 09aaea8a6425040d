//! 64-bit hashes that are the same everywhere.

/// Another 64 bits from these, as if at random (the last steps of SplitMix64); never the same for two.
#[must_use]
pub fn mix(mut bits: u64) -> u64 {
    bits = bits.wrapping_add(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

/// The hash of a text: FNV-1a, with its weak high bits mixed.
#[must_use]
pub fn hash(text: &str) -> u64 {
    let fnv = |hash: u64, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    mix(text.bytes().fold(0xcbf2_9ce4_8422_2325, fnv))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_stay_what_they_are() {
        // Another value would move every client of every pool when the proxy is updated.
        assert_eq!(
            (hash(""), hash("a"), mix(0)),
            (0xc381_7c01_6ba4_ff30, 0x5f29_c2aa_dd9b_8527, 0xe220_a839_7b1d_cdaf)
        );
    }
}
