//! From the file to its text.

use std::io::Write as _;

use super::*;

/// Checks what is said of a file that can't even be read; `{}` stands for its path.
fn check_unreadable(path: &Path, expected: &str) {
    let errors = Config::load(path).unwrap_err();
    assert_eq!(errors.to_string(), expected.replace("{}", &path.display().to_string()));
}

#[test]
fn faults_of_reading() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    check_unreadable(path, "{}: is a directory; name the file in it with `--config FILE`");
    check_unreadable(
        &path.join("none.toml"),
        "{}: there is no such file; create it, or name another one with `--config FILE`",
    );

    let mut file = tempfile::NamedTempFile::new_in(path).unwrap();
    file.write_all(b"workers = 1\n# caf\xe9").unwrap();
    check_unreadable(
        file.path(),
        "{}:2: is not UTF-8 text; save the file in UTF-8, or name a text file with `--config FILE`",
    );
    file.as_file().set_len((16 << 20) + 1).unwrap();
    check_unreadable(file.path(), "{}: is larger than 16MiB; name a configuration file with `--config FILE`");
}

#[test]
fn paths_start_from_the_folder_of_the_file() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("policies")).unwrap();
    let file = folder.path().join("pointsman.toml");
    let text = format!("policy_dir = 'policies'\n{LISTENER}{POOL}policy = {{ file = 'mine.wasm' }}");
    std::fs::write(&file, text).unwrap();
    let config = Config::load(&file).unwrap();
    assert_eq!(config.policy_dir, Some(folder.path().join("policies")));
    assert_eq!(config.pools[0].policy.source, PolicySource::File(folder.path().join("mine.wasm")));
}
