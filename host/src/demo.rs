//! `pointsman demo`: the whole thing on one screen, without a file to write.

mod backends;
mod certificate;
mod http2_load;
mod load;
mod report;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use pointsman_core::address::Address;
use pointsman_policy::{PolicySlot, VersionId};
use tempfile::TempDir;

use crate::app::{App, StartOptions};
use crate::config::Config;
use crate::console::show;
use crate::control::signals::{Request, Signals};
use crate::log::{self, Log, LogControls};

use backends::Backends;
use certificate::{NAME, SelfSigned};
use load::{Load, Phase};
use report::Report;

/// Policies that are shown, each in a pool of its own.
const SHOWN: [&str; 3] = ["round-robin", "least-conn", "ip-hash"];
/// The swap goes from this policy to the other: a change that the eye sees.
const SWAP: (&str, &str) = ("round-robin", "ip-hash");

const CONNECTIONS: usize = 16;
const REQUESTS: usize = 600;
/// Load before and after the swap.
const AROUND_SWAP: Duration = Duration::from_millis(1500);
const SWAP_DEADLINE: Duration = Duration::from_secs(20);
/// How long the three backends take while the proxy stays up: one of them is slow, as the page and `pointsman ctl top` show.
const AFTERWARDS: [Duration; 3] =
    [Duration::from_millis(40), Duration::from_millis(40), Duration::from_millis(200)];
/// Connections to each pool by then. A few requests a second are enough to see something.
const PLAYGROUND_CONNECTIONS: usize = 3;
/// Ports of the proxy that stays up: in clear, over TLS, and of the admin server.
const PORTS: [u16; 3] = [8080, 8443, 9901];
/// Requests that a backend is said to take at a time, for the page to tell how much room there is.
const MAX_REQUESTS: usize = 50;
/// Admission tries a policy out with 1,000 backends. On a machine that is still busy with a build, that may take more CPU time than
/// a call has by default.
const PATIENT: &str = "deadline = \"50ms\"";

/// What to do when the demonstration is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Afterwards {
    /// End, with 0 if all went well.
    Exit,
    /// Keep the proxy up for people to play with.
    StayUp,
}

/// Runs the demonstration.
///
/// # Errors
///
/// Something that has nothing to do with a proxy: no directory for the plugin, no port, no thread.
pub fn run(afterwards: Afterwards) -> Result<ExitCode> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().context("no event loop")?;
    runtime.block_on(demonstrate(afterwards))
}

