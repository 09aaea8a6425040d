//! What is said of plugin files that don't serve.

use std::fs;

use harness::{Backend, Setup, constant, wait_until};

use super::{ADMIN, ctl};

#[test]
fn a_file_that_does_not_serve_is_told_of_until_it_does() {
    let backend = Backend::named("a");
    let good = constant(0, 0);
    let proxy = Setup { top: ADMIN, ..Setup::default() }.start_with_policy(&good, &[&backend]);
    let (admin, file) = (proxy.admin().to_string(), proxy.path("mine.wasm"));
    let status = || ctl(&["--address", &admin, "status"]).1;
    assert!(status().ends_with("\nall well\n"), "{}", status());
    let put = |content: &[u8]| {
        fs::write(file.with_extension("next"), content).expect("a file beside it");
        fs::rename(file.with_extension("next"), &file).expect("the file is replaced");
    };
    let left_out = |why: &str| {
        wait_until(&format!("it is told of: {why}"), || {
            let text = status();
            text.contains(" of pool test: the plugin file ")
                && text.contains(" doesn't serve, ")
                && text.contains(why)
        });
    };
    let well = || wait_until("all is well again", || status().ends_with("\nall well\n"));
    put(b"<html>not found</html>");
    left_out("a web page");
    assert!(ctl(&["--address", &admin, "policy", "test"]).1.contains("\nfile         "));
    // The content that serves, another one that can, and one that is there again.
    put(&good);
    well();
    put(b"<html>not found</html>");
    left_out("a web page");
    put(&constant(0, 1));
    well();
    fs::remove_file(&file).expect("a file");
    left_out("No such file");
    put(&constant(0, 1));
    well();
}
