//! `pointsman ctl top`: a live view on the terminal.

mod draw;
mod feed;
mod grid;
mod rates;
mod rows;
mod screen;
#[cfg(test)]
mod tests;

use std::io::{self, IsTerminal as _};
use std::sync::mpsc::{Receiver, TryRecvError};
use std::time::Duration;

use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{self, Event};

use super::failure::Failure;
use super::session::Session;
use feed::News;
use screen::{Screen, Then};

/// How long the terminal is waited for before news are looked at again.
const STEP: Duration = Duration::from_millis(100);

/// Shows the view until it is left.
///
/// # Errors
///
/// There is no terminal, or no proxy in the beginning. A proxy that goes away later is waited for.
pub(super) fn top(session: &Session) -> Result<(), Failure> {
    if session.output.json {
        return Err(Failure::Usage(
            "`top` is for eyes; `pointsman ctl --json status` has the same numbers".into(),
        ));
    }
    if !io::stdout().is_terminal() || !io::stdin().is_terminal() {
        return Err(Failure::Usage(
            "`top` needs a terminal; `pointsman ctl status` and `backends` don't".into(),
        ));
    }
    let first = session.runtime.block_on(feed::ask(&session.client, 0))?;
    let mut screen = Screen::new(session.client.address(), session.output.color());
    screen.see(first);
    let news = feed::start(session.client.clone(), screen.last_event())?;
    let mut terminal = Guarded::enter()?;
    follow(&mut terminal.0, &mut screen, &news)
}

/// The terminal, which is itself again when this is dropped. A panic has it restored before its message is written.
struct Guarded(DefaultTerminal);

impl Guarded {
    fn enter() -> Result<Self, Failure> {
        ratatui::try_init().map(Self).map_err(|error| lost_terminal(&error))
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        ratatui::restore();
    }
}

fn lost_terminal(error: &io::Error) -> Failure {
    Failure::Failed(format!("cannot use the terminal: {error}"))
}

fn follow(terminal: &mut DefaultTerminal, screen: &mut Screen, news: &Receiver<News>) -> Result<(), Failure> {
    loop {
        terminal.draw(|frame| draw::draw(frame, screen)).map_err(|error| lost_terminal(&error))?;
        if event::poll(STEP).map_err(|error| lost_terminal(&error))?
            && let Event::Key(key) = event::read().map_err(|error| lost_terminal(&error))?
            && screen.press(key) == Then::Leave
        {
            return Ok(());
        }
        loop {
            match news.try_recv() {
                Ok(News::Overview(overview)) => screen.see(*overview),
                Ok(News::Lost(why)) => screen.lose(&why),
                Ok(News::End) | Err(TryRecvError::Disconnected) => return Ok(()),
                Err(TryRecvError::Empty) => break,
            }
        }
    }
}
