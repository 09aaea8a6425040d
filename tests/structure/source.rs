//! One source file, parsed: what the other tests need to know of it.

use std::collections::BTreeSet;

use proc_macro2::{Delimiter, Spacing, TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{Attribute, Item, Meta, UseTree};

/// A path in the code: `crate::pool::Queue` in line 12.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reference {
    pub(crate) segments: Vec<String>,
    pub(crate) line: usize,
}

/// One name that a `use` brings in; `name` is `*` for a glob.
#[derive(Debug)]
pub(crate) struct Import {
    pub(crate) name: String,
    pub(crate) target: Reference,
    /// Visible to other modules than this one and those below it.
    pub(crate) is_reexport: bool,
}

/// A module of this file: the file itself, or a `mod name { … }` in it.
#[derive(Debug, Default)]
pub(crate) struct InlineModule {
    pub(crate) name: String,
    /// Modules in files of their own.
    pub(crate) children: Vec<String>,
    pub(crate) inline: Vec<Self>,
    pub(crate) items: BTreeSet<String>,
    pub(crate) imports: Vec<Import>,
    pub(crate) paths: Vec<Reference>,
}

impl InlineModule {
    /// Whether a path here begins with that name, as one into another package does.
    pub(crate) fn mentions(&self, name: &str) -> bool {
        let begins = |path: &Reference| path.segments.first().is_some_and(|first| first == name);
        self.imports.iter().any(|import| begins(&import.target))
            || self.paths.iter().any(|path| begins(path) && path.segments.len() > 1)
            || self.inline.iter().any(|module| module.mentions(name))
    }
}

/// Something with a name and a size: a function and its lines, a type and its fields.
#[derive(Debug)]
pub(crate) struct Measured {
    pub(crate) name: String,
    pub(crate) size: usize,
    pub(crate) line: usize,
}

/// A parsed file, without its test code.
#[derive(Debug, Default)]
pub(crate) struct Source {
    pub(crate) module: InlineModule,
    /// Macros with `#[macro_export]`, which are named from the crate's root.
    pub(crate) exported_macros: Vec<String>,
    pub(crate) functions: Vec<Measured>,
    pub(crate) types: Vec<Measured>,
}

impl Source {
    /// Panics if the text isn't Rust: then nothing compiles either.
    pub(crate) fn parse(path: &str, text: &str) -> Self {
        let file = syn::parse_file(text).unwrap_or_else(|error| panic!("{path}: {error}"));
        let mut reader = Reader { modules: vec![InlineModule::default()], ..Reader::default() };
        reader.visit_file(&file);
        reader.source.module = reader.modules.pop().expect("the file's module");
        reader.source
    }
}

/// Collects a [`Source`]; `modules` ends with the module that is being read.
#[derive(Default)]
struct Reader {
    source: Source,
    modules: Vec<InlineModule>,
    /// The type whose `impl` is being read.
    owner: Option<String>,
}

impl Reader {
    fn module(&mut self) -> &mut InlineModule {
        self.modules.last_mut().expect("a module is being read")
    }

    fn import(&mut self, tree: &UseTree, prefix: &[String], is_reexport: bool) {
        let mut add = |name: String, segments: Vec<String>, line| {
            let target = Reference { segments, line };
            self.module().imports.push(Import { name, target, is_reexport });
        };
        let path = |ident: &syn::Ident| [prefix, &[ident.to_string()]].concat();
        match tree {
            UseTree::Path(part) => self.import(&part.tree, &path(&part.ident), is_reexport),
            UseTree::Name(part) if part.ident == "self" => {
                let name = prefix.last().cloned().unwrap_or_default();
                add(name, prefix.to_vec(), line(part.ident.span()));
            }
            UseTree::Name(part) => add(part.ident.to_string(), path(&part.ident), line(part.ident.span())),
            UseTree::Rename(part) if part.ident == "self" => {
                add(part.rename.to_string(), prefix.to_vec(), line(part.ident.span()));
            }
            UseTree::Rename(part) => {
                add(part.rename.to_string(), path(&part.ident), line(part.ident.span()));
            }
            UseTree::Glob(part) => add("*".into(), prefix.to_vec(), line(part.star_token.spans[0])),
            UseTree::Group(group) => {
                for tree in &group.items {
                    self.import(tree, prefix, is_reexport);
                }
            }
        }
    }

    fn function(&mut self, name: &syn::Ident, ends: proc_macro2::Span) {
        let begins = line(name.span());
        let name =
            self.owner.iter().map(|owner| format!("{owner}::")).collect::<String>() + &name.to_string();
        let size = ends.end().line - begins + 1;
        self.source.functions.push(Measured { name, size, line: begins });
    }

