//! Spans of time in a policy's configuration.

use crate::buffers::joined;
use serde::de::{self, Deserialize, Deserializer, Visitor};
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// Units, the longer name before the one it ends with.
const UNITS: [(&str, u64); 5] =
    [("us", 1), ("ms", 1_000), ("s", 1_000_000), ("m", 60_000_000), ("h", 3_600_000_000)];

/// A span of time in a policy's configuration, written as a whole number and a unit: `"250us"`, `"10ms"`,
/// `"10s"`, `"5m"`, `"1h"`.
///
/// ```
/// use pointsman_sdk::Period;
/// use std::time::Duration;
///
/// #[derive(serde::Deserialize)]
/// #[serde(deny_unknown_fields, default)]
/// struct Config {
///     tau: Period,
/// }
///
/// impl Default for Config {
///     fn default() -> Self {
///         Self { tau: Period::new(Duration::from_secs(10)) }
///     }
/// }
///
/// let config: Config = serde_json::from_str(r#"{ "tau": "250ms" }"#)?;
/// assert_eq!(config.tau.get(), Duration::from_millis(250));
///
/// let error = serde_json::from_str::<Config>(r#"{ "tau": "fast" }"#).err().map(|error| error.to_string());
/// assert!(error.is_some_and(|text| text.starts_with(r#""fast" is not a duration: write a whole number and a unit"#)));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Period(Duration);

impl Period {
    /// A period of this length; for defaults.
    #[must_use]
    pub const fn new(duration: Duration) -> Self {
        Self(duration)
    }

    /// Its length.
    #[must_use]
    pub const fn get(self) -> Duration {
        self.0
    }
}

impl FromStr for Period {
    type Err = crate::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parse = || {
            let digits = text.bytes().take_while(u8::is_ascii_digit).count();
            let (number, unit) = text.split_at_checked(digits)?;
            let (_, us) = UNITS.into_iter().find(|(name, _)| *name == unit)?;
            number.parse::<u64>().ok()?.checked_mul(us).map(Duration::from_micros)
        };
        parse().map(Self).ok_or_else(|| {
            // Put together without `format!`, which would be much of a small plugin.
            let instead =
                "is not a duration: write a whole number and a unit (us, ms, s, m or h), such as \"250ms\"";
            crate::Error::new(joined(&["\"", text, "\" ", instead]))
        })
    }
}

impl<'de> Deserialize<'de> for Period {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = Period;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a duration such as \"250ms\" or \"10s\"")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Period, E> {
                text.parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_str(Text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_whole_numbers_with_units() {
        let cases = [
            ("0s", Some(0)),
            ("250us", Some(250)),
            ("10ms", Some(10_000)),
            ("10s", Some(10_000_000)),
            ("5m", Some(300_000_000)),
            ("1h", Some(3_600_000_000)),
            ("", None),
            ("10", None),
            ("s", None),
            ("1.5s", None),
            ("-1s", None),
            ("10 s", None),
            ("10S", None),
            ("10sec", None),
            ("é", None),
            ("99999999999999999999s", None),
            ("18446744073709551615h", None),
        ];
        for (text, us) in cases {
            let expected = us.map(|us| Period::new(Duration::from_micros(us)));
            assert_eq!(text.parse::<Period>().ok(), expected, "{text:?}");
        }
    }

    #[test]
    fn a_bare_number_is_refused_with_an_example() {
        let error = serde_json::from_str::<Period>("10").expect_err("a number without a unit");
        assert_eq!(
            error.to_string(),
            "invalid type: integer `10`, expected a duration such as \"250ms\" or \"10s\" at line 1 column 2"
        );
    }
}
