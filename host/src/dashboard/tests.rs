//! The files of the page, and what its pure modules work out (by node, skipped aloud where it isn't installed).

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use super::{ASSETS, PAGE, PLACE_OF_ASSETS};

/// Most that the page may weigh, bytes.
const MOST: usize = 150 * 1024;

fn folder() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/dashboard")
}

#[test]
fn all_files_are_served_and_weigh_little() {
    let there: BTreeSet<_> = fs::read_dir(folder().join("assets"))
        .expect("the folder")
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("a name"))
        .filter(|name| name != "index.html")
        .collect();
    let served: BTreeSet<_> = ASSETS.iter().map(|asset| asset.name.to_owned()).collect();
    assert_eq!(there, served);
    let size = PAGE.len() + ASSETS.iter().map(|asset| asset.content.len()).sum::<usize>();
    assert!(size <= MOST, "{size} bytes");
    assert_eq!(PLACE_OF_ASSETS.len(), "/assets/".len() + 16);
}

/// A content security policy that allows only files of the page's own origin lets nothing of this through.
#[test]
fn nothing_is_inline_and_nothing_is_read_as_html() {
    let scripts = PAGE.matches("<script").count();
    assert_eq!(scripts, PAGE.matches("</script>").count());
    assert_eq!(scripts, PAGE.matches("\"></script>").count() + PAGE.matches(" defer></script>").count());
    for inline in ["<style", " style=", " onclick", " onload", "javascript:"] {
        assert!(!PAGE.contains(inline), "{inline}");
    }
    for asset in ASSETS.iter().filter(|asset| asset.name.ends_with(".mjs")) {
        for sink in [
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "document.write",
            "eval(",
            "new Function",
            "http://",
            "https://",
        ] {
            let allowed = asset.name == "dom.mjs" && sink == "http://";
            assert!(allowed || !asset.content.contains(sink), "{} has {sink}", asset.name);
        }
        let lines = asset.content.lines().count();
        assert!(lines <= 400, "{} has {lines} lines", asset.name);
    }
}

#[test]
fn the_pure_modules_work_out_what_they_say() {
    let tests = folder().join("tests/pure.test.mjs");
    let Ok(ran) = Command::new("node").arg("--test").arg(&tests).output() else {
        eprintln!("skipped: node isn't installed");
        return;
    };
    let said = String::from_utf8_lossy(&ran.stdout);
    assert!(ran.status.success(), "{said}{}", String::from_utf8_lossy(&ran.stderr));
}
