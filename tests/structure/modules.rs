//! Which file depends on which: the modules of all crates, and each path in them followed to the file that defines what it names.

use std::collections::{BTreeMap, BTreeSet};

use super::source::{InlineModule, Reference, Source};

/// A crate's sources, by their path from its source folder.
pub(crate) struct Crate {
    /// As other crates write it.
    pub(crate) name: String,
    /// Its source folder from the repository's root.
    pub(crate) folder: String,
    pub(crate) root: String,
    pub(crate) files: BTreeMap<String, Source>,
}

/// One file uses what another one defines.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Dependency {
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) line: usize,
}

/// What is known of all files together.
#[derive(Debug, Default)]
pub(crate) struct Dependencies {
    /// Between different files, the first line for each pair.
    pub(crate) list: BTreeSet<Dependency>,
    /// Top modules as they stand in a path (`pool` in `crate::pool::Queue`), wherever the item comes from: `to` is the module.
    pub(crate) written: BTreeSet<Dependency>,
    /// Paths into our own crates that lead nowhere: where the reader of the sources is blind.
    pub(crate) unknown: Vec<String>,
}

/// A module: of a file, or inline.
struct Module<'a> {
    root: usize,
    parent: usize,
    file: String,
    children: BTreeMap<String, usize>,
    read: &'a InlineModule,
}

/// What a path names.
#[derive(Debug, Clone)]
enum Named {
    /// Something that this file defines.
    Item(String),
    Module(usize),
    /// Something of another crate, of the prelude, or a local name.
    Foreign,
    Nothing,
}

/// Imports of imports that are followed; more is a circle of them.
const DEEPEST: usize = 16;

struct Workspace<'a> {
    modules: Vec<Module<'a>>,
    roots: BTreeMap<String, usize>,
    /// Macros that are named from a crate's root, and their file.
    macros: BTreeMap<(usize, String), String>,
}

/// Follows every path of every file.
pub(crate) fn dependencies(crates: &[Crate]) -> Dependencies {
    let mut workspace = Workspace { modules: Vec::new(), roots: BTreeMap::new(), macros: BTreeMap::new() };
    for package in crates {
        let root = workspace.modules.len();
        workspace.roots.insert(package.name.clone(), root);
        workspace.add(
            package,
            &package.root,
            String::new(),
            &package.files[&package.root].module,
            (root, root),
        );
    }
    let mut found = Dependencies::default();
    for module in 0..workspace.modules.len() {
        workspace.follow(module, &mut found);
    }
    found
}

impl<'a> Workspace<'a> {
    /// Adds a module and what is below it; `below` is the folder of its children's files.
    fn add(
        &mut self,
        package: &'a Crate,
        file: &str,
        below: String,
        read: &'a InlineModule,
        (root, parent): (usize, usize),
    ) -> usize {
        let own = self.modules.len();
        let path = format!("{}/{file}", package.folder);
        self.modules.push(Module { root, parent, file: path, children: BTreeMap::new(), read });
        for name in &read.children {
            let candidates = [format!("{below}{name}.rs"), format!("{below}{name}/mod.rs")];
            let Some((child, source)) = candidates.iter().find_map(|path| package.files.get_key_value(path))
            else {
                continue;
            };
            for exported in &source.exported_macros {
                self.macros.insert((root, exported.clone()), format!("{}/{child}", package.folder));
            }
            let index = self.add(package, child, format!("{below}{name}/"), &source.module, (root, own));
            self.modules[own].children.insert(name.clone(), index);
        }
        for inline in &read.inline {
            let index = self.add(package, file, format!("{below}{}/", inline.name), inline, (root, own));
            self.modules[own].children.insert(inline.name.clone(), index);
        }
        own
    }

    fn follow(&self, own: usize, found: &mut Dependencies) {
        let module = &self.modules[own];
        let used: BTreeSet<&str> = module
            .read
            .paths
            .iter()
            .chain(module.read.imports.iter().map(|import| &import.target))
            .filter_map(|path| path.segments.first().map(String::as_str))
            .collect();
        for import in &module.read.imports {
            let named = self.resolve(own, &import.target.segments, 0);
            let is_facade =
                import.is_reexport && self.is_below(&named, own) && !used.contains(import.name.as_str());
            match named {
                _ if is_facade => {}
                Named::Module(at) if import.name == "*" => {
                    self.note(own, &Named::Item(self.modules[at].file.clone()), &import.target, found);
                }
                named => self.note(own, &named, &import.target, found),
            }
        }
        for path in &module.read.paths {
            self.note(own, &self.resolve(own, &path.segments, 0), path, found);
        }
    }

