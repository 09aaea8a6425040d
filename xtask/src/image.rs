//! `cargo xtask image`: whether the last stage of `deploy/Containerfile` makes an image that serves, drains and needs no more than it should.
//!
//! The stage before it builds the program, from a registry's image and for many minutes. Here a program that is there already takes its
//! place, with the libraries of this machine that it is linked to; all else is as the file has it.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::cargo;
use crate::probe;
use crate::program::ask;

const IMAGE: &str = "localhost/pointsman-check";
const CONTAINER: &str = "pointsman-check";

/// What a container is run with: as little as it needs. Limits that are those of the machine can't be raised everywhere.
const RUN: [&str; 9] = [
    "run",
    "--detach",
    "--read-only",
    "--cap-drop=all",
    "--network=host",
    "--memory=256m",
    "--ulimit=nofile=1024:1024",
    "--ulimit=nproc=1024:1024",
    "--name",
];

/// Builds the image and runs it. Skipped where there is no buildah or podman.
pub(crate) fn run(arguments: &[&str]) -> Result<(), String> {
    for tool in ["buildah", "podman"] {
        if Command::new(tool).arg("--version").stdin(Stdio::null()).output().is_err() {
            eprintln!("xtask: image: SKIPPED: there is no {tool}; Debian has it as a package");
            return Ok(());
        }
    }
    let Some(runtime) = runtime() else {
        eprintln!(
            "xtask: image: SKIPPED: podman has no runtime that works here; Debian has one as the package runc"
        );
        return Ok(());
    };
    let podman = Podman { runtime };
    let program = match arguments {
        [] => built()?,
        ["--program", path] => PathBuf::from(path),
        _ => return Err("image takes nothing but --program FILE".to_owned()),
    };
    let work = cargo::target_directory().join("image");
    if work.exists() {
        fs::remove_dir_all(&work).map_err(|error| format!("cannot remove {}: {error}", work.display()))?;
    }
    lay_out(&program, &work).map_err(|error| format!("cannot lay out {}: {error}", work.display()))?;
    add_libraries(&program, &work)?;
    eprintln!("xtask: image: building it around {}", program.display());
    let build =
        ["build", "--format=docker", "--isolation=chroot", "--storage-driver=vfs", "--tag", IMAGE, "."];
    ask(Command::new("buildah").args(build).current_dir(&work))?;
    let result = serve(podman, &work);
    let _ = podman.ask(&["rm", "--force", "--volumes", CONTAINER]);
    let _ = podman.ask(&["rmi", "--force", IMAGE]);
    result
}

/// The first of the runtimes of containers that is installed and can start one on this machine. Debian's podman is content with either, so
/// which one a machine has depends on what was installed first.
fn runtime() -> Option<&'static str> {
    // crun refuses where the second version of cgroups is mounted beside the first.
    let hybrid = Path::new("/sys/fs/cgroup/unified").exists();
    ["runc", "crun"].into_iter().find(|runtime| {
        let there = Command::new(runtime).arg("--version").stdin(Stdio::null()).output().is_ok();
        there && !(*runtime == "crun" && hybrid)
    })
}

/// The program of the tests: asked for as `cargo test --workspace` does, as other words give libraries other features, and it is compiled
/// again with most of them.
fn built() -> Result<PathBuf, String> {
    cargo::run(&["test", "--no-run", "--workspace", "--locked", "--quiet", "--test", "e2e"], &[])?;
    Ok(cargo::target_directory().join("debug/pointsman"))
}

/// Writes what the stage `build` would have left, and the rest of the Containerfile.
fn lay_out(program: &Path, work: &Path) -> std::io::Result<()> {
    let file = fs::read_to_string(cargo::root().join("deploy/Containerfile"))?;
    let (_, last) =
        file.rsplit_once("\nFROM scratch\n").ok_or_else(|| std::io::Error::other("no last stage in it"))?;
    let last = last
        .replace("--from=build /", "")
        .replace("--from=build --chown=65532:65532 /", "--chown=65532:65532 ");
    fs::create_dir_all(work.join("image/usr/bin"))?;
    fs::create_dir_all(work.join("state"))?;
    fs::copy(program, work.join("image/usr/bin/pointsman"))?;
    fs::write(work.join("Containerfile"), format!("FROM scratch\n{last}"))
}

