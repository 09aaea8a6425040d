//! Tables of the view: the first column takes what is left, and the last ones give way where there is no room.

use ratatui::Frame;
use ratatui::layout::{Constraint, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Row, Table};

use crate::ctl::output::{Styled, Tone};
use crate::ctl::table::{Align, cut};

/// Least width of the first column.
const LEAST: u16 = 18;

/// A heading, its width, and where its cells stand.
pub(super) type Column = (&'static str, u16, Align);

/// A table, whose rows are those that have room.
pub(super) struct Grid<'a> {
    pub(super) columns: &'a [Column],
    pub(super) rows: Vec<Vec<Styled>>,
    pub(super) color: bool,
}

impl Grid<'_> {
    pub(super) fn draw(self, frame: &mut Frame<'_>, area: Rect) {
        let columns = self.fitting(area.width);
        let taken: u16 = columns.iter().skip(1).map(|(_, width, _)| width + 1).sum();
        let widths: Vec<u16> = std::iter::once(area.width.saturating_sub(taken))
            .chain(columns.iter().skip(1).map(|(_, width, _)| *width))
            .collect();
        let line = |(cell, ((.., align), width)): (Styled, (&Column, &u16))| {
            let line = Line::from(span(&cell, usize::from(*width), self.color));
            match align {
                Align::Left => line,
                Align::Right => line.right_aligned(),
            }
        };
        let row = |cells: Vec<Styled>| {
            Row::new(cells.into_iter().zip(columns.iter().zip(&widths)).map(line).collect::<Vec<_>>())
        };
        let heading =
            row(columns.iter().map(|(title, ..)| Styled::new(title, Tone::Heading)).collect::<Vec<_>>());
        let rows: Vec<Row<'_>> = self.rows.iter().cloned().map(row).collect();
        let widths = widths.iter().map(|width| Constraint::Length(*width));
        frame.render_widget(Table::new(rows, widths).header(heading).column_spacing(1), area);
    }

    /// The columns that have room.
    fn fitting(&self, width: u16) -> &[Column] {
        let mut taken = LEAST;
        let fits = |(_, column, _): &&Column| {
            taken += column + 1;
            taken <= width
        };
        &self.columns[..1 + self.columns.iter().skip(1).take_while(fits).count()]
    }
}

/// A text in the style of its tone, cut to its room. Without colours, what is bad is bold.
pub(super) fn span(text: &Styled, room: usize, color: bool) -> Span<'static> {
    let style = match (text.tone, color) {
        (Tone::Plain, _) | (Tone::Good | Tone::Notice, false) => Style::new(),
        (Tone::Heading, _) | (Tone::Bad, false) => Style::new().add_modifier(Modifier::BOLD),
        (Tone::Good, true) => Style::new().fg(Color::Green),
        (Tone::Notice, true) => Style::new().fg(Color::Yellow),
        (Tone::Bad, true) => Style::new().fg(Color::Red).add_modifier(Modifier::BOLD),
    };
    Span::styled(cut(text.as_str(), room), style)
}