    fn fields(&mut self, name: String, fields: &syn::Fields, at: proc_macro2::Span) {
        self.source.types.push(Measured { name, size: fields.len(), line: line(at) });
    }

    /// Paths among the tokens of a macro or an attribute, which are not parsed.
    fn tokens(&mut self, tokens: TokenStream, prefix: &[String]) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let mut at = 0;
        while at < tokens.len() {
            match &tokens[at] {
                TokenTree::Ident(ident) if ident == "pub" => {
                    at += 1 + usize::from(is_list(tokens.get(at + 1)))
                }
                TokenTree::Ident(_) if at > 0 && is_punctuation(&tokens[at - 1], '.') => at += 1,
                TokenTree::Ident(_) => at = self.path_in_tokens(&tokens, at, prefix),
                TokenTree::Group(group) => {
                    self.tokens(group.stream(), prefix);
                    at += 1;
                }
                TokenTree::Literal(literal) => {
                    let text = literal.to_string();
                    let text = text.trim_matches('"');
                    if text.starts_with("crate::") {
                        let segments = text.split("::").map(str::to_owned).collect();
                        self.module().paths.push(Reference { segments, line: line(literal.span()) });
                    }
                    at += 1;
                }
                TokenTree::Punct(_) => at += 1,
            }
        }
    }

    /// Reads the path that begins with the identifier at `at`; answers where it ends.
    fn path_in_tokens(&mut self, tokens: &[TokenTree], mut at: usize, prefix: &[String]) -> usize {
        let mut segments = prefix.to_vec();
        let began = line(tokens[at].span());
        while let Some(TokenTree::Ident(ident)) = tokens.get(at) {
            segments.push(ident.to_string());
            at += 1;
            if !is_path_separator(tokens, at) {
                break;
            }
            at += 2;
        }
        match tokens.get(at) {
            Some(TokenTree::Group(group))
                if is_separated(tokens, at) && group.delimiter() == Delimiter::Brace =>
            {
                self.tokens(group.stream(), &segments);
                at + 1
            }
            _ => {
                self.module().paths.push(Reference { segments, line: began });
                at
            }
        }
    }
}

fn line(span: proc_macro2::Span) -> usize {
    span.start().line
}

fn is_punctuation(token: &TokenTree, sign: char) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == sign)
}

/// Two colons from `at` on.
fn is_path_separator(tokens: &[TokenTree], at: usize) -> bool {
    matches!(&tokens.get(at..at + 2), Some([TokenTree::Punct(first), second])
        if first.as_char() == ':' && first.spacing() == Spacing::Joint && is_punctuation(second, ':'))
}

fn is_separated(tokens: &[TokenTree], at: usize) -> bool {
    at >= 2 && is_path_separator(tokens, at - 2)
}

fn is_list(token: Option<&TokenTree>) -> bool {
    matches!(token, Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Parenthesis)
}

/// Compiled only for tests, or for a model checker.
fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().filter(|attribute| attribute.path().is_ident("cfg")).any(|attribute| {
        attribute.parse_args::<Meta>().is_ok_and(|predicate| !holds_outside_tests(&predicate))
    })
}

fn holds_outside_tests(predicate: &Meta) -> bool {
    let nested = |list: &syn::MetaList| -> Vec<bool> {
        list.parse_args_with(syn::punctuated::Punctuated::<Meta, syn::Token![,]>::parse_terminated)
            .map(|list| list.iter().map(holds_outside_tests).collect())
            .unwrap_or_default()
    };
    match predicate {
        Meta::Path(path) => !path.is_ident("test") && !path.is_ident("loom") && !path.is_ident("fuzzing"),
        Meta::List(list) if list.path.is_ident("not") => !nested(list).iter().all(|holds| *holds),
        Meta::List(list) if list.path.is_ident("all") => nested(list).iter().all(|holds| *holds),
        Meta::List(list) if list.path.is_ident("any") => nested(list).iter().any(|holds| *holds),
        Meta::NameValue(pair) if pair.path.is_ident("feature") => {
            !matches!(&pair.value, syn::Expr::Lit(literal) if matches!(&literal.lit, syn::Lit::Str(name)
                if ["testing", "loom", "fuzzing"].contains(&name.value().as_str())))
        }
        _ => true,
    }
}

