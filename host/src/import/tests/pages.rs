//! The examples of the pages: a configuration of another proxy, what comes of it, and the list.

use std::fs;
use std::path::Path;

use super::super::*;

/// The blocks of a page, with their languages.
fn blocks(page: &str) -> Vec<(&str, &str)> {
    let parts: Vec<&str> = page.split("```").collect();
    parts.iter().skip(1).step_by(2).filter_map(|block| block.split_once('\n')).collect()
}

#[test]
fn examples_are_what_the_command_writes() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut examples = 0;
    for name in ["import.md", "from-nginx.md", "from-haproxy.md"] {
        let page = fs::read_to_string(Path::new("docs").join(name)).expect("a page");
        let blocks = blocks(&page);
        for (at, (language, source)) in blocks.iter().enumerate() {
            let (dialect, file) = match *language {
                "nginx" => (Dialect::Nginx, "nginx.conf"),
                "haproxy" => (Dialect::Haproxy, "haproxy.cfg"),
                _ => continue,
            };
            let path = folder.path().join(file);
            fs::write(&path, source).expect("a file");
            let options = Options { workers: 4, ..Options::default() };
            let imported = import(dialect, &path, &options).expect("a configuration");
            assert!(imported.fault.is_none(), "{name}: {:?}", imported.fault);
            let plain = |text: String| text.replace(&format!("{}/", folder.path().display()), "");
            let text = plain(imported.text.expect("a result"));
            assert_eq!(blocks.get(at + 1), Some(&("toml", text.as_str())), "{name}");
            let list: String =
                imported.findings.iter().map(|finding| plain(format!("{finding}\n"))).collect();
            assert_eq!(blocks.get(at + 2), Some(&("text", list.as_str())), "{name}");
            examples += 1;
        }
    }
    assert!(examples >= 3, "only {examples} examples");
}