    /// Whether what is named belongs to a module below this one, so that this one only shows it to others.
    fn is_below(&self, named: &Named, own: usize) -> bool {
        let folder = self.modules[own].file.trim_end_matches("lib.rs").trim_end_matches(".rs").to_owned();
        match named {
            Named::Item(file) => file.starts_with(&folder),
            Named::Module(at) => self.modules[*at].file.starts_with(&folder),
            Named::Foreign | Named::Nothing => false,
        }
    }

    fn note(&self, own: usize, named: &Named, path: &Reference, found: &mut Dependencies) {
        let from = &self.modules[own].file;
        if let [root, module, ..] = path.segments.as_slice()
            && (root == "crate" || self.roots.contains_key(root))
        {
            found.written.insert(Dependency { from: from.clone(), to: module.clone(), line: path.line });
        }
        match named {
            Named::Item(to) if to != from => {
                let known = found
                    .list
                    .iter()
                    .any(|known| known.from == *from && known.to == *to && known.line <= path.line);
                if !known {
                    found.list.insert(Dependency { from: from.clone(), to: to.clone(), line: path.line });
                }
            }
            Named::Nothing => {
                found.unknown.push(format!("{from}:{}: {}", path.line, path.segments.join("::")))
            }
            _ => {}
        }
    }

    /// What a path names that stands in this module.
    fn resolve(&self, own: usize, segments: &[String], depth: usize) -> Named {
        let module = &self.modules[own];
        let Some((first, rest)) = segments.split_first() else { return Named::Module(own) };
        match first.as_str() {
            "crate" => self.within(module.root, rest, depth),
            "self" => self.within(own, rest, depth),
            "super" => self.resolve_super(module.parent, rest, depth),
            "Self" => Named::Foreign,
            name => match self.within(own, segments, depth) {
                Named::Nothing => match self.roots.get(name) {
                    Some(&root) if root != module.root => self.within(root, rest, depth),
                    _ => Named::Foreign,
                },
                named => named,
            },
        }
    }

    fn resolve_super(&self, own: usize, segments: &[String], depth: usize) -> Named {
        match segments.split_first() {
            Some((next, rest)) if next == "super" => {
                self.resolve_super(self.modules[own].parent, rest, depth)
            }
            _ => self.within(own, segments, depth),
        }
    }

    /// What a path names that is relative to this module, seen from outside of it.
    fn within(&self, own: usize, segments: &[String], depth: usize) -> Named {
        let module = &self.modules[own];
        let Some((name, rest)) = segments.split_first() else { return Named::Module(own) };
        if depth > DEEPEST {
            return Named::Nothing;
        }
        let child = module.children.get(name);
        let item = || module.read.items.contains(name).then(|| Named::Item(module.file.clone()));
        let import = || self.imported(own, name, rest, depth);
        let found = match (child, rest.is_empty()) {
            (Some(&child), false) => Some(self.within(child, rest, depth)),
            (Some(&child), true) => item().or_else(import).or(Some(Named::Module(child))),
            (None, _) => item().or_else(import),
        };
        let exported = || self.macros.get(&(own, name.clone())).cloned().map(Named::Item);
        found.or_else(exported).unwrap_or(Named::Nothing)
    }

    /// What a name is that a `use` of this module brings in.
    fn imported(&self, own: usize, name: &str, rest: &[String], depth: usize) -> Option<Named> {
        let imports = &self.modules[own].read.imports;
        let named = imports.iter().filter(|import| import.name == name).find_map(|import| {
            let is_itself = import.target.segments.len() == 1 && import.target.segments[0] == name;
            (!is_itself).then(|| self.resolve(own, &[&import.target.segments, rest].concat(), depth + 1))
        });
        let mut globs = imports.iter().filter(|import| import.name == "*");
        named.or_else(|| {
            globs.find_map(|glob| match self.resolve(own, &glob.target.segments, depth + 1) {
                Named::Module(at) if at != own => {
                    let path = [&[name.to_owned()], rest].concat();
                    Some(self.within(at, &path, depth + 1)).filter(|named| !matches!(named, Named::Nothing))
                }
                _ => None,
            })
        })
    }
}

#[cfg(test)]
mod tests;
