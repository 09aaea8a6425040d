//! `pointsman ctl`: sees and steers a running proxy through its admin API.
//!
//! It knows the proxy only as a server: of the program's other parts it uses the API's types, and the reader of the configuration for
//! where that server is.

mod arguments;
mod client;
mod events;
mod explanations;
mod failure;
mod format;
mod generic;
mod names;
mod output;
mod policies;
mod pools;
mod proxy;
mod session;
mod table;
mod target;
mod top;
mod wellbeing;

use std::process::ExitCode;

pub use arguments::Arguments;

use crate::console;
use arguments::Command;
use failure::Failure;
use session::Session;

/// Does what the command line says.
///
/// Exit codes: 0 = done; 1 = refused or failed, or `status` found a proxy that drains; 2 = the command line is wrong; 3 = the admin
/// server can't be reached; 4 = it doesn't let us.
#[must_use]
pub fn run(arguments: &Arguments) -> ExitCode {
    let done = Session::start(arguments).and_then(|session| dispatch(&session, &arguments.command));
    done.unwrap_or_else(|failure| {
        failure.lines().iter().for_each(|line| console::complain(format_args!("pointsman: {line}")));
        failure.exit_code()
    })
}

fn dispatch(session: &Session, command: &Command) -> Result<ExitCode, Failure> {
    match command {
        Command::Status => return proxy::status(session),
        Command::Pools => pools::pools(session)?,
        Command::Backends { pool, down } => pools::backends(session, pool.as_deref(), *down)?,
        Command::Drain { backend, wait } => pools::drain(session, backend, *wait)?,
        Command::Undrain { backend } => pools::undrain(session, backend)?,
        Command::Weight { backend, weight } => pools::weight(session, backend, *weight)?,
        Command::Policy { pool: None, .. } => policies::policies(session)?,
        Command::Policy { pool: Some(pool), route } => policies::policy(session, pool, route.as_deref())?,
        Command::Swap(swap) => policies::swap(session, swap)?,
        Command::Rollback { pool, route, version } => {
            policies::rollback(session, pool, route.as_deref(), version.as_deref())?;
        }
        Command::Unquarantine { pool, version, route } => {
            policies::unquarantine(session, pool, version, route.as_deref())?;
        }
        Command::Reload => proxy::reload(session)?,
        Command::Events { follow } => events::events(session, *follow)?,
        Command::Explain { id } => explanations::explain(session, id)?,
        Command::Workers => proxy::workers(session)?,
        Command::Overrides { clear } => proxy::overrides(session, *clear)?,
        Command::LogLevel { level } => proxy::log_level(session, level.as_deref())?,
        Command::Top => top::top(session)?,
    }
    Ok(ExitCode::SUCCESS)
}
