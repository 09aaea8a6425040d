//! Spans of time in files: a number with a unit.

use std::fmt;

use serde::de::{self, Deserialize, Deserializer, Visitor};

/// Units of time, the longest first, in µs.
const UNITS: [(&str, f64); 5] = [("h", 3.6e9), ("m", 6e7), ("s", 1e6), ("ms", 1e3), ("us", 1.0)];

/// What is longer can't be simulated: a hundred years, µs.
const LONGEST: u64 = 3_155_760_000_000_000;

/// A span of time, µs; `"250ms"` or `"1.5s"` in a file. Never negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct TimeSpan(pub u64);

impl TimeSpan {
    /// Reads a number that isn't negative, directly followed by `us`, `ms`, `s`, `m` or `h`; `None` if the text is anything else.
    ///
    /// ```
    /// # use pointsman_workshop::TimeSpan;
    /// assert_eq!(TimeSpan::parse("1.5ms"), Some(TimeSpan(1_500)));
    /// assert_eq!(TimeSpan::parse("5 ms"), None);
    /// ```
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let end = text.find(|c: char| c != '.' && !c.is_ascii_digit())?;
        let (number, unit) = text.split_at(end);
        let (_, factor) = UNITS.iter().find(|(name, _)| *name == unit)?;
        let number: f64 = number.parse().ok()?;
        Some(Self((number * factor).round() as u64))
    }

    /// The span as a number of seconds.
    #[must_use]
    pub fn seconds(self) -> f64 {
        self.0 as f64 / 1e6
    }
}

/// µs as people write them: three digits and the unit that fits.
#[must_use]
pub(crate) fn shown(micros: f64) -> String {
    let (unit, factor) = match micros {
        us if us < 1e3 => ("µs", 1.0),
        us if us < 1e6 => ("ms", 1e3),
        _ => ("s", 1e6),
    };
    let number = micros / factor;
    match number {
        small if small < 10.0 => format!("{small:.2} {unit}"),
        middle if middle < 100.0 => format!("{middle:.1} {unit}"),
        large => format!("{large:.0} {unit}"),
    }
}

impl fmt::Display for TimeSpan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = |(_, factor): &&(&str, f64)| self.0 > 0 && (self.0 as f64 / factor).fract() == 0.0;
        let (unit, factor) = UNITS.iter().find(whole).unwrap_or(&UNITS[3]);
        write!(f, "{}{unit}", self.0 as f64 / factor)
    }
}

impl<'de> Deserialize<'de> for TimeSpan {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = TimeSpan;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a span of time with its unit, such as \"250ms\" or \"1.5s\"")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<TimeSpan, E> {
                let span = TimeSpan::parse(text);
                if span.is_some_and(|span| span.0 > LONGEST) {
                    return Err(E::custom(format_args!("{text:?} is longer than a hundred years")));
                }
                span.ok_or_else(|| {
                    E::custom(format_args!(
                        "{text:?} is no span of time; write a number that isn't negative and us, ms, s, m or h, such as \"250ms\""
                    ))
                })
            }
        }
        deserializer.deserialize_str(Text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_shows() {
        for (text, micros, again) in [
            ("1us", 1, "1us"),
            ("1.5ms", 1_500, "1500us"),
            ("250ms", 250_000, "250ms"),
            ("1.5s", 1_500_000, "1500ms"),
            ("90s", 90_000_000, "90s"),
            ("2h", 7_200_000_000, "2h"),
            ("0s", 0, "0ms"),
        ] {
            assert_eq!(TimeSpan::parse(text), Some(TimeSpan(micros)), "{text}");
            assert_eq!(TimeSpan(micros).to_string(), again);
        }
        for text in ["", "5", "s", "-5s", "5 s", "1e3s", "1..5s", ".s", "5d", "٣s", "nans"] {
            assert_eq!(TimeSpan::parse(text), None, "{text}");
        }
    }

    #[test]
    fn numbers_have_three_digits_and_a_unit() {
        let shown = [0.0, 9.994, 42.0, 999.0, 1_500.0, 2_345_678.0].map(shown);
        assert_eq!(shown, ["0.00 µs", "9.99 µs", "42.0 µs", "999 µs", "1.50 ms", "2.35 s"]);
    }
}
