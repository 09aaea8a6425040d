//! Numbers, times and shares, in few characters.

use std::time::{Duration, UNIX_EPOCH};

/// A number of things: exact up to five digits, then with three and a letter.
pub(super) fn count(number: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
    let float = number as f64;
    match number {
        0..100_000 => number.to_string(),
        100_000..1_000_000 => format!("{:.0}k", float / 1e3),
        1_000_000..1_000_000_000 => format!("{}M", digits(float / 1e6)),
        _ => format!("{}G", digits(float / 1e9)),
    }
}

/// A rate per second.
pub(super) fn rate(per_second: f64) -> String {
    match per_second {
        0.0 => "0".to_owned(),
        rate if rate < 10.0 => format!("{rate:.1}"),
        rate if rate < 100_000.0 => format!("{rate:.0}"),
        rate => format!("{:.0}k", rate / 1e3),
    }
}

/// A share of 1 in percent.
pub(super) fn percent(share: f64) -> String {
    let percent = share * 100.0;
    if percent > 0.0 && percent < 9.95 { format!("{percent:.1}%") } else { format!("{percent:.0}%") }
}

/// A short time.
pub(super) fn seconds(seconds: f64) -> String {
    match seconds {
        s if s < 0.001 => format!("{:.0}us", s * 1e6),
        s if s < 1.0 => format!("{}ms", digits(s * 1e3)),
        s => format!("{}s", digits(s)),
    }
}

/// A long time, in its two largest units.
pub(super) fn age(ms: u64) -> String {
    let seconds = ms / 1_000;
    let (minutes, hours, days) = (seconds / 60, seconds / 3_600, seconds / 86_400);
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3_600 => format!("{minutes}m {}s", seconds % 60),
        3_600..86_400 => format!("{hours}h {}m", minutes % 60),
        _ => format!("{days}d {}h", hours % 24),
    }
}

/// A moment in UTC: day, month and time.
pub(super) fn moment(unix_ms: u64) -> String {
    let Some(time) = UNIX_EPOCH.checked_add(Duration::from_millis(unix_ms)) else { return "?".to_owned() };
    // As in `Sun, 06 Nov 1994 08:49:37 GMT`. Years with five digits have no date.
    if unix_ms / 1_000 >= 253_402_300_800 {
        return "?".to_owned();
    }
    let date = httpdate::fmt_http_date(time);
    let words: Vec<&str> = date.split(' ').collect();
    match words.as_slice() {
        [_, day, month, _, time, _] => format!("{day} {month} {time}"),
        _ => date,
    }
}

/// A weight, without zeros at its end.
pub(super) fn weight(weight: f64) -> String {
    let text = format!("{weight:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Three digits.
fn digits(number: f64) -> String {
    match number {
        n if n < 9.995 => format!("{n:.2}"),
        n if n < 99.95 => format!("{n:.1}"),
        n => format!("{n:.0}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        for (number, text) in
            [(0, "0"), (99_999, "99999"), (123_456, "123k"), (1_234_567, "1.23M"), (12_345_678_901, "12.3G")]
        {
            assert_eq!(count(number), text);
        }
        for (number, text) in [(0.0, "0"), (0.04, "0.0"), (9.94, "9.9"), (12.4, "12"), (123_456.0, "123k")] {
            assert_eq!(rate(number), text);
        }
        for (number, text) in [(0.0, "0%"), (0.001, "0.1%"), (0.5, "50%"), (1.0, "100%")] {
            assert_eq!(percent(number), text);
        }
        for (number, text) in [
            (0.0, "0us"),
            (0.000_34, "340us"),
            (0.001_5, "1.50ms"),
            (0.25, "250ms"),
            (1.5, "1.50s"),
            (90.0, "90.0s"),
        ] {
            assert_eq!(seconds(number), text);
        }
        for (number, text) in [(1.0, "1"), (0.5, "0.5"), (10.0, "10"), (0.333_333, "0.333")] {
            assert_eq!(weight(number), text);
        }
    }

    #[test]
    fn times_are_readable() {
        for (ms, text) in [(999, "0s"), (61_000, "1m 1s"), (3_660_000, "1h 1m"), (90_000_000, "1d 1h")] {
            assert_eq!(age(ms), text);
        }
        assert_eq!(moment(0), "01 Jan 00:00:00");
        assert_eq!(moment(1_795_746_120_000), "27 Nov 02:22:00");
        assert_eq!(moment(u64::MAX), "?");
    }
}
