//! Durations and sizes: text with a unit, such as `"250ms"` or `"16MiB"`.

use std::ops::RangeInclusive;
use std::time::Duration;

/// The units of a kind of quantity. Its numbers count the smallest unit: milliseconds, bytes.
#[derive(Debug)]
pub(super) struct Scale {
    /// What a quantity of this kind is called, with its article.
    pub(super) noun: &'static str,
    /// The units for an error message.
    pub(super) names: &'static str,
    /// Those that [`Scale::show`] writes, from the greatest to the one worth 1; then those that are only read.
    units: &'static [(&'static str, u64)],
}

pub(super) const DURATION: Scale = Scale {
    noun: "a duration",
    names: "ms, s, m or h, such as `\"30s\"`",
    units: &[("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)],
};

pub(super) const SIZE: Scale = Scale {
    noun: "a size",
    names: "B, KiB, MiB or GiB (or KB, MB, GB for thousands), such as `\"64KiB\"`",
    units: &[
        ("GiB", 1 << 30),
        ("MiB", 1 << 20),
        ("KiB", 1 << 10),
        ("B", 1),
        ("GB", 1_000_000_000),
        ("MB", 1_000_000),
        ("KB", 1_000),
    ],
};

impl Scale {
    /// A whole number directly followed by a unit. What is too large for 64 bits becomes the greatest number, which
    /// is beyond every range.
    pub(super) fn parse(&self, text: &str) -> Option<u64> {
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = text.split_at(digits);
        let (_, factor) = self.units.iter().find(|(name, _)| *name == unit)?;
        (digits > 0).then(|| number.parse().unwrap_or(u64::MAX).saturating_mul(*factor))
    }

    /// The same quantity in the greatest unit that leaves a whole number.
    pub(super) fn show(&self, number: u64) -> String {
        let fits = |(_, factor): &&(&str, u64)| {
            *factor == 1 || (number >= *factor && number.is_multiple_of(*factor))
        };
        self.units
            .iter()
            .find(fits)
            .map_or_else(String::new, |(name, factor)| format!("{}{name}", number / factor))
    }

    /// The unit that was most likely meant by a number without one.
    pub(super) fn guess(&self, number: &str, range: &RangeInclusive<u64>) -> Option<String> {
        let guesses = ["s", "ms", "B"].iter().map(|unit| format!("{number}{unit}"));
        guesses.into_iter().find(|guess| self.parse(guess).is_some_and(|number| range.contains(&number)))
    }
}

/// A duration as the number that [`DURATION`] counts in.
pub(super) fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_and_shows() {
        let durations = [
            ("1ms", Some(1), "1ms"),
            ("250ms", Some(250), "250ms"),
            ("10s", Some(10_000), "10s"),
            ("90s", Some(90_000), "90s"),
            ("5m", Some(300_000), "5m"),
            ("60m", Some(3_600_000), "1h"),
            ("0s", Some(0), "0ms"),
            ("99999999999999999999h", Some(u64::MAX), "18446744073709551615ms"),
        ];
        let sizes = [
            ("0B", Some(0), "0B"),
            ("500B", Some(500), "500B"),
            ("1KB", Some(1_000), "1000B"),
            ("64KiB", Some(65_536), "64KiB"),
            ("16MiB", Some(16 << 20), "16MiB"),
            ("2GiB", Some(2 << 30), "2GiB"),
            ("3MB", Some(3_000_000), "3000000B"),
            ("1GB", Some(1_000_000_000), "1000000000B"),
        ];
        for (scale, cases) in [(DURATION, durations), (SIZE, sizes)] {
            for (text, number, shown) in cases {
                assert_eq!(scale.parse(text), number, "{text}");
                assert_eq!(scale.show(scale.parse(text).unwrap()), shown);
            }
        }
        for text in ["", "s", "5", "5 s", " 5s", "5s ", "-5s", "+5s", "1.5s", "1m30s", "5S", "5B", "5d", "٣s"]
        {
            assert_eq!(DURATION.parse(text), None, "{text}");
        }
        for text in ["", "B", "5", "5 B", "64kib", "64k", "1_000B", "5s"] {
            assert_eq!(SIZE.parse(text), None, "{text}");
        }
    }

    #[test]
    fn guesses_the_unit() {
        let day = 86_400_000;
        assert_eq!(DURATION.guess("30", &(1..=day)), Some("30s".to_owned()));
        assert_eq!(DURATION.guess("5", &(1..=1_000)), Some("5ms".to_owned()));
        assert_eq!(DURATION.guess("1000000", &(1..=1_000)), None);
        assert_eq!(DURATION.guess("-1", &(1..=day)), None);
        assert_eq!(SIZE.guess("65536", &(1..=1 << 20)), Some("65536B".to_owned()));
    }

    proptest! {
        #[test]
        fn what_is_shown_reads_the_same(number: u64, shift in 0_u32..64) {
            for scale in [DURATION, SIZE] {
                let number = number >> shift;
                prop_assert_eq!(scale.parse(&scale.show(number)), Some(number));
            }
        }

        #[test]
        fn any_text_is_read_or_refused(text in "\\PC*") {
            for scale in [DURATION, SIZE] {
                scale.parse(&text);
            }
        }
    }
}
