//! What each language's folder has.

use super::Language;

/// The files of one language, and how they are used. Texts may have placeholders.
#[derive(Debug, Clone)]
pub struct Kit<T = String> {
    /// The command that builds the plugin.
    pub build: T,
    /// Where the plugin is then.
    pub plugin: T,
    /// Where the policy's source is.
    pub source: T,
    /// What the read-me file says about this language.
    pub(super) more: T,
    /// The policies, in the order of [`Like`](super::Like).
    pub(super) policies: [&'static str; 3],
    /// The other files of this language: path and content.
    pub(super) files: &'static [(&'static str, &'static str)],
}

/// A file of the folder of templates.
macro_rules! template {
    ($path:literal) => {
        include_str!(concat!("../../templates/", $path))
    };
}

/// What all folders have.
pub(super) const SHARED: &[(&str, &str)] = &[
    ("README.md", template!("shared/README.md")),
    ("pointsman.toml", template!("shared/pointsman.toml")),
    ("simulate.toml", template!("shared/simulate.toml")),
];

const RUST: Kit<&str> = Kit {
    build: "cargo wasm",
    plugin: "target/wasm32-unknown-unknown/release/{{crate_name}}.wasm",
    source: "src/lib.rs",
    more: "\n`cargo test` runs the tests in the source without WebAssembly and without a proxy, and `cargo doc -p pointsman-sdk --open` shows \
           what a\npolicy can ask. The SDK and what it needs are in `vendor/`: nothing is downloaded.",
    policies: [template!("rust/round-robin.rs"), template!("rust/p2c.rs"), template!("rust/hash.rs")],
    files: &[
        ("Cargo.toml", template!("rust/manifest.toml")),
        (".cargo/config.toml", template!("rust/cargo-config.toml")),
        ("rust-toolchain.toml", template!("rust/rust-toolchain.toml")),
        (".gitignore", template!("rust/gitignore")),
        (".github/workflows/policy.yml", template!("rust/ci.yml")),
    ],
};

impl Kit<&'static str> {
    pub(super) const fn of(language: Language) -> Self {
        match language {
            Language::Rust => RUST,
        }
    }

    pub(super) fn filled(&self, fill: impl Fn(&str) -> String) -> Kit {
        Kit {
            build: fill(self.build),
            plugin: fill(self.plugin),
            source: fill(self.source),
            more: fill(self.more),
            policies: self.policies,
            files: self.files,
        }
    }
}
