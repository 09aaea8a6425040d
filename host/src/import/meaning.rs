//! Lists of what the loss of a directive means, as text: a line with its rank and why, and lines with names below it.

use super::ledger::Rank;

/// The first entry with a name that fits. A name may go on in the next line.
pub(super) fn find(entries: &'static str, fits: impl Fn(&str) -> bool) -> Option<(Rank, &'static str)> {
    entries.split("\n\n").find_map(|entry| {
        let mut lines = entry.lines().skip_while(|line| line.starts_with('#'));
        let (rank, why) = lines.next()?.split_once(' ')?;
        let rank = match rank {
            "A" => Rank::A,
            "B" => Rank::B,
            "C" => Rank::C,
            _ => return None,
        };
        let names: Vec<&str> = lines.flat_map(str::split_whitespace).collect();
        let names = names.join(" ");
        names.split(',').map(str::trim).any(|name| !name.is_empty() && fits(name)).then_some((rank, why))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_names() {
        const ENTRIES: &str =
            "# all\n\nA it protects\n    one, two words, three\n    words, five\n\nC nothing\n    four\n";
        let of = |name: &str| find(ENTRIES, |known| known == name);
        assert_eq!(of("two words"), Some((Rank::A, "it protects")));
        assert_eq!(of("three words"), Some((Rank::A, "it protects")));
        assert_eq!(of("five"), Some((Rank::A, "it protects")));
        assert_eq!(of("four"), Some((Rank::C, "nothing")));
        assert_eq!(["all", "it", "", "three", "words"].map(of), [None; 5]);
    }
}