async fn demonstrate(afterwards: Afterwards) -> Result<ExitCode> {
    let mut signals = Signals::listen().context("cannot listen to signals")?;
    // Only errors stand between the lines of the report; the page and `ctl events` tell the rest.
    let log = Log::start(log::parse_filter("error").map_err(anyhow::Error::msg)?).context("no log")?;
    let backends =
        Backends::start(["b1", "b2", "b3"]).context("cannot start the demonstration's backends")?;
    let plugin = PluginFile::create()?;
    let certificate = SelfSigned::create(plugin.directory.path())?;
    let file = plugin.directory.path().join("demo.toml");
    let (app, admin) = start(&backends, &plugin, &certificate, &file, afterwards, &log.controls())?;
    let addresses: Vec<SocketAddr> = app.listeners().iter().map(Address::ends_at).collect();
    let [address, over_tls] = *addresses else { bail!("the proxy has no two listeners") };

    show!("Pointsman on http://{address} and https://{NAME}:{}, three backends", over_tls.port());
    show!("behind it, {CONNECTIONS} connections\n");
    let mut report = Report::new(backends.names());
    for policy in SHOWN {
        let path = format!("/{policy}");
        let tally =
            tokio::task::spawn_blocking(move || load::send(address, &path, CONNECTIONS, REQUESTS)).await??;
        report.policy(policy, &tally);
    }
    let (tls, path) = (certificate.client()?, format!("/{}", SHOWN[0]));
    let tally =
        tokio::task::spawn_blocking(move || http2_load::send(over_tls, &tls, &path, CONNECTIONS, REQUESTS));
    report.policy(&format!("{} (HTTP/2, TLS)", SHOWN[0]), &tally.await??);
    let swapped = swap_under_load(&app, address, &plugin, &mut report).await?;
    report.conclude();

    let good = swapped && report.failures() == 0;
    if afterwards == Afterwards::StayUp {
        print_playground([address, over_tls], admin, &plugin, &certificate);
        stay_up(&app, address, &backends, &mut signals).await?;
    }
    tokio::task::spawn_blocking(move || app.join()).await.context("the proxy failed")??;
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Serves with a little load until the process is told to end.
async fn stay_up(app: &App, address: SocketAddr, backends: &Backends, signals: &mut Signals) -> Result<()> {
    backends.take(AFTERWARDS);
    let paths = SHOWN.iter().map(|policy| format!("/{policy}")).chain(["/".to_owned()]);
    let loads: Vec<Load> =
        paths.map(|path| Load::start(address, path, PLAYGROUND_CONNECTIONS)).collect::<Result<_>>()?;
    let ended = async { while signals.next().await != Request::End {} };
    tokio::select! {
        () = ended => {}
        served = app.serve_admin() => served.context("the admin server failed")?,
    }
    show!("\nending");
    tokio::task::spawn_blocking(|| loads.into_iter().try_for_each(|load| load.stop().map(drop))).await?
}

/// Starts the proxy on the ports, or on any if one of them is taken, and says where its admin server is. One that ends by itself is on any
/// ports and has no admin server.
fn start(
    backends: &Backends,
    plugin: &PluginFile,
    certificate: &SelfSigned,
    file: &Path,
    afterwards: Afterwards,
    log: &LogControls,
) -> Result<(App, u16)> {
    let start_on = |ports: [u16; 3]| {
        std::fs::write(file, configuration(backends, plugin, certificate, ports))?;
        let config = Config::load(file)?;
        let options = StartOptions { log: log.clone(), ..StartOptions::default() };
        Ok((App::start(config, file, options)?, ports[2]))
    };
    match afterwards {
        Afterwards::Exit => start_on([0; 3]),
        Afterwards::StayUp => start_on(PORTS).or_else(|_: anyhow::Error| start_on([0, 0, free_port()?])),
    }
}

/// A port that nobody has just now.
fn free_port() -> Result<u16> {
    let socket = std::net::TcpListener::bind(("127.0.0.1", 0)).context("no port")?;
    Ok(socket.local_addr().context("no port")?.port())
}

fn configuration(
    backends: &Backends,
    plugin: &PluginFile,
    certificate: &SelfSigned,
    [port, tls_port, admin_port]: [u16; 3],
) -> String {
    let members: Vec<String> = backends
        .list()
        .iter()
        .map(|(name, address)| format!("{{ name = \"{name}\", address = \"{address}\" }}"))
        .collect();
    let members = members.join(", ");
    let mut text = format!("workers = 2\n[[listener]]\naddress = \"127.0.0.1:{port}\"\n");
    text += &format!(
        "[[listener]]\naddress = \"127.0.0.1:{tls_port}\"\n[listener.tls]\n\
         certificates = [{{ cert = '{}', key = '{}' }}]\n",
        certificate.certificate.display(),
        certificate.key.display()
    );
    if admin_port != 0 {
        text += &format!("[admin]\naddress = \"127.0.0.1:{admin_port}\"\nexplain_from = [\"127.0.0.1\"]\n");
    }
    for policy in SHOWN {
        text += &format!("[[route]]\npath = \"/{policy}\"\npool = \"{policy}\"\n");
        text += &format!(
            "[pool.{policy}]\nmax_requests = {MAX_REQUESTS}\npolicy = {{ name = \"{policy}\", {PATIENT} }}\nbackends = [{members}]\n"
        );
    }
    text += "[[route]]\npath = \"/\"\npool = \"swapped\"\n";
    text += &format!(
        "[pool.swapped]\nmax_requests = {MAX_REQUESTS}\npolicy = {{ file = '{}', {PATIENT} }}\nbackends = [{members}]\n",
        plugin.path.display()
    );
    text
}

/// Replaces the plugin while requests flow; says whether the new version came to serve.
async fn swap_under_load(
    app: &App,
    address: SocketAddr,
    plugin: &PluginFile,
    report: &mut Report,
) -> Result<bool> {
    let slots = app.slots();
    let slot = slots.last().context("the swapped pool is missing")?;
    let load = Load::start(address, "/".into(), CONNECTIONS)?;
    tokio::time::sleep(AROUND_SWAP).await;

    load.begin_phase(Phase::During);
    let began = Instant::now();
    plugin.replace_by(SWAP.1)?;
    let swapped = serves(slot, SWAP.1).await;
    let took = began.elapsed();

    load.begin_phase(Phase::After);
    tokio::time::sleep(AROUND_SWAP).await;
    let tallies = tokio::task::spawn_blocking(|| load.stop()).await.context("the load failed")?;
    report.swap(SWAP, &tallies, swapped.then_some(took));
    Ok(swapped)
}

/// Waits until a pool serves with this bundled policy.
async fn serves(slot: &Arc<PolicySlot>, policy: &str) -> bool {
    let wanted = pointsman_policy::bundled(policy).map(VersionId::of);
    let began = Instant::now();
    while began.elapsed() < SWAP_DEADLINE {
        if Some(slot.active().version.id) == wanted {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    false
}

fn print_playground(
    [address, over_tls]: [SocketAddr; 2],
    admin: u16,
    plugin: &PluginFile,
    certificate: &SelfSigned,
) {
    let (path, folder) = (plugin.path.display(), plugin.directory.path().display());
    show!("The proxy stays up until ctrl-c, with a little load and one slow backend. See it in a browser:\n");
    show!("    http://127.0.0.1:{admin}/");
    show!("\nor in a terminal:\n");
    let ctl =
        std::env::current_exe().map_or_else(|_| "pointsman".into(), |program| program.display().to_string());
    let ctl = format!("{ctl} ctl --address 127.0.0.1:{admin}");
    show!("    {ctl} top");
    show!("    {ctl} swap swapped least-conn");
    show!("    {ctl} rollback swapped");
    show!("\nAsk the proxy who serves:\n");
    for policy in SHOWN {
        show!("    curl http://{address}/{policy}");
    }
    show!("    curl http://{address}/             # the policy in the file");
    show!("\nAsk it why:\n");
    show!("    curl -i -H 'x-pointsman-explain: 1' http://{address}/");
    show!("    {ctl} explain ID");
    show!("\nOver HTTP/2 and TLS, with a certificate made for this demonstration:\n");
    let (file, port) = (certificate.certificate.display(), over_tls.port());
    show!("    curl --http2 --cacert {file} https://{NAME}:{port}/ -w '%{{http_version}}\\n'");
    show!("\nSwap the policy of / while you do:\n");
    for policy in SHOWN {
        show!("    cp {folder}/{policy}.wasm {path}");
    }
    show!("");
}

/// A plugin file in a directory of its own, with the bundled policies beside it to replace it by.
#[derive(Debug)]
struct PluginFile {
    directory: TempDir,
    path: PathBuf,
}

impl PluginFile {
    fn create() -> Result<Self> {
        let directory =
            tempfile::Builder::new().prefix("pointsman-demo-").tempdir().context("no directory")?;
        for name in SHOWN {
            let content =
                pointsman_policy::bundled(name).with_context(|| format!("no bundled policy {name}"))?;
            std::fs::write(directory.path().join(format!("{name}.wasm")), content)?;
        }
        let path = directory.path().join("policy.wasm");
        let plugin = Self { directory, path };
        plugin.replace_by(SWAP.0)?;
        Ok(plugin)
    }

    /// Puts a bundled policy in place in one step, so that no reader sees a part of it.
    fn replace_by(&self, policy: &str) -> Result<()> {
        let new = self.path.with_extension("new");
        std::fs::copy(self.directory.path().join(format!("{policy}.wasm")), &new)?;
        std::fs::rename(&new, &self.path).context("cannot replace the plugin")
    }
}
