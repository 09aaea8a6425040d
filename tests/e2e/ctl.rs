//! `pointsman ctl` against a running proxy.

mod changing;
mod plugin_files;
mod silence;

use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use harness::{Backend, Setup, nobody, program, wait_until};

const ADMIN: &str = "[admin]\naddress = \"127.0.0.1:0\"\n";

/// What a command says, run in an empty folder, and its exit code.
fn ctl(arguments: &[&str]) -> (i32, String) {
    let folder = tempfile::tempdir().expect("a folder");
    told(&ctl_in(folder.path(), arguments))
}

fn ctl_in(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(program());
    command.arg("ctl").args(arguments).current_dir(folder).stdin(Stdio::null());
    command.output().expect("the program")
}

fn told(output: &Output) -> (i32, String) {
    let text = [&output.stdout[..], &output.stderr].concat();
    (output.status.code().expect("an exit code"), String::from_utf8(text).expect("text"))
}

/// The cells of the line that begins like this.
fn cells<'a>(text: &'a str, beginning: &str) -> Vec<&'a str> {
    let line = text.lines().find(|line| line.starts_with(beginning));
    line.unwrap_or_else(|| panic!("no {beginning}: {text}")).split_whitespace().collect()
}

#[test]
fn the_state_is_shown_in_tables() {
    let backends = [Backend::named("a"), Backend::named("b")];
    let proxy = Setup { top: ADMIN, ..Setup::default() }.start(&backends.each_ref());
    let mut client = proxy.client();
    (0..4).for_each(|_| drop(client.get("/").text()));
    let admin = proxy.admin().to_string();
    let shown = |arguments: &[&str]| {
        let (code, text) = ctl(&[&["--address", &admin], arguments].concat());
        assert_eq!(code, 0, "{text}");
        let is_table = arguments != ["events"];
        assert!(!is_table || text.lines().all(|line| line.chars().count() <= 80), "{text}");
        assert!(!text.contains('\x1b') && !text.contains('│'), "{text}");
        text
    };
    let status = ctl(&["--address", &admin, "status"]);
    assert!(
        status.1.contains(" serving: pointsman ") && status.1.contains("2 of 2 backends ready"),
        "{status:?}"
    );
    assert_eq!((status.0, status.1.lines().last()), (0, Some("all well")));
    assert_eq!(cells(&shown(&["pools"]), "test")[..3], ["test", "2/2", "0"]);
    assert_eq!(cells(&shown(&["backends"]), "test/b1")[..2], ["test/b1", "up"]);
    assert_eq!(cells(&shown(&["backends", "test"]), "test/b0")[..2], ["test/b0", "up"]);
    assert_eq!(shown(&["backends", "--down"]).lines().count(), 1, "the heading");
    assert_eq!(cells(&shown(&["policy"]), "test")[..2], ["test", "round-robin"]);
    assert!(shown(&["policy", "test"]).contains("from bundled round-robin"));
    assert!(shown(&["events"]).contains("  listener-bound  "));
    let json = shown_json(&admin, &["backends", "test"]);
    assert_eq!(json["pool"]["backends"][1]["name"], "b1");
}

#[test]
fn a_request_is_explained_with_the_numbers_that_its_policy_was_given() {
    let backends = [Backend::named("a"), Backend::named("b")];
    let top = format!("{ADMIN}explain_from = [\"127.0.0.1\"]\n");
    let proxy = Setup { top: &top, policy: "\"least-conn\"", ..Setup::default() }.start(&backends.each_ref());
    let response = proxy.client().get_with("/", "X-Pointsman-Explain: 1\r\n");
    let told = response.header("x-pointsman-explain").expect("an explanation");
    let id = response.header("x-request-id").expect("an id");
    assert!(told.starts_with("pool=test; backend=b") && told.ends_with(&format!("; id={id}")), "{told}");
    let admin = proxy.admin().to_string();
    // The worker writes it after the response.
    wait_until("the explanation", || ctl(&["--address", &admin, "explain", id]).0 == 0);
    let (_, text) = ctl(&["--address", &admin, "explain", id]);
    let chosen = text.lines().find(|line| line.starts_with("*  b")).expect("the backend that was chosen");
    // It wasn't asked for any other number of the one that it hasn't chosen.
    assert!(chosen.contains("ready  in_flight 0, ms_since_failure "), "{text}");
    assert!(text.contains("serves, by policy") && text.contains("answered"), "{text}");
    let (code, text) = ctl(&["--address", &admin, "explain", "no/such %id"]);
    assert!(code == 1 && text.contains("no explanation of a request `no/such %id`"), "{code} {text}");
    let other = proxy.client().get("/");
    assert_eq!(other.header("x-pointsman-explain"), None);
}

