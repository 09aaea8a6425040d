//! What a policy's folder is built by, and what comes of it.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use pointsman_workshop::scaffold::{self, Language};

/// The configuration that the folder's proxy runs with.
const CONFIG: &str = "pointsman.toml";

/// A folder with the source of a policy.
#[derive(Debug)]
pub(super) struct PolicyFolder {
    path: PathBuf,
    /// What builds it, for a shell.
    pub(super) build: String,
    /// The plugin that comes of it, from the folder.
    pub(super) plugin: PathBuf,
    /// The pool that it is for; none if nothing says so.
    pub(super) pool: Option<String>,
}

impl PolicyFolder {
    /// Finds out what isn't said.
    ///
    /// # Errors
    ///
    /// What isn't known, and how to say it.
    pub(super) fn open(
        path: &Path,
        build: Option<String>,
        plugin: Option<PathBuf>,
        pool: Option<String>,
    ) -> Result<Self> {
        if !path.is_dir() {
            bail!("{}: there is no such folder; `pointsman policy new NAME` makes one", path.display());
        }
        let configured = configured(path)?;
        let plugin = plugin.or_else(|| configured.as_ref().map(|(_, file)| file.clone()));
        let Some(plugin) = plugin else {
            bail!(
                "{}: no pool of a {CONFIG} there has `policy = {{ file = … }}`; name the plugin that the build makes by --plugin",
                path.display()
            );
        };
        let known = || Language::of_folder(path).map(|language| language.build_command(&plugin));
        let Some(build) = build.or_else(known) else {
            bail!(
                "{}: there is no source as `pointsman policy new` names it; say what builds the plugin by --build",
                path.display()
            );
        };
        let pool = pool.or_else(|| configured.map(|(pool, _)| pool));
        Ok(Self { path: path.to_owned(), build, plugin, pool })
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether it has scenarios.
    pub(super) fn has_scenarios(&self) -> bool {
        self.path.join("tests").is_dir()
    }
}

/// The first pool with a plugin file, and that file; none without such a configuration.
fn configured(folder: &Path) -> Result<Option<(String, PathBuf)>> {
    let path = folder.join(CONFIG);
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
    };
    scaffold::plugin_of(&text).map_err(|fault| anyhow::anyhow!("{}: {fault}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIGURED: &str = "[pool.a]\nbackends = []\n[pool.b]\npolicy = { file = \"out/x.wasm\" }";

    fn opened(files: &[(&str, &str)]) -> Result<PolicyFolder> {
        let folder = tempfile::tempdir().unwrap();
        for (name, content) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        PolicyFolder::open(folder.path(), None, None, None)
    }

    #[test]
    fn what_is_built_is_found() {
        for (source, build) in [
            ("src/lib.rs", "cargo wasm"),
            ("policy.c", "make"),
            ("policy.cpp", "make"),
            ("policy.ts", "npm install && npm run build"),
        ] {
            let found = opened(&[("pointsman.toml", CONFIGURED), (source, "")]).unwrap();
            assert_eq!(found.build, build);
            assert_eq!((found.plugin, found.pool.as_deref()), (PathBuf::from("out/x.wasm"), Some("b")));
        }
        let go = opened(&[("pointsman.toml", CONFIGURED), ("policy.go", "")]).unwrap();
        assert!(go.build.ends_with(" -o out/x.wasm ."), "{}", go.build);
    }

    #[test]
    fn what_is_not_known_is_asked_for() {
        let fault = |files: &[(&str, &str)]| format!("{:#}", opened(files).unwrap_err());
        assert!(fault(&[("policy.c", "")]).contains("--plugin"));
        assert!(fault(&[("pointsman.toml", CONFIGURED)]).contains("--build"));
        assert!(fault(&[("pointsman.toml", "[pool")]).contains("pointsman.toml"));
        let nowhere = PolicyFolder::open(Path::new("/nowhere"), None, None, None).unwrap_err();
        assert!(nowhere.to_string().starts_with("/nowhere: there is no such folder"), "{nowhere}");
    }
}
