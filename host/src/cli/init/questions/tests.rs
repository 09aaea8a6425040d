use clap::Parser;

use super::*;

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    arguments: Arguments,
}

/// What follows from these answers, and what was seen meanwhile.
fn dialogue(options: &[&str], answers: &str) -> (Option<Choices>, String) {
    let arguments = Line::try_parse_from(["init"].iter().chain(options)).expect("options").arguments;
    let mut seen = Vec::new();
    let choices = ask(&arguments, &mut answers.as_bytes(), &mut seen).expect("a terminal");
    (choices, String::from_utf8(seen).expect("text"))
}

#[test]
fn enter_takes_the_defaults() {
    let (choices, seen) = dialogue(&[], "\n127.0.0.1:9 127.0.0.1:10,name=b,weight=2\n\n\n\n");
    let choices = choices.expect("answers");
    assert_eq!(choices.listen, "0.0.0.0:8080");
    assert_eq!(choices.backends.len(), 2);
    assert_eq!(choices.policy, PolicyChoice::Bundled("round-robin".into()));
    assert_eq!((choices.health, choices.admin.as_deref()), (None, Some("127.0.0.1:9901")));
    for part in ["[0.0.0.0:8080] > ", "least-conn", "[round-robin] > ", "[none] > ", "[127.0.0.1:9901] > "] {
        assert!(seen.contains(part), "{part}: {seen}");
    }
}

#[test]
fn a_wrong_answer_is_explained_and_asked_for_again() {
    let answers = "8080\n127.0.0.1:8080\n\n10.0.0.1\n127.0.0.1:9,wait=1\n127.0.0.1:9\nnonesuch\nno/such.wasm\nip-hash\nwell\n/well\n127.0.0.1:8080\nno\n";
    let (choices, seen) = dialogue(&[], answers);
    let choices = choices.expect("answers");
    assert_eq!(choices.listen, "127.0.0.1:8080");
    assert_eq!(choices.policy, PolicyChoice::Bundled("ip-hash".into()));
    assert_eq!((choices.health.as_deref(), choices.admin), (Some("/well"), None));
    for part in [
        "> `8080` is not an IP address with a port",
        "> at least one is needed",
        "> `10.0.0.1` has no port",
        "> `wait=1` is neither name=NAME nor weight=N",
        "> there is no policy `nonesuch`; bundled are ",
        "> cannot read the plugin no/such.wasm",
        "> `well` is no path",
        "127.0.0.1:8080` is taken",
    ] {
        assert!(seen.contains(part), "{part}: {seen}");
    }
}

#[test]
fn what_options_say_is_not_asked_for() {
    let options = ["--listen", "127.0.0.1:1", "--policy", "ip-hash", "--health", "/", "--admin"];
    let (choices, seen) = dialogue(&options, "127.0.0.1:9\n");
    assert_eq!(choices.expect("answers").admin.as_deref(), Some("127.0.0.1:9901"));
    assert_eq!(seen.matches("> ").count(), 1, "{seen}");
}

#[test]
fn without_answers_there_are_no_choices() {
    for answers in ["", "\n", "\n127.0.0.1:9", "\n127.0.0.1:9\n\n\n"] {
        assert_eq!(dialogue(&[], answers).0, None, "{answers:?}");
    }
    let (_, seen) = dialogue(&[], "\u{1b}[31m\n");
    assert!(!seen.contains('\u{1b}'), "{seen:?}");
}
