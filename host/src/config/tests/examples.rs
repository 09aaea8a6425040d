//! The files in `config/` say what is true.

use super::*;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../config");

fn reference() -> String {
    std::fs::read_to_string(Path::new(FOLDER).join("reference.toml")).unwrap()
}

#[test]
fn every_example_is_good() {
    let mut files = 0;
    for entry in std::fs::read_dir(FOLDER).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            Config::load(&path).unwrap_or_else(|errors| panic!("{errors}"));
            files += 1;
        }
    }
    assert!(files >= 5, "only {files} examples in {FOLDER}");
}

/// What the reference states is what a configuration without these keys has.
#[test]
fn reference_states_the_defaults() {
    let stated = good(&reference());
    let text = "[admin]\naddress = '127.0.0.1:9901'\n[[listener]]\naddress = '0.0.0.0:8080'\n\
                [pool.api]\nbackends = ['10.0.0.1:8080']";
    let mut default = good(text);
    default.pools[0].policy.line = stated.pools[0].policy.line;
    default.listeners[0].line = stated.listeners[0].line;
    assert_eq!(format!("{stated:#?}"), format!("{default:#?}"));
}

/// Each key stands in its section, and each section in the file, live or behind one `#`. The keys are those that the reader itself lists.
#[test]
fn reference_has_every_key_and_no_other() {
    let strange = "nonsense_key = 1\n";
    let text = format!(
        "{strange}[admin]\n{strange}[tracing]\n{strange}[dns]\n{strange}[access_log]\n{strange}[metrics]\n{strange}[[listener]]\n{strange}[listener.tls]\n{strange}[[route]]\n{strange}[pool.api]\n{strange}\
         [pool.api.policy]\n{strange}[pool.api.queue]\n{strange}[pool.api.retry]\n{strange}[pool.api.health_check]\n{strange}[pool.api.ejection]\n{strange}\
         [[pool.api.backends]]\n{strange}"
    );
    let errors = parse(&text).unwrap_err();
    let unknown: Vec<_> = errors.iter().filter(|error| error.message.starts_with("unknown key")).collect();
    assert_eq!(unknown.len(), 16, "{errors}");
    for error in unknown {
        let section = error.key.trim_end_matches("nonsense_key").trim_end_matches('.').replace("[0]", "");
        let known: Vec<_> = error.hint.split('`').skip(1).step_by(2).collect();
        let documented = documented(&section);
        for key in &known {
            assert!(
                documented.iter().any(|other| other == key),
                "`{key}` of `[{section}]` is not in reference.toml"
            );
        }
        for key in &documented {
            assert!(
                known.contains(&key.as_str()),
                "`{key}` of `[{section}]` is in reference.toml, but is no key"
            );
        }
    }
}

/// The keys of a section and the sections in it.
fn documented(section: &str) -> Vec<String> {
    let mut here = String::new();
    let mut keys = Vec::new();
    for line in reference().lines() {
        let line = line.strip_prefix("# ").unwrap_or(line);
        if line.starts_with('[') && line.ends_with(']') {
            here = line.trim_matches(['[', ']']).to_owned();
            let inner =
                if section.is_empty() { Some(&*here) } else { here.strip_prefix(&format!("{section}.")) };
            keys.extend(inner.and_then(|inner| inner.split('.').next()).map(str::to_owned));
        }
        if let Some((key, _)) = line.split_once(" = ")
            && here == section
            && key.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
        {
            keys.push(key.to_owned());
        }
    }
    keys
}
