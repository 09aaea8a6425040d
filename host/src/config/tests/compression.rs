//! `[pool.NAME.compression]`.

use super::*;

fn with(compression: &str) -> String {
    format!("{LISTENER}[pool.a]\nbackends = ['127.0.0.1:9']\n[pool.a.compression]\n{compression}")
}

#[test]
fn it_has_the_documented_defaults() {
    let of = |text: &str| good(text).pools.remove(0).compression;
    assert_eq!(of(&format!("{LISTENER}{POOL}")), None, "off");
    let config = of(&with("")).unwrap();
    assert_eq!(config.algorithms, [Coding::Zstd, Coding::Brotli, Coding::Gzip]);
    assert_eq!((config.min_size, config.max_active), (1024, 1000));
    assert_eq!((config.zstd_level, config.br_level, config.gzip_level), (3, 4, 5));
    let takes = |media_type: &str| config.types.iter().any(|pattern| pattern.matches(media_type));
    for media_type in
        ["text/html", "text/css", "application/json", "application/ld+json", "image/svg+xml", "font/ttf"]
    {
        assert!(takes(media_type), "{media_type}");
    }
    for media_type in [
        "image/png",
        "video/mp4",
        "application/zip",
        "font/woff2",
        "application/octet-stream",
        "textual/x",
        "",
    ] {
        assert!(!takes(media_type), "{media_type}");
    }
    let inline = good(&format!(
        "{LISTENER}[pool.a]\nbackends = ['127.0.0.1:9']\ncompression = {{ algorithms = ['gzip'], types = ['A/B'], min_size = '0B', gzip_level = 1 }}"
    ));
    let config = inline.pools[0].compression.as_deref().unwrap().clone();
    assert_eq!((config.algorithms, config.min_size, config.gzip_level), (vec![Coding::Gzip], 0, 1));
    assert!(config.types[0].matches("a/b"));
}

#[test]
fn the_reference_states_the_defaults() {
    let reference = include_str!("../../../../config/reference.toml");
    let section = reference.split_once("# [pool.api.compression]\n").unwrap().1.split_once("\n\n").unwrap().0;
    let stated: String =
        section.lines().map(|line| format!("{}\n", line.strip_prefix("# ").unwrap_or(line))).collect();
    let keys = |line: &&str| line.contains(" = ") || line.starts_with("    ");
    let stated: Vec<&str> = stated.lines().filter(keys).collect();
    let config = good(&with(&stated.join("\n"))).pools.remove(0).compression;
    assert_eq!(config.as_deref(), Some(&CompressionConfig::default()));
}

#[test]
fn faults_of_compression() {
    check_all(
        &with("{}"),
        &[
            (
                "algorithms = []",
                &[
                    "6: pool.a.compression.algorithms: names no algorithm; name one, or leave `compression` out",
                ],
            ),
            (
                "algorithms = ['deflate']",
                &[
                    "6: pool.a.compression.algorithms[0]: `deflate` is no algorithm; write one of `zstd`, `br`, `gzip`",
                ],
            ),
            (
                "algorithms = ['br', 'br']",
                &["6: pool.a.compression.algorithms[1]: `br` is there twice; remove one"],
            ),
            (
                "algorithms = 'br'",
                &[
                    "6: pool.a.compression.algorithms: is a text, not an array; write `algorithms = [\"zstd\", \"br\", \"gzip\"]`",
                ],
            ),
            (
                "types = []",
                &[
                    "6: pool.a.compression.types: names no media type; write `types = [\"text/*\", \"application/json\", \"*+json\"]`",
                ],
            ),
            (
                "br_level = 11",
                &["6: pool.a.compression.br_level: `11` is out of range; write a whole number from 1 to 6"],
            ),
            (
                "gzip_level = 0",
                &["6: pool.a.compression.gzip_level: `0` is out of range; write a whole number from 1 to 6"],
            ),
            (
                "max_active = 0",
                &[
                    "6: pool.a.compression.max_active: `0` is out of range; write a whole number from 1 to 1000000",
                ],
            ),
            ("min_size = 5", &["6: pool.a.compression.min_size: `5` has no unit; write `\"5B\"`"]),
        ],
    );
    for wrong in [
        "html",
        "*",
        "*/*",
        "text/",
        "/html",
        "text/h*",
        "*+",
        "text/html; charset=utf-8",
        "te xt/a",
        "text/a/b",
    ] {
        check(
            &with(&format!("types = ['{wrong}']")),
            &[&format!(
                "6: pool.a.compression.types[0]: `{wrong}` is no media type; write one such as `\"application/json\"`, `\"text/*\"` or `\"*+json\"`"
            )],
        );
    }
}
