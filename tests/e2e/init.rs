//! `pointsman init`: from nothing to a served request.

use std::process::Output;

use harness::{Backend, Client, Proxy, program};
use tempfile::TempDir;

fn init(folder: &TempDir, options: &[&str]) -> Output {
    let mut command = std::process::Command::new(program());
    command.arg("init").args(options).current_dir(folder.path()).stdin(std::process::Stdio::null());
    command.output().expect("the program")
}

fn told(output: &Output) -> (Option<i32>, String) {
    let texts = [&output.stdout[..], &output.stderr].concat();
    (output.status.code(), String::from_utf8(texts).expect("text"))
}

#[test]
fn a_written_configuration_serves() {
    let folder = tempfile::tempdir().expect("a folder");
    let backends = [Backend::named("a"), Backend::named("b")];
    let entry = |place: usize| format!("{},name=b{place}", backends[place].address());
    let options = ["--listen", "127.0.0.1:0", "--policy", "least-conn", "--health", "/healthz"];
    let (code, said) =
        told(&init(&folder, &[&options[..], &["--backend", &entry(0), "--backend", &entry(1)]].concat()));
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("pointsman check\n") && said.contains("pointsman run\n"), "{said}");

    let written = std::fs::read_to_string(folder.path().join("pointsman.toml")).expect("the file");
    let proxy = Proxy::start_in(folder, &written);
    let mut client = Client::connect(proxy.address());
    let mut served = [client.get("/").text(), client.get("/").text()];
    served.sort();
    assert_eq!(served, ["a", "b"]);
}

#[test]
fn nothing_is_written_unless_it_is_right_and_new() {
    let folder = tempfile::tempdir().expect("a folder");
    let (code, said) = told(&init(&folder, &[]));
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("--backend") && said.contains("--help"), "{said}");
    for (options, fault) in [
        (
            &["--backend", "127.0.0.1:9", "--policy", "nonesuch"][..],
            "--policy: there is no policy `nonesuch`",
        ),
        (&["--backend", "127.0.0.1:9", "--tls-cert", "a.crt", "--tls-key", "a.key"], "a.crt"),
        (
            &["--backend", "127.0.0.1:9", "--admin", "0.0.0.0:9901"],
            "--admin: `0.0.0.0:9901` is open to other machines",
        ),
    ] {
        let (code, said) = told(&init(&folder, options));
        assert_eq!(code, Some(1), "{said}");
        assert!(said.contains(fault) && said.ends_with("nothing was written\n"), "{said}");
    }
    assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 0);

    let file = folder.path().join("pointsman.toml");
    std::fs::write(&file, "mine").expect("a file");
    let (code, said) = told(&init(&folder, &["--backend", "127.0.0.1:9"]));
    assert_eq!(code, Some(1));
    assert!(said.contains("pointsman.toml is there already; `--force` replaces it"), "{said}");
    assert_eq!(std::fs::read_to_string(&file).expect("the file"), "mine");
    assert_eq!(told(&init(&folder, &["--backend", "127.0.0.1:9", "--force"])).0, Some(0));
    assert_ne!(std::fs::read_to_string(&file).expect("the file"), "mine");
}
