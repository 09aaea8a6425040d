//! The admin API against its own document, by Schemathesis. `cargo xtask api` runs this; it takes too long for every test run, so without
//! SCHEMATHESIS, the name of that program, it is skipped, and says so.

use std::process::{Command, Stdio};

use harness::{Backend, Proxy};

/// Names as odd as the configuration lets them be.
const ODD: &str = "a/b<c>%é#?";

#[test]
fn the_api_does_what_its_document_says() {
    let Some(program) = std::env::var_os("SCHEMATHESIS") else {
        eprintln!("skipped: SCHEMATHESIS doesn't name a program; see `cargo xtask api`");
        return;
    };
    let backends = [(); 2].map(|()| Backend::named("a"));
    let [a, b] = backends.each_ref().map(Backend::address);
    let proxy = Proxy::start(&format!(
        "workers = 1\nstate_dir = \"state\"\n[admin]\naddress = \"127.0.0.1:0\"\n[[listener]]\naddress = \"127.0.0.1:0\"\n\
         [[route]]\npath = \"/odd\"\npool = \"{ODD}\"\npolicy = \"ip-hash\"\n[[route]]\npath = \"/\"\npool = \"web\"\n\
         [pool.web]\nbackends = [{{ name = \"a\", address = \"{a}\" }}, {{ name = \"{ODD}\", address = \"{b}\" }}]\n\
         [pool.\"{ODD}\"]\nbackends = [{{ name = \"a\", address = \"{a}\" }}]\n"
    ));
    let mut command = Command::new(&program);
    // A path that isn't there would be taken for none at all.
    let settings = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/e2e/api/schemathesis.toml");
    command.args(["--config-file", settings, "--no-color", "run", "--checks", "all", "--mode", "all"]);
    command.args(["--max-examples", "20", "--seed", "1", "--continue-on-failure", "--max-time", "60"]);
    command.arg(format!("http://{}/api/v1/openapi.json", proxy.admin()));
    command.current_dir(proxy.path("")).env("NO_PROXY", "127.0.0.1").stdin(Stdio::null());
    let output = command.output().unwrap_or_else(|error| panic!("{}: {error}", program.display()));
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    eprintln!("{said}");
}
