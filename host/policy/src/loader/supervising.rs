//! The thread that drives the supervisor.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};

use crate::admission::{Admitted, Refusal};
use crate::context::PolicyContext;
use crate::slot::{PolicySlot, SlotEvent};
use crate::supervisor::{Opened, Supervisor};
use crate::swap::Reply;

/// What the supervisor is asked to do.
#[derive(Debug)]
pub(super) enum Command {
    /// Open a slot.
    Open { context: Arc<PolicyContext>, admitted: Admitted, reply: Sender<Result<Opened, Refusal>> },
    /// Publish a version in a slot.
    Swap { slot: Arc<PolicySlot>, admitted: Admitted, reply: Reply },
    /// Handle an event of a slot.
    Slot(SlotEvent),
    /// Stop.
    End,
}

/// Starts the thread, which ends on command.
pub(super) fn start(mut supervisor: Supervisor, commands: Receiver<Command>) -> io::Result<JoinHandle<()>> {
    thread::Builder::new().name("supervisor".into()).spawn(move || run(&mut supervisor, &commands))
}

fn run(supervisor: &mut Supervisor, commands: &Receiver<Command>) {
    loop {
        let command = match supervisor.next_due() {
            Some(wait) => commands.recv_timeout(wait),
            None => commands.recv().map_err(RecvTimeoutError::from),
        };
        match command {
            Ok(Command::Open { context, admitted, reply }) => {
                // If the caller has stopped waiting, the slot is dropped here.
                drop(reply.send(supervisor.open(context, admitted)));
            }
            Ok(Command::Swap { slot, admitted, reply }) => reply.send(supervisor.swap(&slot, admitted)),
            Ok(Command::Slot(event)) => supervisor.slot_event(event),
            Ok(Command::End) | Err(RecvTimeoutError::Disconnected) => return,
            Err(RecvTimeoutError::Timeout) => {}
        }
        supervisor.time_passed();
    }
}
