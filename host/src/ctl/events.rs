//! What has happened.

use std::thread;
use std::time::Duration;

use super::client::Call;
use super::failure::Failure;
use super::format::moment;
use super::names::{path, with_query};
use super::output::{Styled, Tone};
use super::session::{Session, read};
use crate::admin::model::{EventLevel, EventList, EventRecord};
use crate::console;

/// How often new events are asked for.
const STEP: Duration = Duration::from_secs(1);

/// Shows the events that are kept, and with `follow` those that come.
pub(super) fn events(session: &Session, follow: bool) -> Result<(), Failure> {
    let mut since = 0;
    let mut lost = false;
    loop {
        let call = Call::get(with_query(path(&["events"]), "since", Some(&since.to_string())));
        match session.call(call) {
            Ok(answer) => {
                let list: EventList = read(&answer)?;
                lost = false;
                if session.output.json {
                    if since == 0 || !list.events.is_empty() {
                        session.pass_on(&answer)?;
                    }
                } else {
                    list.events.iter().try_for_each(|event| session.output.line(&line(event)))?;
                }
                // A proxy that was started anew counts anew.
                since = if list.last_event < since { 0 } else { list.last_event };
            }
            Err(failure @ Failure::Unreachable(_)) if follow && since > 0 => {
                if !std::mem::replace(&mut lost, true) {
                    failure
                        .lines()
                        .iter()
                        .for_each(|line| console::complain(format_args!("pointsman: {line}")));
                }
            }
            Err(failure) => return Err(failure),
        }
        if !follow {
            return Ok(());
        }
        thread::sleep(STEP);
    }
}

/// An event on one line.
pub(super) fn line(event: &EventRecord) -> Styled {
    let tone = match event.level {
        EventLevel::Error => Tone::Bad,
        EventLevel::Warn => Tone::Notice,
        EventLevel::Info => Tone::Plain,
    };
    let fields: String = event.fields.iter().map(|(key, value)| format!(" {key}={value}")).collect();
    Styled::new(format_args!("{}  {}  {}{fields}", moment(event.time_ms), event.event, event.message), tone)
}
