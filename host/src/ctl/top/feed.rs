//! What comes from the proxy, and the signals that end the view.

use std::io;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use tokio::runtime::Builder;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::sleep;

use crate::admin::model::Overview;
use crate::ctl::client::{Call, Client};
use crate::ctl::failure::Failure;
use crate::ctl::names::{path, with_query};
use crate::ctl::session::read;

/// How often the proxy is asked.
const INTERVAL: Duration = Duration::from_secs(1);

/// What has become known.
#[derive(Debug)]
pub(super) enum News {
    Overview(Box<Overview>),
    /// There was no answer, and why.
    Lost(String),
    /// A signal ends the process.
    End,
}

/// Everything, and the events after `since`.
pub(super) async fn ask(client: &Client, since: u64) -> Result<Overview, Failure> {
    let path = with_query(path(&["overview"]), "since", Some(&since.to_string()));
    read(&client.call(Call::get(path)).await?)
}

/// Asks on a thread of its own, so that keys never wait for the proxy. It ends with the process.
pub(super) fn start(client: Client, since: u64) -> Result<Receiver<News>, Failure> {
    let failed = |error: io::Error| Failure::Failed(format!("cannot follow the proxy: {error}"));
    let runtime = Builder::new_current_thread().enable_all().build().map_err(failed)?;
    let guard = runtime.enter();
    let signals = [SignalKind::terminate(), SignalKind::interrupt(), SignalKind::hangup()].map(signal);
    drop(guard);
    let [terminate, interrupt, hangup] = signals;
    let signals = (terminate.map_err(failed)?, interrupt.map_err(failed)?, hangup.map_err(failed)?);
    let (news, receiver) = channel();
    thread::Builder::new()
        .name("feed".into())
        .spawn(move || runtime.block_on(feed(client, since, news, signals)))
        .map_err(failed)?;
    Ok(receiver)
}

async fn feed(client: Client, mut since: u64, news: Sender<News>, signals: (Signal, Signal, Signal)) {
    let (mut terminate, mut interrupt, mut hangup) = signals;
    loop {
        let asked = async {
            sleep(INTERVAL).await;
            ask(&client, since).await
        };
        let told = tokio::select! {
            answer = asked => match answer {
                Ok(overview) => {
                    // A proxy that was started anew counts anew.
                    since = overview.last_event;
                    News::Overview(Box::new(overview))
                }
                Err(failure) => News::Lost(failure.lines().join("; ")),
            },
            _ = terminate.recv() => News::End,
            _ = interrupt.recv() => News::End,
            _ = hangup.recv() => News::End,
        };
        if news.send(told).is_err() {
            return;
        }
    }
}
