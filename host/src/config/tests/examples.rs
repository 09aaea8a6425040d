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
    if let Some((admin, stated)) = default.admin.as_mut().zip(stated.admin.as_ref()) {
        admin.line = stated.line;
    }
    assert_eq!(format!("{stated:#?}"), format!("{default:#?}"));
}

/// Each key stands in its section, and each section in the file, live or behind one `#`. The keys are those that the reader itself lists.
#[test]
fn reference_has_every_key_and_no_other() {
    let strange = "nonsense_key = 1\n";
    let text = format!(
        "{strange}[admin]\n{strange}[tracing]\n{strange}[dns]\n{strange}[access_log]\n{strange}[metrics]\n{strange}[[listener]]\n{strange}[listener.tls]\n{strange}[[route]]\n{strange}[limit.NAME]\n{strange}[[error_page]]\n{strange}[pool.api]\n{strange}\
         [pool.api.policy]\n{strange}[pool.api.queue]\n{strange}[pool.api.retry]\n{strange}[pool.api.compression]\n{strange}[pool.api.health_check]\n{strange}[pool.api.ejection]\n{strange}\
         [[pool.api.backends]]\n{strange}[[pool.api.error_page]]\n{strange}"
    );
    let errors = parse(&text).unwrap_err();
    let unknown: Vec<_> = errors.iter().filter(|error| error.message.starts_with("unknown key")).collect();
    assert_eq!(unknown.len(), 20, "{errors}");
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

/// Keys and sections of the reference by their section, that of the example's pool under `pool.NAME`.
fn all_documented() -> Vec<(String, Vec<String>)> {
    let mut sections = vec![String::new()];
    for line in reference().lines() {
        let line = line.strip_prefix("# ").unwrap_or(line);
        if line.starts_with('[') && line.ends_with(']') {
            sections.push(line.trim_matches(['[', ']']).to_owned());
        }
    }
    let is_section = |section: &str, key: &str| sections.contains(&format!("{section}.{key}"));
    let keys = |section: &String| {
        let mut keys = documented(section);
        keys.retain(|key| {
            !section.is_empty() || !sections.iter().any(|other| other.split('.').next() == Some(key))
        });
        keys.retain(|key| !is_section(section, key));
        keys.sort();
        (section.replace("pool.api", "pool.NAME"), keys)
    };
    sections.iter().map(keys).collect()
}

/// What stands between backticks in a cell of a table.
fn names(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

fn cells(line: &str) -> Vec<&str> {
    line.trim_matches('|').split('|').map(str::trim).collect()
}

/// The page has a row for each section, with all of its keys and no other.
#[test]
fn page_has_every_section_with_every_key() {
    let page = include_str!("../../../docs/configuration.md");
    for (section, keys) in all_documented() {
        let starts = match &*section {
            "" => vec!["| top level |".to_owned()],
            section => vec![format!("| `[{section}]` |"), format!("| `[[{section}]]` |")],
        };
        let row = page.lines().find(|line| starts.iter().any(|start| line.starts_with(start)));
        let row = row.unwrap_or_else(|| panic!("host/docs/configuration.md has no row for `{section}`"));
        let mut stated: Vec<_> = names(cells(row)[1]).collect();
        stated.sort_unstable();
        assert_eq!(stated, keys, "host/docs/configuration.md: keys of `{section}`");
    }
}

/// Those who come from other proxies are told of keys and policies that there are.
#[test]
fn keys_of_the_pages_for_others_exist() {
    let mut known: Vec<String> = all_documented().into_iter().flat_map(|(_, keys)| keys).collect();
    known.extend(pointsman_policy::names().map(str::to_owned));
    // Keys of inline tables, and what isn't a key.
    known.extend(
        ["ca", "compression", "crl", "mode", "ocsp", "from", "health_check", "queue", "retry", "ejection"]
            .map(str::to_owned),
    );
    for (name, page) in [
        ("from-nginx.md", include_str!("../../../docs/from-nginx.md")),
        ("from-haproxy.md", include_str!("../../../docs/from-haproxy.md")),
    ] {
        let mut found = 0;
        let start = page.lines().skip_while(|line| !line.ends_with("| what differs |"));
        for row in start.skip(2).take_while(|line| line.starts_with('|')) {
            for key in names(cells(row)[1]).map(|span| span.split(" = ").next().unwrap_or(span)) {
                let is_key =
                    key.bytes().all(|byte| byte.is_ascii_lowercase() || b"0123456789_-".contains(&byte));
                if is_key {
                    found += 1;
                    assert!(known.iter().any(|known| known == key), "{name}: `{key}` in {row}");
                }
            }
        }
        assert!(found > 30, "{name}: {found}");
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
