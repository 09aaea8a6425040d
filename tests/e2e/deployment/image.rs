//! The Containerfile.

use super::{folder, programs, text};

/// What `cargo xtask image` relies on: the last stage copies from the stage `build`, and from nowhere else.
#[test]
fn the_image_is_made_of_nothing_but_what_was_built() {
    let file = text("Containerfile");
    let (_, last) = file.rsplit_once("\nFROM scratch\n").expect("a last stage without a base");
    let copies: Vec<&str> = last.lines().filter(|line| line.starts_with("COPY")).collect();
    assert!(copies.len() == 2 && copies.iter().all(|line| line.contains(" --from=build ")), "{copies:?}");
    for line in ["USER 65532:65532", "STOPSIGNAL SIGTERM", "ENTRYPOINT [\"/usr/bin/pointsman\"]"] {
        assert!(last.lines().any(|other| other == line), "{line}");
    }
    assert!(last.contains("HEALTHCHECK") && !last.contains("RUN"), "{last}");
}

/// Skipped where hadolint isn't installed.
#[test]
fn the_containerfile_is_written_as_others_write_theirs() {
    if let Some(checked) = programs::run(&folder(), "hadolint", &["Containerfile"]) {
        assert!(checked.status.success(), "{}", programs::text(&checked));
    }
}
