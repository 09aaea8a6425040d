//! The export of traces by OTLP over HTTP, on a thread of its own.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::mpsc as blocking;
use std::time::Duration;

use opentelemetry_otlp::{SpanExporter, WithExportConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SpanExporter as _;
use pointsman_core::clock::{Clock, WallClock};
use pointsman_core::reminder::Reminder;
use tokio::sync::mpsc::Receiver;
use tokio::sync::oneshot;

use super::spans;
use super::trace::{FinishedTrace, Tracer};

/// Most requests of one export.
const BATCH: usize = 512;

/// How long a request waits for others that are exported with it.
const GATHER: Duration = Duration::from_millis(200);

/// How long a collector may take for an export.
const EXPORT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long the end of the process waits for the last export.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(2);

/// The thread that exports. Dropped, it exports nothing more.
pub struct TraceExport {
    stop: oneshot::Sender<()>,
    ended: blocking::Receiver<()>,
}

impl fmt::Debug for TraceExport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TraceExport")
    }
}

impl TraceExport {
    /// Exports what comes from a tracer, to this address or to that which the environment names.
    ///
    /// # Errors
    ///
    /// The system refuses a thread, or the address isn't one.
    pub fn start(
        endpoint: Option<&str>,
        tracer: Arc<Tracer>,
        finished: Receiver<FinishedTrace>,
        clock: Clock,
    ) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let exporter = {
            let _inside = runtime.enter();
            let builder = SpanExporter::builder().with_http().with_timeout(EXPORT_TIMEOUT);
            let builder = match endpoint {
                Some(endpoint) => builder.with_endpoint(endpoint),
                None => builder,
            };
            let mut exporter = builder.build().map_err(io::Error::other)?;
            exporter.set_resource(&resource());
            exporter
        };
        let (stop, stopped) = oneshot::channel();
        let (alive, ended) = blocking::channel();
        let sink = Sink { exporter, tracer, clock, failures: Reminder::default() };
        std::thread::Builder::new().name("traces".to_owned()).spawn(move || {
            runtime.block_on(sink.run(finished, stopped));
            drop(alive);
        })?;
        Ok(Self { stop, ended })
    }

    /// Exports what there is, for a while.
    pub fn finish(self) {
        // Fails if the thread has ended.
        let _ = self.stop.send(());
        // Nothing is ever sent: the thread drops its end.
        let _ = self.ended.recv_timeout(FLUSH_TIMEOUT);
    }
}

/// Who exports.
fn resource() -> Resource {
    let builder = Resource::builder()
        .with_attribute(opentelemetry::KeyValue::new("service.version", env!("CARGO_PKG_VERSION")));
    match std::env::var_os("OTEL_SERVICE_NAME") {
        // The library reads it.
        Some(_) => builder.build(),
        None => builder.with_service_name("pointsman").build(),
    }
}

struct Sink {
    exporter: SpanExporter,
    tracer: Arc<Tracer>,
    clock: Clock,
    failures: Reminder,
}

impl Sink {
    async fn run(self, mut finished: Receiver<FinishedTrace>, mut stopped: oneshot::Receiver<()>) {
        let mut batch = Vec::with_capacity(BATCH);
        loop {
            let is_over = tokio::select! {
                biased;
                _ = &mut stopped => true,
                // While others are gathered, nobody is woken for each.
                () = self.gather(&mut finished, &mut batch) => false,
            };
            if is_over {
                finished.close();
                while finished.recv_many(&mut batch, BATCH).await > 0 {
                    self.export(&mut batch).await;
                }
                return self.export(&mut batch).await;
            }
            self.export(&mut batch).await;
        }
    }

    /// Waits for some, and for those that come soon after.
    async fn gather(&self, finished: &mut Receiver<FinishedTrace>, batch: &mut Vec<FinishedTrace>) {
        if finished.recv_many(batch, BATCH).await > 0 && batch.len() < BATCH {
            tokio::time::sleep(GATHER).await;
            while batch.len() < BATCH
                && let Ok(another) = finished.try_recv()
            {
                batch.push(another);
            }
        }
    }

    async fn export(&self, batch: &mut Vec<FinishedTrace>) {
        if batch.is_empty() {
            return;
        }
        let spans: Vec<_> = {
            let times = WallClock::read(&self.clock);
            batch.drain(..).flat_map(|finished| spans::of(finished, times)).collect()
        };
        let count = spans.len();
        match tokio::time::timeout(EXPORT_TIMEOUT, self.exporter.export(spans)).await {
            Ok(Ok(())) => self.tracer.count_exported(count),
            failed => {
                self.tracer.count_dropped(count);
                if let Some(times) = self.failures.count(self.clock.now()) {
                    let error = match failed {
                        Ok(Err(error)) => error.to_string(),
                        _ => "no answer in time".to_owned(),
                    };
                    tracing::warn!(
                        event = "traces-dropped",
                        error,
                        spans = count,
                        times,
                        "the collector doesn't take traces; they are dropped"
                    );
                }
            }
        }
    }
}
