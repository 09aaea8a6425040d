//! A fuzz target: what is read of a plugin before the compiler sees it.

use std::sync::LazyLock;

use wasmtime::{Engine, Module};

use super::{Refusal, container, work};

/// A file's content: what is a module for wasmtime isn't taken for something else, and a part of it isn't either.
///
/// # Panics
///
/// If that doesn't hold.
pub fn plugin_container(input: &[u8]) {
    static ENGINE: LazyLock<Engine> = LazyLock::new(Engine::default);
    let frame = container::check(input);
    let work = work::check(input);
    if Module::validate(&ENGINE, input).is_err() {
        return;
    }
    let is_fair = matches!(
        frame,
        Ok(_)
            | Err(Refusal::TooLarge { .. }
                | Refusal::StartFunction
                | Refusal::TooManyFunctions { .. }
                | Refusal::FunctionTooLarge { .. })
    );
    assert!(is_fair, "a module is taken for something else: {frame:?}");
    assert!(!matches!(work, Err(Refusal::NotWasm { .. } | Refusal::EndsEarly { .. })), "{work:?}");
    for cut in (1..input.len()).step_by((input.len() / 64).max(1)) {
        let part = container::check(&input[..cut]);
        assert!(
            !matches!(part, Err(Refusal::NotWasm { .. } | Refusal::Component)),
            "after {cut} bytes: {part:?}"
        );
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn the_corpus_holds() {
        let corpus = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/corpus/plugin_container");
        let files = fs::read_dir(corpus).expect("a folder").map(|file| file.expect("a file").path());
        for file in files {
            eprintln!("{}", file.display());
            plugin_container(&fs::read(file).expect("its content"));
        }
    }
}
