//! Tables: columns with spaces between, numbers to the right, and no lines around.

use std::fmt::Write as _;

use pointsman_core::printable::Printable;
use unicode_width::UnicodeWidthStr as _;

use super::output::{Output, Styled, Tone};

/// Where the cells of a column stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Align {
    Left,
    Right,
}

/// A heading and what is below it.
#[derive(Debug)]
pub(super) struct Table {
    columns: Vec<(&'static str, Align)>,
    rows: Vec<Vec<Styled>>,
}

/// Least that is left of a column that is cut.
const LEAST: usize = 8;

/// Between two columns.
const GAP: &str = "  ";

impl Table {
    pub(super) fn new(columns: &[(&'static str, Align)]) -> Self {
        Self { columns: columns.to_vec(), rows: Vec::new() }
    }

    pub(super) fn row(&mut self, cells: impl IntoIterator<Item = Styled>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// As text. On a terminal it fits: texts to the left are cut at their ends, the longest one first.
    pub(super) fn show(&self, output: Output) -> String {
        let widths = self.widths(output.width());
        let heading: Vec<Styled> =
            self.columns.iter().map(|(title, _)| Styled::new(title, Tone::Heading)).collect();
        let mut text = String::new();
        for row in std::iter::once(&heading).chain(&self.rows) {
            let mut line = String::new();
            let mut pending = 0;
            for (place, (cell, width)) in row.iter().zip(&widths).enumerate() {
                let cut = cut(cell.as_str(), *width);
                let room = width - cut.width();
                let (before, after) = match self.columns[place].1 {
                    Align::Left => (0, room),
                    Align::Right => (room, 0),
                };
                // Nothing ends in spaces.
                let _ = write!(line, "{:pending$}{:before$}{}", "", "", output.paint(&cut, cell.tone));
                pending = after + GAP.len();
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }

    fn widths(&self, room: Option<usize>) -> Vec<usize> {
        let natural = |place: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(place)).map(|cell| cell.as_str().width());
            cells.max().unwrap_or(0).max(self.columns[place].0.width())
        };
        let mut widths: Vec<usize> = (0..self.columns.len()).map(natural).collect();
        let Some(room) = room else { return widths };
        let gaps = GAP.len() * widths.len().saturating_sub(1);
        while widths.iter().sum::<usize>() + gaps > room {
            let longest = (0..widths.len())
                .filter(|place| self.columns[*place].1 == Align::Left && widths[*place] > LEAST)
                .max_by_key(|place| widths[*place]);
            match longest {
                Some(place) => widths[place] -= 1,
                None => break,
            }
        }
        widths
    }
}

/// What of a text has room, with a sign that something is missing.
pub(super) fn cut(text: &str, room: usize) -> String {
    if text.width() <= room {
        return text.to_owned();
    }
    let mut cut = String::new();
    for c in text.chars() {
        let mut longer = cut.clone();
        longer.push(c);
        if longer.width() + 1 > room {
            break;
        }
        cut = longer;
    }
    if room > 0 {
        cut.push('…');
    }
    Printable::text(cut).as_str().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(names: &[&str]) -> Table {
        let mut table = Table::new(&[("NAME", Align::Left), ("NUMBER", Align::Right), ("NOTE", Align::Left)]);
        for (place, name) in names.iter().enumerate() {
            table.row([
                (*name).into(),
                format!("{}", 10_u32.pow(u32::try_from(place).unwrap())).into(),
                "".into(),
            ]);
        }
        table
    }

    #[test]
    fn numbers_stand_below_each_other() {
        let shown = table(&["a", "bcdef"]).show(Output::plain(None));
        assert_eq!(shown, "NAME   NUMBER  NOTE\na           1\nbcdef      10\n");
    }

    #[test]
    fn a_terminal_is_never_too_narrow_for_a_line() {
        let names = ["x".repeat(200), "緑".repeat(100), "e\u{301}".repeat(90)];
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        for width in [80, 40, 28] {
            let shown = table(&names).show(Output::plain(Some(width)));
            assert!(shown.lines().all(|line| line.width() <= width), "{width}: {shown}");
            assert!(shown.contains('…'));
        }
        assert!(table(&names).show(Output::plain(None)).contains(names[0]), "whole where nobody looks");
    }

    #[test]
    fn names_cannot_drive_the_terminal() {
        let shown = table(&["\x1b[31mred\nnext\u{202e}"]).show(Output::plain(Some(80)));
        assert!(shown.contains(r"\u{1b}[31mred\nnext\u{202e}"), "{shown}");
        assert_eq!(shown.lines().count(), 2);
    }
}