/// Puts the libraries that a program is linked to where it looks for them.
fn add_libraries(program: &Path, work: &Path) -> Result<(), String> {
    // A static program has none, and ldd then fails.
    let Ok(linked) = ask(Command::new("ldd").arg(program)) else { return Ok(()) };
    let libraries: Vec<&str> = linked.split_whitespace().filter(|word| word.starts_with('/')).collect();
    for library in &libraries {
        let place = work.join("image").join(library.trim_start_matches('/'));
        let copied =
            place.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| fs::copy(library, &place));
        copied.map_err(|error| format!("cannot copy {library}: {error}"))?;
    }
    if !libraries.is_empty() {
        eprintln!(
            "xtask: image: not a static program: {} libraries of this machine go with it",
            libraries.len()
        );
    }
    Ok(())
}

/// Runs the image in front of a backend, has it serve a request, and stops it.
fn serve(podman: Podman, work: &Path) -> Result<(), String> {
    let (backend, address) = probe::Backend::start().map_err(|error| format!("no backend: {error}"))?;
    let [client, admin] = [free_port()?, free_port()?];
    let configuration = work.join("configuration");
    let text = format!(
        "state_dir = \"/var/lib/pointsman\"\nworkers = 1\n[admin]\naddress = \"127.0.0.1:{admin}\"\n\
         [[listener]]\naddress = \"127.0.0.1:{client}\"\nmax_connections = 100\n[pool.web]\nbackends = [\"{address}\"]\n"
    );
    let written = fs::create_dir_all(&configuration)
        .and_then(|()| fs::write(configuration.join("pointsman.toml"), text));
    written.map_err(|error| format!("cannot write a configuration: {error}"))?;
    let volume = format!("--volume={}:/etc/pointsman:ro", configuration.display());
    // A volume of the engine's own: it takes the folder's owner from the image.
    let state = "--volume=/var/lib/pointsman";
    podman.ask(&[&RUN[..], &[CONTAINER, &volume, state, IMAGE]].concat())?;
    let began = Instant::now();
    let answer = loop {
        match probe::get(client, "/") {
            Ok(answer) => break answer,
            Err(error) if began.elapsed() > Duration::from_secs(30) => {
                let log = podman.ask(&["logs", CONTAINER]).unwrap_or_default();
                return Err(format!("the container doesn't serve: {error}\n{log}"));
            }
            Err(_) => std::thread::sleep(Duration::from_millis(20)),
        }
    };
    eprintln!("xtask: image: a request was served {:.1?} after the start", began.elapsed());
    if !answer.starts_with("HTTP/1.1 200") || !answer.ends_with(probe::BODY) {
        return Err(format!("another answer than the backend's: {answer}"));
    }
    podman.ask(&["exec", CONTAINER, "/usr/bin/pointsman", "policy", "list"])?;
    podman.ask(&["stop", "--time=20", CONTAINER])?;
    let code = podman.ask(&["wait", CONTAINER])?;
    if code.trim() != "0" {
        return Err(format!("stopped, it ended with {}: {}", code.trim(), podman.ask(&["logs", CONTAINER])?));
    }
    backend.stop();
    eprintln!("xtask: image: read-only and without capabilities it serves, and a stop drains it");
    Ok(())
}

/// A port that nobody listens on.
fn free_port() -> Result<u16, String> {
    let socket = TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr());
    socket.map(|address| address.port()).map_err(|error| format!("no free port: {error}"))
}

/// podman, run in the way that works without a daemon and without a hierarchy of cgroups of one's own.
#[derive(Clone, Copy)]
struct Podman {
    /// The program that starts its containers.
    runtime: &'static str,
}

impl Podman {
    fn ask(self, arguments: &[&str]) -> Result<String, String> {
        let mut command = Command::new("podman");
        command.args(["--storage-driver=vfs", "--cgroup-manager=cgroupfs", "--runtime", self.runtime]);
        ask(command.args(arguments))
    }
}
