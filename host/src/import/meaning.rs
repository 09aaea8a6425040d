//! Lists of what the loss of a directive means, as text: a line with its rank and why, and lines with names below it.

use super::ledger::Rank;

/// The first entry with a name that fits.
pub(super) fn find(entries: &'static str, fits: impl Fn(&str) -> bool) -> Option<(Rank, &'static str)> {
    let mut entry = None;
    for line in entries.lines() {
        match line.split_once(' ') {
            Some(("A", why)) => entry = Some((Rank::A, why)),
            Some(("B", why)) => entry = Some((Rank::B, why)),
            Some(("C", why)) => entry = Some((Rank::C, why)),
            Some(("", names))
                if names.split(',').map(str::trim).any(|name| !name.is_empty() && fits(name)) =>
            {
                return entry;
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_names() {
        const ENTRIES: &str =
            "# all\n\nA it protects\n    one, two words,\n    three\n\nC nothing\n    four\n";
        let of = |name: &str| find(ENTRIES, |known| known == name);
        assert_eq!(of("two words"), Some((Rank::A, "it protects")));
        assert_eq!(of("three"), Some((Rank::A, "it protects")));
        assert_eq!(of("four"), Some((Rank::C, "nothing")));
        assert_eq!((of("all"), of("it"), of("")), (None, None, None));
    }
}
