//! This crate's own files, for a program that writes policies' crates with the SDK in them.

/// Embeds these files, by their paths from the crate's folder.
macro_rules! files {
    ($($path:literal,)*) => { &[$(($path, include_str!(concat!("../", $path)))),*] };
}

/// Paths from the crate's folder, with contents: all that it takes to build it, and the contract for other languages. Tests aren't among them.
pub const FILES: &[(&str, &str)] = files![
    "LICENSE",
    "include/pointsman.go",
    "include/pointsman.h",
    "include/pointsman.ts",
    "include/pointsman.zig",
    "src/abi.rs",
    "src/abi/signature.rs",
    "src/backends.rs",
    "src/buffers.rs",
    "src/cells.rs",
    "src/clock.rs",
    "src/config.rs",
    "src/error.rs",
    "src/flags.rs",
    "src/guest.rs",
    "src/imports.rs",
    "src/instance.rs",
    "src/json.rs",
    "src/json/deserialize.rs",
    "src/json/error.rs",
    "src/json/key.rs",
    "src/lib.rs",
    "src/line.rs",
    "src/link.rs",
    "src/log.rs",
    "src/percent.rs",
    "src/period.rs",
    "src/policy.rs",
    "src/proxy.rs",
    "src/rendezvous.rs",
    "src/request.rs",
    "src/response.rs",
    "src/source.rs",
    "src/testing/answers.rs",
    "src/testing/fixed.rs",
    "src/testing/host.rs",
    "src/testing/mod.rs",
    "src/testing/policy.rs",
    "src/testing/pool.rs",
    "src/testing/request.rs",
    "src/verdict.rs",
];

/// The crate's `Cargo.toml` outside of its workspace, which is needed for nothing in it. It has no tests, and no dependencies for them.
pub const MANIFEST: &str = concat!(
    "[package]\nname = \"",
    env!("CARGO_PKG_NAME"),
    "\"\ndescription = \"",
    env!("CARGO_PKG_DESCRIPTION"),
    "\"\nversion = \"",
    env!("CARGO_PKG_VERSION"),
    "\"\nedition = \"2024\"\nrust-version = \"",
    env!("CARGO_PKG_RUST_VERSION"),
    "\"\nlicense = \"",
    env!("CARGO_PKG_LICENSE"),
    "\"\n\n[features]\nsource = []\n\n[dependencies]\n\
     serde = { version = \"1.0\", features = [\"derive\"] }\n\
     serde_json = \"1.0\"\n"
);

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;

    use super::*;

    const FOLDER: &str = env!("CARGO_MANIFEST_DIR");

    fn walk(folder: &Path, found: &mut BTreeSet<String>) {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                walk(&path, found);
            } else {
                found.insert(path.strip_prefix(FOLDER).expect("below").display().to_string());
            }
        }
    }

    #[test]
    fn all_files_are_here_but_those_of_tests() {
        let mut there = BTreeSet::from(["LICENSE".to_owned()]);
        walk(&Path::new(FOLDER).join("src"), &mut there);
        walk(&Path::new(FOLDER).join("include"), &mut there);
        there.retain(|path| !path.ends_with("/tests.rs") && !path.ends_with("/hostile.rs"));
        let embedded: Vec<&str> = FILES.iter().map(|(path, _)| *path).collect();
        assert_eq!(embedded, there.iter().map(String::as_str).collect::<Vec<_>>());
    }

    #[test]
    fn the_manifest_is_that_of_the_workspace() {
        let read = |path: &str| fs::read_to_string(Path::new(FOLDER).join(path)).expect("a file");
        let (own, workspace) = (read("Cargo.toml"), read("../Cargo.toml"));
        let section = |text: &str, name: &str| {
            let (_, rest) = text.split_once(&format!("\n[{name}]\n")).expect("a section");
            rest.split("\n[").next().unwrap_or_default().trim().to_owned()
        };
        let inherited = |line: &str| {
            let name = line.strip_suffix(".workspace = true").expect("a dependency of the workspace");
            let mut lines = workspace.lines();
            lines.find(|line| line.starts_with(&format!("{name} = "))).expect("its version").to_owned()
        };
        let dependencies: Vec<String> = section(&own, "dependencies").lines().map(inherited).collect();
        assert_eq!(section(MANIFEST, "dependencies"), dependencies.join("\n"));
        assert!(section(&own, "features").ends_with("\nsource = []"), "{own}");
        assert!(workspace.contains("\nedition = \"2024\"\n"), "{workspace}");
        assert_eq!(read("LICENSE"), read("../LICENSE"));
    }
}
