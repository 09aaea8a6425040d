//! A plugin file as it comes in.

use std::borrow::Cow;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use crate::bundled::bundled;

/// What the origin of a plugin begins with that was put through the admin API.
const UPLOADED: &str = "uploaded";

/// Longest name of such a plugin, characters.
const NAME_CHARACTERS: usize = 64;

/// A plugin file's content and where it came from.
#[derive(Clone)]
pub struct Plugin {
    /// A path, the name of a bundled policy, or that of a file that was put through the admin API: for logs.
    pub origin: Arc<str>,
    /// The whole file.
    pub content: Cow<'static, [u8]>,
}

impl fmt::Debug for Plugin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Plugin({}, {} bytes)", self.origin, self.content.len())
    }
}

impl Plugin {
    /// The bundled policy of this name, if there is one.
    #[must_use]
    pub fn bundled(name: &str) -> Option<Self> {
        let content = bundled(name)?;
        Some(Self { origin: format!("bundled {name}").into(), content: Cow::Borrowed(content) })
    }

    /// Whether it is part of this program.
    #[must_use]
    pub fn is_bundled(&self) -> bool {
        matches!(self.content, Cow::Borrowed(_))
    }

    /// The content of a file that has been read.
    #[must_use]
    pub fn file(path: &Path, content: Vec<u8>) -> Self {
        Self { origin: path.display().to_string().into(), content: Cow::Owned(content) }
    }

    /// A plugin that was put through the admin API, with the name of its file if that was said. Of a path the last part counts; what isn't an
    /// ASCII letter or digit, `-`, `_` or `.` becomes `_`, and what is behind 64 characters is left out.
    #[must_use]
    pub fn uploaded(file: Option<&str>, content: Vec<u8>) -> Self {
        let file = file.and_then(|file| file.rsplit(['/', '\\']).next()).unwrap_or_default();
        let plain = |character: char| match character {
            'a'..='z' | 'A'..='Z' | '0'..='9' | '-' | '_' | '.' => character,
            _ => '_',
        };
        let name: String = file.chars().take(NAME_CHARACTERS).map(plain).collect();
        let origin = if name.is_empty() { UPLOADED.to_owned() } else { format!("{UPLOADED} {name}") };
        Self { origin: origin.into(), content: Cow::Owned(content) }
    }
}

/// Whether a plugin with this origin was put through the admin API.
#[must_use]
pub fn is_uploaded(origin: &str) -> bool {
    origin.strip_prefix(UPLOADED).is_some_and(|name| name.is_empty() || name.starts_with(' '))
}

/// The name of a policy, from the origin of its plugin: a bundled one's own, or its file's without the ending; `uploaded` if nobody has said
/// how its file is called.
#[must_use]
pub fn policy_name(origin: &str) -> &str {
    let named = ["bundled ", "uploaded "].into_iter().find_map(|kind| origin.strip_prefix(kind));
    let file = named.unwrap_or_else(|| origin.rsplit('/').next().unwrap_or(origin));
    file.strip_suffix(".wasm").unwrap_or(file)
}

#[cfg(test)]
mod tests {
    use super::{Plugin, is_uploaded, policy_name};

    #[test]
    fn a_policy_is_named_as_bundled_or_after_its_file() {
        let names = ["bundled ip-hash", "/etc/p/canary.wasm", "canary", "/etc/p/", ".wasm"].map(policy_name);
        assert_eq!(names, ["ip-hash", "canary", "canary", "", ""]);
    }

    #[test]
    fn an_uploaded_policy_is_named_after_its_file_in_plain_characters() {
        let long = "x".repeat(300);
        for (file, origin, name) in [
            (None, "uploaded", "uploaded"),
            (Some(""), "uploaded", "uploaded"),
            (Some("canary.wasm"), "uploaded canary.wasm", "canary"),
            (Some("/home/me/canary.wasm"), "uploaded canary.wasm", "canary"),
            (Some(r"C:\policies\canary.wasm"), "uploaded canary.wasm", "canary"),
            (Some("a b\n\u{202e}\"@;.wasm"), "uploaded a_b_____.wasm", "a_b_____"),
            (Some("a/"), "uploaded", "uploaded"),
            (Some(&long), &format!("uploaded {}", &long[..64]), &long[..64]),
        ] {
            let plugin = Plugin::uploaded(file, Vec::new());
            assert_eq!((&*plugin.origin, policy_name(&plugin.origin)), (origin, name), "{file:?}");
            assert!(is_uploaded(&plugin.origin) && !plugin.is_bundled());
        }
        for origin in ["bundled ip-hash", "/etc/p/canary.wasm", "uploaded.wasm"] {
            assert!(!is_uploaded(origin), "{origin}");
        }
    }
}
