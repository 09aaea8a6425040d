//! A network that loses packets: a namespace of its own, in which a rule drops some of what arrives.

use std::env;
use std::process::{Command, id};

use harness::{Backend, Setup};

use crate::load::{CONNECTIONS, Method, under_load};

/// Set in the process that runs inside the namespace.
const INSIDE: &str = "POINTSMAN_TEST_NAMESPACE";

/// A network namespace, which goes away when it is dropped.
struct Namespace(String);

impl Namespace {
    fn new() -> Self {
        let name = format!("pointsman-{}", id());
        run(Command::new("ip").args(["netns", "add", &name]));
        let namespace = Self(name);
        run(namespace.command("ip").args(["link", "set", "lo", "up"]));
        namespace
    }

    /// A program that will run inside.
    fn command(&self, program: &str) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.0, program]);
        command
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        let _ = Command::new("ip").args(["netns", "del", &self.0]).status();
    }
}

fn run(command: &mut Command) {
    let status = command.status();
    assert!(status.as_ref().is_ok_and(|status| status.success()), "{command:?}: {status:?}");
}

#[test]
#[ignore = "needs root, iproute2 and nftables"]
fn two_percent_of_loss_cost_time_and_no_get() {
    let namespace = Namespace::new();
    for rule in [
        "add table inet loss",
        "add chain inet loss arriving { type filter hook input priority 0 ; }",
        "add rule inet loss arriving meta l4proto tcp numgen random mod 100 < 2 drop",
    ] {
        run(namespace.command("nft").arg(rule));
    }
    let this = env::current_exe().expect("this program");
    let mut inside = namespace.command(&this.display().to_string());
    run(inside.args(["--exact", "lossy::inside", "--ignored", "--nocapture"]).env(INSIDE, "yes"));
}

/// Not a test of its own: what runs inside the namespace.
#[test]
#[ignore = "runs in a namespace that another test makes"]
fn inside() {
    if env::var(INSIDE).is_err() {
        return;
    }
    let backends = ["a", "b", "c"].map(Backend::named);
    let setup = Setup { listener: "keepalive_requests = 1000000000", ..Setup::default() };
    let proxy = setup.start(&backends.each_ref());
    let load = under_load(&proxy, Method::Get, |load| load.wait_for_more(100 * CONNECTIONS));
    assert_eq!(load.failures(), Vec::<String>::new());
}
