//! The files that routes and errors are answered with, and the secrets of sticky sessions.
//!
//! They are read when a configuration is prepared, and again when one of them changes. A file that can't be read any more leaves what was
//! read of it before in its place.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::config::{
    Config, ConfigError, ConfigErrors, ErrorPageConfig, PageContent, Respond, RespondContent, RouteTarget,
};
use crate::proxy::FixedAnswer;
use crate::regular_file;

/// Most bytes of a file: each worker keeps all of it in memory.
const MOST: usize = 1 << 20;

/// The files, as they were last read.
#[derive(Debug, Clone, Default)]
pub(super) struct AnswerFiles(HashMap<PathBuf, AnswerFile>);

#[derive(Debug, Clone)]
struct AnswerFile {
    content: Arc<[u8]>,
    /// Why it couldn't be read later on.
    unreadable: Option<String>,
}

impl AnswerFiles {
    /// The files of this configuration. What can't be read and wasn't before goes to `faults`.
    pub(super) fn load(&self, config: &Config, file: &Path, faults: &mut Vec<ConfigError>) -> Self {
        let mut files = HashMap::new();
        for NamedFile { key, path, line, is_secret } in named(config) {
            if files.contains_key(path) {
                continue;
            }
            match self.read(path) {
                Ok(read) if is_secret && read.content.trim_ascii().is_empty() => faults.push(ConfigError {
                    file: file.into(),
                    line: Some(line),
                    key,
                    message: format!("`{}` is empty", path.display()),
                    hint: "write a secret into it: any text, the same at all proxies".into(),
                }),
                Ok(read) => {
                    files.insert(path.to_owned(), read);
                }
                Err(message) => faults.push(ConfigError {
                    file: file.into(),
                    line: Some(line),
                    key,
                    message,
                    hint: "name a file that this user may read".into(),
                }),
            }
        }
        Self(files)
    }

    /// Reads the files again: whether one of them says something else by now. Here they stay what they were.
    pub(super) fn have_changed(&mut self) -> bool {
        let read: Vec<_> =
            self.0.keys().filter_map(|path| Some((path.clone(), self.read(path).ok()?))).collect();
        let mut have_changed = false;
        for (path, new) in read {
            let Some(known) = self.0.get_mut(&path) else { continue };
            have_changed |= known.content != new.content;
            known.unreadable = new.unreadable;
        }
        have_changed
    }

    /// What these say differently from those.
    pub(super) fn differences<'a>(&'a self, before: &'a Self) -> impl Iterator<Item = &'a Path> {
        let differs = |(path, file): &(&PathBuf, &AnswerFile)| {
            before.0.get(*path).is_some_and(|before| before.content != file.content)
        };
        self.0.iter().filter(differs).map(|(path, _)| path.as_path())
    }

    /// The answer that a route gives.
    pub(super) fn answer(&self, respond: &Respond) -> FixedAnswer {
        let content = match &respond.content {
            RespondContent::None => None,
            RespondContent::Reason(text) => return FixedAnswer::reason(respond.status, text),
            RespondContent::Text(text) => Some(text.as_bytes()),
            RespondContent::File(path, _) => Some(self.content(path)),
        };
        FixedAnswer::new(respond.status, respond.media_type.as_deref(), content)
    }

    /// What is in a file of the configuration.
    pub(super) fn content(&self, path: &Path) -> &[u8] {
        self.0.get(path).map_or(&[], |file| &*file.content)
    }

    /// A file as it is now, or else as it was; that it is gone is said once.
    fn read(&self, path: &Path) -> Result<AnswerFile, String> {
        let error = match regular_file::read(path, MOST) {
            Ok(content) => return Ok(AnswerFile { content: content.into(), unreadable: None }),
            Err(error) => format!("cannot read `{}`: {error}", path.display()),
        };
        let Some(known) = self.0.get(path) else { return Err(error) };
        if known.unreadable.as_ref() != Some(&error) {
            tracing::error!(
                event = "answer-file-unreadable", file = %path.display(),
                "{error}; what was in it before stays in use"
            );
        }
        Ok(AnswerFile { content: Arc::clone(&known.content), unreadable: Some(error) })
    }
}

/// Reads all files.
pub(super) fn check(config: &Config, file: &Path) -> Result<(), ConfigErrors> {
    let mut faults = Vec::new();
    AnswerFiles::default().load(config, file, &mut faults);
    ConfigErrors::none_or(faults)
}

/// The files that a configuration names, whether or not they exist.
pub(super) fn files(config: &Config) -> impl Iterator<Item = &Path> {
    named(config).map(|named| named.path)
}

/// A file that the configuration names.
struct NamedFile<'a> {
    key: String,
    path: &'a Path,
    line: usize,
    /// It holds a secret, so that nothing in it is a fault.
    is_secret: bool,
}

/// The files of routes' answers, then those of error pages, then the secrets of sessions.
fn named(config: &Config) -> impl Iterator<Item = NamedFile<'_>> {
    let of_routes = config.routes.iter().enumerate().filter_map(|(index, route)| match &route.target {
        RouteTarget::Respond(respond) => {
            let RespondContent::File(path, line) = &respond.content else { return None };
            let key = format!("route[{index}].respond.file");
            Some(NamedFile { key, path, line: *line, is_secret: false })
        }
        _ => None,
    });
    let of_pools =
        config.pools.iter().flat_map(|pool| of_pages(format!("pool.{}.", pool.name), &pool.error_pages));
    let secrets = config.pools.iter().filter_map(|pool| {
        let (path, line) = pool.sticky.as_ref()?.secret_file.as_ref()?;
        let key = format!("pool.{}.sticky.secret_file", pool.name);
        Some(NamedFile { key, path, line: *line, is_secret: true })
    });
    of_routes.chain(of_pages(String::new(), &config.error_pages)).chain(of_pools).chain(secrets)
}

/// Those of the pages in one section.
fn of_pages(section: String, pages: &[ErrorPageConfig]) -> impl Iterator<Item = NamedFile<'_>> {
    pages.iter().enumerate().filter_map(move |(place, page)| match &page.content {
        PageContent::File(path, line) => {
            let key = format!("{section}error_page[{place}].file");
            Some(NamedFile { key, path, line: *line, is_secret: false })
        }
        PageContent::Text(_) => None,
    })
}
