//! Policies that are given as arguments, in the place of those of the spec.

use std::path::{Path, PathBuf};

use pointsman_workshop::spec::{self, Loaded};

use super::super::policy::plugin;

/// Reads the policies `[NAME=]FILE|POLICY`, with the configurations `[NAME=]JSON`: of the policy of this name, or of all.
///
/// # Errors
///
/// Which argument is wrong, and why.
pub(super) fn read(policies: &[PathBuf], configs: &[String]) -> Result<Vec<Loaded>, String> {
    let mut given: Vec<Loaded> = Vec::new();
    for argument in policies {
        let wrong = |reason: String| format!("--policy {}: {reason}", argument.display());
        let (name, source) = parts(argument);
        let plugin = plugin::named(source).map_err(|error| wrong(format!("{error:#}")))?;
        let stem = if plugin::is_file(source) { source.file_stem() } else { None };
        let stem = stem.unwrap_or(source.as_os_str()).to_string_lossy();
        let name = name.unwrap_or(&stem);
        if let Some(fault) = spec::name_fault(name) {
            return Err(wrong(fault.to_owned()));
        }
        if given.iter().any(|other| other.name == name) {
            return Err(wrong(format!("two policies are called {name:?}; tell them apart by NAME=")));
        }
        given.push(Loaded::new(name, plugin, "{}"));
    }
    for argument in configs {
        configure(&mut given, argument).map_err(|reason| format!("--config {argument}: {reason}"))?;
    }
    Ok(given)
}

/// Gives one of the policies its configuration, or all of them the same.
fn configure(given: &mut [Loaded], argument: &str) -> Result<(), String> {
    let (name, text) = match argument.split_once('=') {
        Some((name, text)) if !argument.trim_start().starts_with('{') => (Some(name), text),
        _ => (None, argument),
    };
    let config = plugin::config(text).map_err(|error| error.to_string())?;
    let mut is_there = false;
    for policy in given.iter_mut().filter(|policy| name.is_none_or(|name| policy.name == name)) {
        policy.config.clone_from(&config);
        is_there = true;
    }
    match name {
        Some(name) if !is_there => Err(format!("no policy that was given by `--policy` is called {name:?}")),
        _ => Ok(()),
    }
}

/// What a policy is called, if that is said, and where it comes from.
fn parts(argument: &Path) -> (Option<&str>, &Path) {
    let named = argument.to_str().filter(|_| !argument.exists()).and_then(|text| text.split_once('='));
    named.map_or((None, argument), |(name, policy)| (Some(name), Path::new(policy)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(policies: &[&str], configs: &[&str]) -> Result<Vec<(String, String)>, String> {
        let policies: Vec<PathBuf> = policies.iter().map(PathBuf::from).collect();
        let configs: Vec<String> = configs.iter().map(ToString::to_string).collect();
        let given = super::read(&policies, &configs)?;
        Ok(given.into_iter().map(|policy| (policy.name, policy.config)).collect())
    }

    #[test]
    fn policies_have_names_and_configurations() {
        let two = ["random", "three=random"];
        let configured = |configs: &[&str]| -> Vec<String> {
            read(&two, configs).unwrap().into_iter().map(|(_, config)| config).collect()
        };
        assert_eq!(configured(&[]), ["{}", "{}"]);
        assert_eq!(configured(&[r#"three={"choices":3}"#]), ["{}", r#"{"choices":3}"#]);
        assert_eq!(
            configured(&[r#"{"choices":1}"#, r#"three={"a":"b=c"}"#]),
            [r#"{"choices":1}"#, r#"{"a":"b=c"}"#]
        );
        let names: Vec<String> = read(&two, &[]).unwrap().into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["random", "three"]);
    }

    #[test]
    fn the_argument_that_is_wrong_is_named() {
        for (policies, configs, expected) in [
            (&["nope"][..], &[][..], "--policy nope: no policy \"nope\" is bundled"),
            (&["mine=no/such.wasm"], &[], "--policy mine=no/such.wasm: cannot read the plugin no/such.wasm"),
            (
                &["random", "random"],
                &[],
                "--policy random: two policies are called \"random\"; tell them apart by NAME=",
            ),
            (&["=random"], &[], "--policy =random: a name has"),
            (
                &["random"],
                &["first={}"],
                "--config first={}: no policy that was given by `--policy` is called \"first\"",
            ),
            (&["random"], &["random=[]"], "--config random=[]: invalid type: sequence"),
            (&["random"], &["random"], "--config random: expected value"),
        ] {
            let found = read(policies, configs).unwrap_err();
            assert!(found.starts_with(expected), "{found}");
        }
    }
}
