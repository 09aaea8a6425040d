//! What is written to standard output. Texts of others are escaped where they enter ([`Styled`]), colours are ours.

use std::io::{self, ErrorKind, IsTerminal as _, Write as _};

use pointsman_core::printable::Printable;

use super::failure::Failure;

/// What a text means, which is what its colour says; never by colour alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Tone {
    #[default]
    Plain,
    Heading,
    Good,
    Notice,
    Bad,
}

/// A text that is safe to show, with its meaning.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Styled {
    text: Printable,
    pub(super) tone: Tone,
}

impl Styled {
    pub(super) fn new(text: impl std::fmt::Display, tone: Tone) -> Self {
        Self { text: Printable::text(text), tone }
    }

    pub(super) fn as_str(&self) -> &str {
        self.text.as_str()
    }
}

impl<T: AsRef<str>> From<T> for Styled {
    fn from(text: T) -> Self {
        Self::new(text.as_ref(), Tone::Plain)
    }
}

/// How answers are shown.
#[derive(Debug, Clone, Copy)]
pub(super) struct Output {
    /// The API's own words.
    pub(super) json: bool,
    color: bool,
    /// Columns of the terminal; none if nobody looks at it.
    width: Option<usize>,
}

impl Output {
    /// As the options, the environment and the other end of standard output suggest.
    pub(super) fn new(json: bool, no_color: bool) -> Self {
        let is_terminal = io::stdout().is_terminal();
        let silenced = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
        let width = || ratatui::crossterm::terminal::size().map_or(80, |(columns, _)| usize::from(columns));
        Self {
            json,
            color: is_terminal && !no_color && !silenced && !dumb,
            width: is_terminal.then(width).map(|width| if width == 0 { 80 } else { width }),
        }
    }

    /// For tests.
    #[cfg(test)]
    pub(super) fn plain(width: Option<usize>) -> Self {
        Self { json: false, color: false, width }
    }

    pub(super) fn width(self) -> Option<usize> {
        self.width
    }

    pub(super) fn color(self) -> bool {
        self.color
    }

    /// A text in the colour of its tone.
    pub(super) fn paint(self, text: &str, tone: Tone) -> String {
        let code = match tone {
            Tone::Plain => return text.to_owned(),
            Tone::Heading => "1",
            Tone::Good => "32",
            Tone::Notice => "33",
            Tone::Bad => "31",
        };
        if self.color { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    /// Says a line.
    pub(super) fn line(self, line: &Styled) -> Result<(), Failure> {
        self.raw(format_args!("{}\n", self.paint(line.as_str(), line.tone)))
    }

    /// Writes what is safe already. A reader who leaves before the end, as `head` does, has got what he wanted.
    pub(super) fn raw(self, text: impl std::fmt::Display) -> Result<(), Failure> {
        let mut out = io::stdout().lock();
        match write!(out, "{text}").and_then(|()| out.flush()) {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => std::process::exit(0),
            Err(error) => Err(Failure::Failed(format!("cannot write to standard output: {error}"))),
            Ok(()) => Ok(()),
        }
    }
}
