//! Numbers and names as sentences have them.

/// A share of 1. What isn't nothing never reads 0 %.
pub(super) fn percent(share: f64) -> String {
    let percent = share * 100.0;
    match percent {
        0.0 => "0 %".to_owned(),
        percent if percent < 0.1 => "< 0.1 %".to_owned(),
        percent if percent < 9.95 && percent.fract() != 0.0 => format!("{percent:.1} %"),
        percent => format!("{percent:.0} %"),
    }
}

/// A short time, which is known about.
pub(super) fn time(seconds: f64) -> String {
    let digits = |number: f64| if number < 9.95 { format!("{number:.1}") } else { format!("{number:.0}") };
    match seconds {
        s if s < 0.001 => format!("{} µs", digits(s * 1e6)),
        s if s < 1.0 => format!("{} ms", digits(s * 1e3)),
        s => format!("{} s", digits(s)),
    }
}

/// How long something has gone on.
pub(super) fn duration(ms: u64) -> String {
    match ms / 1_000 {
        seconds @ 0..60 => format!("{seconds} s"),
        seconds @ 60..3_600 => format!("{} min {} s", seconds / 60, seconds % 60),
        seconds => format!("{} h {} min", seconds / 3_600, seconds % 3_600 / 60),
    }
}

/// `1 backend`, `2 backends`.
pub(super) fn counted(count: u64, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

/// `a`, `a and b`, `a, b, c and 3 more`.
pub(super) fn listed(names: &[&str]) -> String {
    const MOST: usize = 3;
    match names {
        [] => String::new(),
        [only] => (*only).to_owned(),
        _ if names.len() > MOST => format!("{} and {} more", names[..MOST].join(", "), names.len() - MOST),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_names_are_short() {
        assert_eq!([0.0, 0.0004, 0.016, 0.5, 1.0].map(percent), ["0 %", "< 0.1 %", "1.6 %", "50 %", "100 %"]);
        assert_eq!([0.000_25, 0.0123, 0.055, 2.5].map(time), ["250 µs", "12 ms", "55 ms", "2.5 s"]);
        assert_eq!([400, 20_400, 61_000, 3_720_000].map(duration), ["0 s", "20 s", "1 min 1 s", "1 h 2 min"]);
        assert_eq!([1, 2].map(|count| counted(count, "backend")), ["1 backend", "2 backends"]);
        let lists = [&["a"][..], &["a", "b"], &["a", "b", "c"], &["a", "b", "c", "d"]].map(listed);
        assert_eq!(lists, ["a", "a and b", "a, b and c", "a, b, c and 1 more"]);
    }
}