fn shown_json(admin: &str, arguments: &[&str]) -> serde_json::Value {
    let (code, text) = ctl(&[&["--json", "--address", admin], arguments].concat());
    assert_eq!(code, 0, "{text}");
    serde_json::from_str(&text).expect("JSON")
}

#[test]
fn exit_codes_tell_failures_apart() {
    let backend = Backend::named("a");
    let proxy = Setup { top: ADMIN, ..Setup::default() }.start(&[&backend]);
    let admin = proxy.admin().to_string();
    let closed = nobody().to_string();
    for (arguments, code, said) in [
        (
            &["--address", &admin, "backends", "nonesuch"][..],
            1,
            "there is no pool `nonesuch`; there are test",
        ),
        (&["--address", "nonsense", "pools"], 2, "`nonsense` is no address"),
        (&["--config", "none.toml", "pools"], 2, "none.toml"),
        (&["--address", &admin, "drain", "test"], 2, "write the pool's name, a slash and the backend's name"),
        (&["--address", &admin, "top"], 2, "needs a terminal"),
        (&["--address", &closed, "pools"], 3, "cannot reach the admin server at"),
        (&["--address", "unix:/none.sock", "pools"], 3, "cannot reach the admin server at unix:/none.sock"),
        (&["--address", &admin, "--token-file", "none", "pools"], 4, "cannot read the token file none"),
    ] {
        let (found, text) = ctl(arguments);
        assert_eq!(found, code, "{arguments:?}: {text}");
        assert!(text.contains(said), "{arguments:?}: {text}");
    }
}

/// The configuration says where the admin server is, and where its token is.
#[test]
fn a_configuration_leads_to_the_proxy_with_its_token() {
    let socket = TcpListener::bind("127.0.0.1:0").expect("a port");
    let folder = tempfile::tempdir().expect("a folder");
    let address = socket.local_addr().expect("an address");
    let config = format!("[admin]\naddress = \"{address}\"\ntoken_file = \"token\"\n");
    std::fs::write(folder.path().join("pointsman.toml"), config).expect("a configuration");
    std::fs::write(folder.path().join("token"), "0123456789abcdef\n").expect("a token");
    let server = std::thread::spawn(move || {
        let (mut client, _) = socket.accept().expect("a client");
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            client.read_exact(&mut byte).expect("a request");
            head.push(byte[0]);
        }
        let body = r#"{"status":401,"error":"bad-token","detail":"not this token"}"#;
        write!(client, "HTTP/1.1 401 Unauthorized\r\ncontent-length: {}\r\n\r\n{body}", body.len())
            .expect("an answer");
        String::from_utf8(head).expect("text").to_ascii_lowercase()
    });
    let (code, text) = told(&ctl_in(folder.path(), &["pools"]));
    assert_eq!(code, 4, "{text}");
    assert!(text.contains("not this token; name the file of its token with `--token-file FILE`"), "{text}");
    let head = server.join().expect("the server");
    assert!(head.starts_with("get /api/v1/pools http/1.1\r\n"), "{head}");
    assert!(head.contains("authorization: bearer 0123456789abcdef\r\n"), "{head}");
    assert!(head.contains(&format!("host: {address}\r\n")), "{head}");
}

#[test]
fn a_backend_that_only_fails_is_said_to() {
    let backend = Backend::start(|exchange| {
        exchange.send("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n")
    });
    let proxy = Setup { top: ADMIN, ..Setup::default() }.start(&[&backend]);
    let mut client = proxy.client();
    (0..8).for_each(|_| assert_eq!(client.get("/").status(), 503));
    let admin = proxy.admin().to_string();
    // What workers have counted is told several times a second.
    wait_until("it is said", || {
        let (code, said) = ctl(&["--address", &admin, "status"]);
        let is_said = said.contains("\nPool test: b0 fails 100 % of its requests.\n")
            && said.contains("\nPool test: 100 % of the responses are server errors (5xx).\n");
        code == 0 && is_said && !said.contains("all well")
    });
}
