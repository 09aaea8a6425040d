//! Fuzz targets: what must hold whatever comes in.
//!
//! Each takes any bytes and panics where a property is broken. `fuzz/` feeds them without end; the test below replays what
//! `tests/corpus/` keeps of that. The targets of private functions stand beside these, as `fuzz.rs` in their module,
//! and one more in `pointsman-policy`.

mod configuration;
mod path;
pub(crate) mod wire;

use crate::{discovery, downstream, grpc, proxy, proxy_protocol, upstream};

/// A target: panics where a property is broken.
pub type Target = fn(&[u8]);

/// All targets, under the names of their folders in `tests/corpus/`.
pub const TARGETS: [(&str, Target); 11] = [
    ("chunked", downstream::fuzz::chunked),
    ("configuration", configuration::parses_or_says_where),
    ("dns_answers", discovery::fuzz::answers),
    ("framing", downstream::fuzz::framing),
    ("grpc_health_answer", grpc::fuzz::health_answer),
    ("header_fields", proxy::fuzz::header_fields),
    ("http2_frames", downstream::http2::fuzz::frames),
    ("path", path::has_one_form),
    ("proxy_protocol", proxy_protocol::fuzz::header),
    ("request_head", downstream::fuzz::request_head),
    ("response_framing", upstream::fuzz::response_framing),
];

/// Runs the target of this name.
///
/// # Panics
///
/// If there is none, or a property is broken.
pub fn run(name: &str, input: &[u8]) {
    let (_, target) = TARGETS.iter().find(|(known, _)| *known == name).expect("a target of that name");
    target(input);
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    #[test]
    fn the_corpus_holds() {
        let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/corpus");
        for (name, target) in TARGETS {
            let files = fs::read_dir(corpus.join(name)).expect("a folder for each target");
            let mut replayed = 0;
            for file in files.map(|file| file.expect("a file").path()) {
                eprintln!("{}", file.display());
                target(&fs::read(&file).expect("its content"));
                replayed += 1;
            }
            assert!(replayed > 0, "no input for {name}");
        }
    }
}
