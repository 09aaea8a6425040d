//! What each language's folder has.

use std::path::Path;

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

const C: Kit<&str> = Kit {
    build: "make",
    plugin: "build/{{crate_name}}.wasm",
    source: "policy.c",
    more: "\nIt takes LLVM's clang and lld, and no library. What a policy can ask is in `pointsman.h`.",
    policies: [template!("c/round-robin.c"), template!("c/p2c.c"), template!("c/hash.c")],
    files: &[("Makefile", template!("c/Makefile")), (".gitignore", template!("c/gitignore"))],
};

const CPP: Kit<&str> = Kit {
    source: "policy.cpp",
    policies: [template!("cpp/round-robin.cpp"), template!("cpp/p2c.cpp"), template!("cpp/hash.cpp")],
    files: &[("Makefile", template!("cpp/Makefile")), (".gitignore", template!("cpp/gitignore"))],
    ..C
};

const ZIG: Kit<&str> = Kit {
    // Not `zig build`: its first run compiles a program of its own, for minutes, and its interface changes with each version.
    build: "zig build-exe policy.zig -target wasm32-freestanding -O ReleaseSmall -fno-entry -rdynamic --stack 16384 -femit-bin={{plugin}}",
    plugin: "{{crate_name}}.wasm",
    source: "policy.zig",
    more: "\nZig from 0.14 on; where it comes from Python's `ziglang`, it is called `python3 -m ziglang`. What a policy can ask is in `pointsman.zig`.",
    policies: [template!("zig/round-robin.zig"), template!("zig/p2c.zig"), template!("zig/hash.zig")],
    files: &[(".gitignore", template!("zig/gitignore"))],
};

const ASSEMBLYSCRIPT: Kit<&str> = Kit {
    build: "npm install && npm run build",
    plugin: "build/{{crate_name}}.wasm",
    source: "policy.ts",
    more: "\n`npm install` brings the compiler, for which it needs the network the first time. What a policy can ask is in `pointsman.ts`.",
    policies: [
        template!("assemblyscript/round-robin.ts"),
        template!("assemblyscript/p2c.ts"),
        template!("assemblyscript/hash.ts"),
    ],
    files: &[
        ("package.json", template!("assemblyscript/package.json")),
        ("asconfig.json", template!("assemblyscript/asconfig.json")),
        (".gitignore", template!("assemblyscript/gitignore")),
    ],
};

const GO: Kit<&str> = Kit {
    build: "GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared -ldflags=\"-s -w\" -o {{plugin}} .",
    plugin: "{{crate_name}}.wasm",
    source: "policy.go",
    more: "\nGo from 1.24 on. What a policy can ask is in `pointsman/pointsman.go`.",
    policies: [template!("go/round-robin.go"), template!("go/p2c.go"), template!("go/hash.go")],
    files: &[("go.mod", template!("go/go.mod")), (".gitignore", template!("go/gitignore"))],
};

impl Language {
    /// The language whose source is in a folder that was made for a policy; none if there is none.
    #[must_use]
    pub fn of_folder(folder: &Path) -> Option<Self> {
        Self::ALL.into_iter().find(|language| folder.join(Kit::of(*language).source).is_file())
    }

    /// The command that builds a plugin in such a folder.
    #[must_use]
    pub fn build_command(self, plugin: &Path) -> String {
        Kit::of(self).build.replace("{{plugin}}", &plugin.display().to_string())
    }
}

impl Kit<&'static str> {
    pub(super) const fn of(language: Language) -> Self {
        match language {
            Language::Rust => RUST,
            Language::C => C,
            Language::Cpp => CPP,
            Language::Zig => ZIG,
            Language::AssemblyScript => ASSEMBLYSCRIPT,
            Language::Go => GO,
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