/// The name that an item defines, and its attributes.
fn name_and_attributes(item: &Item) -> (Option<String>, &[Attribute]) {
    match item {
        Item::Const(item) => (Some(item.ident.to_string()), &item.attrs),
        Item::Enum(item) => (Some(item.ident.to_string()), &item.attrs),
        Item::ExternCrate(item) => (None, &item.attrs),
        Item::Fn(item) => (Some(item.sig.ident.to_string()), &item.attrs),
        Item::ForeignMod(item) => (None, &item.attrs),
        Item::Impl(item) => (None, &item.attrs),
        Item::Macro(item) => (item.ident.as_ref().map(ToString::to_string), &item.attrs),
        Item::Mod(item) => (None, &item.attrs),
        Item::Static(item) => (Some(item.ident.to_string()), &item.attrs),
        Item::Struct(item) => (Some(item.ident.to_string()), &item.attrs),
        Item::Trait(item) => (Some(item.ident.to_string()), &item.attrs),
        Item::Type(item) => (Some(item.ident.to_string()), &item.attrs),
        Item::Union(item) => (Some(item.ident.to_string()), &item.attrs),
        Item::Use(item) => (None, &item.attrs),
        _ => (None, &[]),
    }
}

impl<'ast> Visit<'ast> for Reader {
    fn visit_item(&mut self, item: &'ast Item) {
        let (name, attributes) = name_and_attributes(item);
        if is_for_tests(attributes) {
            return;
        }
        if let (Some(name), Item::Macro(_)) = (&name, item)
            && attributes.iter().any(|attribute| attribute.path().is_ident("macro_export"))
        {
            self.source.exported_macros.push(name.clone());
        }
        self.module().items.extend(name);
        visit::visit_item(self, item);
    }

    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        let name = item.ident.to_string();
        match &item.content {
            None => self.module().children.push(name),
            Some(_) => {
                self.modules.push(InlineModule { name, ..InlineModule::default() });
                visit::visit_item_mod(self, item);
                let read = self.modules.pop().expect("it was pushed");
                self.module().inline.push(read);
            }
        }
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        let is_reexport = !matches!(item.vis, syn::Visibility::Inherited);
        self.import(&item.tree, &[], is_reexport);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let segments = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        let line = path.segments.first().map_or(0, |segment| line(segment.ident.span()));
        self.module().paths.push(Reference { segments, line });
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, called: &'ast syn::Macro) {
        self.visit_path(&called.path);
        self.tokens(called.tokens.clone(), &[]);
    }

    fn visit_attribute(&mut self, attribute: &'ast Attribute) {
        if attribute.path().is_ident("doc") {
            return;
        }
        match &attribute.meta {
            Meta::Path(path) => self.visit_path(path),
            Meta::List(list) => {
                self.visit_path(&list.path);
                self.tokens(list.tokens.clone(), &[]);
            }
            Meta::NameValue(_) => {}
        }
    }

    /// `pub(in crate::config)` depends on nothing.
    fn visit_visibility(&mut self, _: &'ast syn::Visibility) {}

    fn visit_item_impl(&mut self, item: &'ast syn::ItemImpl) {
        let name = match &*item.self_ty {
            syn::Type::Path(path) => path.path.segments.last().map(|segment| segment.ident.to_string()),
            _ => None,
        };
        let outer = std::mem::replace(&mut self.owner, name);
        visit::visit_item_impl(self, item);
        self.owner = outer;
    }

    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.function(&item.sig.ident, item.block.brace_token.span.close());
        visit::visit_item_fn(self, item);
    }

    fn visit_impl_item(&mut self, item: &'ast syn::ImplItem) {
        let attributes = match item {
            syn::ImplItem::Const(item) => &item.attrs,
            syn::ImplItem::Fn(item) => &item.attrs,
            syn::ImplItem::Type(item) => &item.attrs,
            syn::ImplItem::Macro(item) => &item.attrs,
            _ => return,
        };
        if !is_for_tests(attributes) {
            visit::visit_impl_item(self, item);
        }
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.function(&item.sig.ident, item.block.brace_token.span.close());
        visit::visit_impl_item_fn(self, item);
    }

    fn visit_item_struct(&mut self, item: &'ast syn::ItemStruct) {
        self.fields(item.ident.to_string(), &item.fields, item.ident.span());
        visit::visit_item_struct(self, item);
    }

    fn visit_variant(&mut self, variant: &'ast syn::Variant) {
        self.fields(variant.ident.to_string(), &variant.fields, variant.ident.span());
        visit::visit_variant(self, variant);
    }

    fn visit_field(&mut self, field: &'ast syn::Field) {
        if !is_for_tests(&field.attrs) {
            visit::visit_field(self, field);
        }
    }

    fn visit_local(&mut self, local: &'ast syn::Local) {
        if !is_for_tests(&local.attrs) {
            visit::visit_local(self, local);
        }
    }
}
