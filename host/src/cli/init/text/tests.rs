use clap::Parser;

use super::*;
use crate::config::{CheckKind, Config, PolicySource};

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    arguments: Arguments,
}

/// What a command line makes.
fn choices(options: &[&str]) -> Choices {
    let words = ["init"].iter().chain(options);
    Choices::from_options(&Line::try_parse_from(words).expect("options").arguments).expect("choices")
}

/// What a configuration says of the things that can be chosen.
fn meant(text: &str) -> String {
    let config =
        Config::parse(text, Path::new("pointsman.toml")).unwrap_or_else(|faults| panic!("{text}\n{faults}"));
    let (listener, pool) = (&config.listeners[0], &config.pools[0]);
    let mut meant = format!("{} ->", listener.address);
    for backend in &pool.backends {
        let _ = write!(meant, " {}={}*{}", backend.name, backend.address, backend.weight);
    }
    let _ = match &pool.policy.source {
        PolicySource::Named(name) => write!(meant, " by {name}"),
        PolicySource::File(file) => write!(meant, " by file {}", file.display()),
    };
    if let Some(CheckKind::Http(check)) = pool.health.check.as_ref().map(|check| &check.kind) {
        let _ = write!(meant, ", asked for {}", check.path);
    }
    if let Some(admin) = config.admin {
        let _ = write!(meant, ", admin {}", admin.address);
    }
    if let Some(tls) = &listener.tls {
        let files = &tls.certificates[0];
        let _ = write!(meant, ", {} and {}", files.cert.path.display(), files.key.path.display());
    }
    meant
}

#[test]
fn a_file_says_what_was_chosen() {
    for (options, says) in [
        (&["--backend", "127.0.0.1:9"][..], "0.0.0.0:8080 -> 127.0.0.1:9=127.0.0.1:9*1 by round-robin"),
        (
            &[
                "--listen",
                "[::1]:80",
                "--backend",
                "10.0.0.1:80,name=a,weight=3",
                "--backend",
                "[::2]:80",
                "--policy",
                "least-conn",
            ],
            "[::1]:80 -> a=10.0.0.1:80*3 [::2]:80=[::2]:80*1 by least-conn",
        ),
        (
            &["--backend", "10.0.0.1:80,name=<img/onerror=1>%#;[]{}", "--health", "/x?y=1&z='", "--admin"],
            "0.0.0.0:8080 -> <img/onerror=1>%#;[]{}=10.0.0.1:80*1 by round-robin, asked for /x?y=1&z=', admin 127.0.0.1:9901",
        ),
        (
            &["--backend", "10.0.0.1:80", "--policy", "it's \"mine\"\\\t#.wasm", "--admin", "127.0.0.2:1"],
            "0.0.0.0:8080 -> 10.0.0.1:80=10.0.0.1:80*1 by file it's \"mine\"\\\t#.wasm, admin 127.0.0.2:1",
        ),
        (
            &["--backend", "10.0.0.1:80,weight=1000", "--tls-cert", "tls/ü'.crt", "--tls-key", "a\nb.key"],
            "0.0.0.0:8443 -> 10.0.0.1:80=10.0.0.1:80*1000 by round-robin, tls/ü'.crt and a\nb.key",
        ),
    ] {
        assert_eq!(meant(&choices(options).text()), says, "{options:?}");
    }
}

/// What is commented out is good as it stands, once it isn't.
#[test]
fn what_is_commented_out_can_be_used() {
    let text = choices(&["--backend", "127.0.0.1:9"]).text();
    let lines = text.lines().map(|line| match line.strip_prefix("# ") {
        Some(rest)
            if rest.starts_with('[') || rest.split_once(" = ").is_some_and(|(key, _)| !key.contains(' ')) =>
        {
            rest
        }
        _ => line,
    });
    let all = lines.collect::<Vec<_>>().join("\n");
    assert_eq!(
        meant(&all),
        "0.0.0.0:8080 -> 127.0.0.1:9=127.0.0.1:9*1 by round-robin, asked for /healthz, admin 127.0.0.1:9901, site.crt and site.key"
    );
    assert!(text.lines().all(|line| line.len() <= 140), "{text}");
}

/// A text can't end the line or the quotes that it stands in.
#[test]
fn whatever_is_chosen_the_file_has_the_same_keys() {
    let plain = choices(&["--backend", "127.0.0.1:9,name=a", "--health", "/", "--admin"]);
    for text in ["\"", "'", "\n[admin]\n", "\\", "\"\"\"", "'''", "\u{0}", "\r\n#", " ] } "] {
        let odd = Choices {
            listen: text.into(),
            backends: vec![BackendChoice { address: text.into(), name: Some(text.into()), weight: None }],
            policy: PolicyChoice::Bundled(text.into()),
            health: Some(text.into()),
            admin: Some(text.into()),
            tls: None,
        };
        let keys = |choices: &Choices| {
            let faults = Config::parse(&choices.text(), Path::new("f.toml")).err();
            faults
                .map(|faults| faults.iter().map(|fault| fault.key.clone()).collect::<Vec<_>>())
                .unwrap_or_default()
        };
        assert!(keys(&plain).is_empty());
        for key in keys(&odd) {
            assert!(option(&key).is_some(), "{text:?}: {key:?} is from no option\n{}", odd.text());
        }
    }
}

#[test]
fn a_fault_is_named_by_its_option() {
    for (options, said) in [
        (&["--backend", "10.0.0.1"][..], "--backend: `10.0.0.1` has no port; write `\"10.0.0.1:8080\"`"),
        (
            &["--backend", "10.0.0.1:80,weight=0"],
            "--backend: `0` is no share of the requests; write `draining = true` for a backend that gets none",
        ),
        (
            &["--backend", "10.0.0.1:80", "--listen", "8080"],
            "--listen: `8080` is not an IP address with a port; write one such as `\"0.0.0.0:8080\"` or `\"[::1]:8080\"`",
        ),
        (
            &["--backend", "10.0.0.1:80", "--policy", "no such"],
            "--policy: `no such` is no name of a policy; use 1 to 64 letters, digits, `-` and `_`",
        ),
        (
            &["--backend", "10.0.0.1:80", "--health", "healthz"],
            "--health: `healthz` is no path; write one such as `\"/healthz\"`",
        ),
    ] {
        let faults = Config::parse(&choices(options).text(), Path::new("f.toml")).expect_err("a fault");
        let said_of: Vec<String> = faults.iter().map(by_option).collect();
        assert_eq!(said_of, [said], "{options:?}");
    }
}

#[test]
fn the_report_has_commands_that_a_shell_takes() {
    let report = choices(&["--backend", "127.0.0.1:9"]).report(Path::new("pointsman.toml"));
    assert!(
        report.ends_with("pointsman check\nRun it:    pointsman run\nTry it:    curl http://localhost:8080/"),
        "{report}"
    );
    let report =
        choices(&["--backend", "127.0.0.1:9", "--admin", "0.0.0.0:9901"]).report(Path::new("a.toml"));
    assert!(report.ends_with("curl http://localhost:8080/\nSee it:    http://localhost:9901/"), "{report}");
    let report = choices(&["--backend", "127.0.0.1:9", "--admin", "unix:a.sock"]).report(Path::new("a.toml"));
    assert!(!report.contains("See it"), "{report}");
    let report =
        choices(&["--backend", "127.0.0.1:9", "--listen", "127.0.0.2:1"]).report(Path::new("it's mine.toml"));
    assert!(report.contains(r"pointsman run --config 'it'\''s mine.toml'"), "{report}");
    assert!(report.contains("curl http://127.0.0.2:1/"), "{report}");
}
