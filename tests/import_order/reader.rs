//! Reads the sources of a crate: its modules, what each module declares and imports, and every path that its code names.
//!
//! Items under `#[cfg(test)]` and `#[cfg(doctest)]` are left out. So are the files of modules under them, but for their names.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::{Delimiter, Ident, Span, TokenStream, TokenTree};
use quote::ToTokens;
use syn::parse::{ParseStream, Parser as _};
use syn::punctuated::Punctuated;
use syn::visit::{self, Visit};
use syn::{Attribute, Item, Meta, Token, UseTree};

/// The sources of a crate: the path of each file below `src`, and the text of the file.
pub(crate) type Sources = BTreeMap<String, String>;

/// The index of a module in [`Crate::modules`].
pub(crate) type ModuleId = usize;

/// The index of a file in [`Crate::files`].
pub(crate) type FileId = usize;

/// What the sources of a crate declare and name.
#[derive(Debug, Default)]
pub(crate) struct Crate {
    pub(crate) modules: Vec<Module>,
    pub(crate) files: Vec<File>,
    /// The files that are compiled for tests only.
    pub(crate) test_files: BTreeSet<String>,
    pub(crate) mentions: Vec<Mention>,
    /// Each place outside tests where a `cfg` names `logscope_loom`.
    pub(crate) loom_cfgs: Vec<(ModuleId, usize)>,
}

/// A file that is compiled outside tests, too.
#[derive(Debug)]
pub(crate) struct File {
    /// The path below `src`, such as `sink/mod.rs`.
    pub(crate) path: String,
    /// The path of the file's module, such as `["sink"]`. Empty for `lib.rs`.
    pub(crate) module: Vec<String>,
    pub(crate) lines: usize,
    /// The number of lines that stand in test modules.
    pub(crate) test_lines: usize,
}

/// A module, or a block, whose names are in scope inside the block only.
#[derive(Debug)]
pub(crate) struct Module {
    pub(crate) parent: Option<ModuleId>,
    pub(crate) is_block: bool,
    /// The path from the root of the crate. A block has that of the module around it.
    pub(crate) path: Vec<String>,
    pub(crate) file: FileId,
    /// The declarations by name. A name can have several: a module and a function, or one for each platform.
    pub(crate) names: BTreeMap<String, Vec<Declaration>>,
    /// What `use …::*` leads to.
    pub(crate) globs: Vec<Vec<String>>,
    /// The names that `macro_rules!` gave. Code below can call such a macro without an import.
    pub(crate) macros: BTreeSet<String>,
}

/// What a name in a module stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Declaration {
    Module(ModuleId),
    /// An item that the file defines.
    Item(FileId),
    /// An import or a re-export of this path.
    Use(Vec<String>),
}

/// A path that code names.
#[derive(Debug)]
pub(crate) struct Mention {
    pub(crate) scope: ModuleId,
    /// The segments. The first is empty if the path begins with `::`, and `crate` for `$crate`.
    pub(crate) path: Vec<String>,
    pub(crate) kind: MentionKind,
    pub(crate) line: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MentionKind {
    Path,
    /// `path::*`, without the asterisk.
    Glob,
    /// The name of a macro that is called.
    Macro,
}

impl Crate {
    /// Reads the crate whose root is `lib.rs`.
    pub(crate) fn read(sources: &Sources) -> Result<Crate, String> {
        let mut found = Crate::default();
        found.read_file(sources, "lib.rs", None, Vec::new())?;
        Ok(found)
    }

    /// The module of which `module` is a block, or `module` itself.
    pub(crate) fn without_blocks(&self, mut module: ModuleId) -> ModuleId {
        while let (true, Some(parent)) = (self.modules[module].is_block, self.modules[module].parent) {
            module = parent;
        }
        module
    }

    fn read_file(
        &mut self,
        sources: &Sources,
        path: &str,
        parent: Option<ModuleId>,
        module: Vec<String>,
    ) -> Result<Option<ModuleId>, String> {
        let text = sources.get(path).ok_or_else(|| format!("{path}: no such file"))?;
        let syntax = syn::parse_file(text).map_err(|error| format!("{path}:{}: {error}", error.span().start().line))?;
        if syntax.attrs.iter().any(|attribute| is_test_only(attribute)) {
            self.test_files.insert(path.to_owned());
            return Ok(None);
        }
        let file = self.files.len();
        self.files.push(File {
            path: path.to_owned(),
            module: module.clone(),
            lines: text.lines().count(),
            test_lines: 0,
        });
        let id = self.add_module(parent, false, module, file);
        let mut reader = FileReader { found: self, file, scope: id, inline: Vec::new(), children: Vec::new() };
        reader.visit_file(&syntax);
        for child in reader.children {
            let child_path = child.file(sources, path)?;
            if child.is_test {
                self.read_test_file(sources, child_path)?;
                continue;
            }
            let mut names = self.modules[child.parent].path.clone();
            names.push(child.name.clone());
            if let Some(id) = self.read_file(sources, &child_path, Some(child.parent), names)? {
                self.declare(child.parent, &child.name, Declaration::Module(id));
            }
        }
        Ok(Some(id))
    }

    /// Notes that `path`, and the files of the modules in it, are compiled for tests only.
    fn read_test_file(&mut self, sources: &Sources, path: String) -> Result<(), String> {
        let text = sources.get(&path).ok_or_else(|| format!("{path}: no such file"))?;
        let syntax = syn::parse_file(text).map_err(|error| format!("{path}:{}: {error}", error.span().start().line))?;
        let mut children = Vec::new();
        child_modules(&syntax.items, &mut Vec::new(), &mut children);
        for child in children {
            let child_path = child.file(sources, &path)?;
            self.read_test_file(sources, child_path)?;
        }
        self.test_files.insert(path);
        Ok(())
    }

    fn add_module(&mut self, parent: Option<ModuleId>, is_block: bool, path: Vec<String>, file: FileId) -> ModuleId {
        self.modules.push(Module {
            parent,
            is_block,
            path,
            file,
            names: BTreeMap::new(),
            globs: Vec::new(),
            macros: BTreeSet::new(),
        });
        self.modules.len() - 1
    }

    fn declare(&mut self, module: ModuleId, name: &str, declaration: Declaration) {
        let declarations = self.modules[module].names.entry(name.to_owned()).or_default();
        if !declarations.contains(&declaration) {
            declarations.push(declaration);
        }
    }
}

/// `mod name;`
struct Child {
    parent: ModuleId,
    name: String,
    /// The names of the inline modules around it.
    inline: Vec<String>,
    /// The value of `#[path = "…"]`.
    path: Option<String>,
    is_test: bool,
}

impl Child {
    /// The file of this module, which is declared in the file `declared_in`.
    fn file(&self, sources: &Sources, declared_in: &str) -> Result<String, String> {
        let (folder, name) = declared_in.rsplit_once('/').unwrap_or(("", declared_in));
        let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
        let own_folder = name.trim_end_matches(".rs");
        if !matches!(own_folder, "lib" | "mod") && (self.path.is_none() || !self.inline.is_empty()) {
            parts.push(own_folder);
        }
        parts.extend(self.inline.iter().map(String::as_str));
        let folder = parts.iter().map(|part| format!("{part}/")).collect::<String>();
        let candidates = match &self.path {
            Some(path) => vec![format!("{folder}{path}")],
            None => vec![format!("{folder}{}.rs", self.name), format!("{folder}{}/mod.rs", self.name)],
        };
        candidates
            .iter()
            .find(|path| sources.contains_key(*path))
            .cloned()
            .ok_or_else(|| format!("{declared_in}: mod {}: there is no {}", self.name, candidates.join(" and no ")))
    }
}

/// The modules in `items`, at any depth, that stand in files of their own.
fn child_modules(items: &[Item], inline: &mut Vec<String>, found: &mut Vec<Child>) {
    for item in items {
        let Item::Mod(module) = item else { continue };
        let name = name_of(&module.ident);
        if let Some((_, items)) = &module.content {
            inline.push(name);
            child_modules(items, inline, found);
            inline.pop();
        } else {
            let path = path_attribute(&module.attrs);
            found.push(Child { parent: 0, name, inline: inline.clone(), path, is_test: true });
        }
    }
}

/// Walks through the syntax of one file.
struct FileReader<'a> {
    found: &'a mut Crate,
    file: FileId,
    scope: ModuleId,
    inline: Vec<String>,
    children: Vec<Child>,
}

impl FileReader<'_> {
    fn mention(&mut self, path: Vec<String>, kind: MentionKind, span: Span) {
        self.found.mentions.push(Mention { scope: self.scope, path, kind, line: span.start().line });
    }

    fn declare(&mut self, name: &Ident) {
        self.found.declare(self.scope, &name_of(name), Declaration::Item(self.file));
    }

    /// Notes every path in the arguments of a macro. All that begins there has `prefix` before it.
    fn scan(&mut self, tokens: TokenStream, prefix: &[String]) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let is = |at: usize, punct: char| matches!(tokens.get(at), Some(TokenTree::Punct(found)) if found.as_char() == punct);
        let mut at = 0;
        while at < tokens.len() {
            if let TokenTree::Group(group) = &tokens[at] {
                self.scan(group.stream(), &[]);
            }
            let TokenTree::Ident(first) = &tokens[at] else {
                at += 1;
                continue;
            };
            let before = |punct: char| at > 0 && is(at - 1, punct);
            let is_field = before('.') && !(at > 1 && is(at - 2, '.'));
            let mut path = prefix.to_vec();
            if before(':') && at > 1 && is(at - 2, ':') {
                path = vec![String::new()];
            }
            path.push(name_of(first));
            let mut end = at + 1;
            while is(end, ':') && is(end + 1, ':') {
                let Some(TokenTree::Ident(next)) = tokens.get(end + 2) else { break };
                path.push(name_of(next));
                end += 3;
            }
            let is_variable = before('$') && path[0] != "crate";
            if !(is_field || is_variable || before('\'')) {
                match tokens.get(end + 2) {
                    Some(TokenTree::Group(group))
                        if is(end, ':') && is(end + 1, ':') && group.delimiter() == Delimiter::Brace =>
                    {
                        self.scan(group.stream(), &path);
                        end += 3;
                    }
                    _ => {
                        let kind = if is(end, '!') { MentionKind::Macro } else { MentionKind::Path };
                        self.mention(path, kind, first.span());
                    }
                }
            }
            at = end;
        }
    }

    /// Declares the items that the arguments of a macro such as `thread_local!` define.
    fn declare_items_of_macro(&mut self, tokens: TokenStream) {
        const KEYWORDS: &[&str] = &["struct", "enum", "union", "trait", "type", "fn", "const", "static"];
        let mut is_name = false;
        for token in tokens {
            let TokenTree::Ident(ident) = token else {
                is_name = false;
                continue;
            };
            let is_keyword = KEYWORDS.iter().any(|keyword| ident == keyword);
            if is_name && !is_keyword {
                self.declare(&ident);
            }
            is_name = is_keyword;
        }
    }

    fn read_use(&mut self, tree: &UseTree, prefix: &mut Vec<String>) {
        match tree {
            UseTree::Path(path) => {
                prefix.push(name_of(&path.ident));
                self.read_use(&path.tree, prefix);
                prefix.pop();
            }
            UseTree::Group(group) => group.items.iter().for_each(|tree| self.read_use(tree, prefix)),
            UseTree::Glob(glob) => {
                self.mention(prefix.clone(), MentionKind::Glob, glob.star_token.spans[0]);
                self.found.modules[self.scope].globs.push(prefix.clone());
            }
            UseTree::Name(name) => self.read_use_of(prefix, &name.ident, None),
            UseTree::Rename(rename) => self.read_use_of(prefix, &rename.ident, Some(&rename.rename)),
        }
    }

    fn read_use_of(&mut self, prefix: &[String], ident: &Ident, rename: Option<&Ident>) {
        let mut path = prefix.to_vec();
        if ident != "self" || path.is_empty() {
            path.push(name_of(ident));
        }
        let name = rename.map(name_of).or_else(|| path.last().cloned()).unwrap_or_default();
        self.mention(path.clone(), MentionKind::Path, ident.span());
        self.found.declare(self.scope, &name, Declaration::Use(path));
    }

    fn read_module(&mut self, module: &syn::ItemMod) {
        let name = name_of(&module.ident);
        let Some((_, items)) = &module.content else {
            self.children.push(Child {
                parent: self.scope,
                name,
                inline: self.inline.clone(),
                path: path_attribute(&module.attrs),
                is_test: false,
            });
            return;
        };
        let outer = self.scope;
        let mut path = self.found.modules[outer].path.clone();
        path.push(name.clone());
        self.scope = self.found.add_module(Some(outer), false, path, self.file);
        self.found.declare(outer, &name, Declaration::Module(self.scope));
        self.inline.push(name);
        items.iter().for_each(|item| self.visit_item(item));
        self.inline.pop();
        self.scope = outer;
    }

    /// Leaves out a test module, but notes its length and the files of the modules in it.
    fn leave_out(&mut self, item: &Item) {
        let Item::Mod(module) = item else { return };
        match &module.content {
            Some((braces, items)) => {
                let start = module.mod_token.span.start().line;
                self.found.files[self.file].test_lines += braces.span.close().end().line - start + 1;
                let mut inline = self.inline.clone();
                inline.push(name_of(&module.ident));
                child_modules(items, &mut inline, &mut self.children);
            }
            None => child_modules(std::slice::from_ref(item), &mut self.inline.clone(), &mut self.children),
        }
    }

    /// Whether `node` is compiled for tests only. Notes each `cfg` about loom if it is not.
    fn is_left_out(&mut self, node: &impl ToTokens) -> bool {
        let attributes = attributes_of(node);
        if attributes.iter().any(is_test_only) {
            return true;
        }
        for attribute in attributes.iter().filter(|attribute| names_loom(attribute.to_token_stream())) {
            let place = (self.found.without_blocks(self.scope), attribute.pound_token.span.start().line);
            self.found.loom_cfgs.push(place);
        }
        false
    }
}

impl<'ast> Visit<'ast> for FileReader<'_> {
    fn visit_item(&mut self, item: &'ast Item) {
        if self.is_left_out(item) {
            return self.leave_out(item);
        }
        match item {
            Item::Const(item) => self.declare(&item.ident),
            Item::Enum(item) => self.declare(&item.ident),
            Item::Fn(item) => self.declare(&item.sig.ident),
            Item::Static(item) => self.declare(&item.ident),
            Item::Struct(item) => self.declare(&item.ident),
            Item::Trait(item) => self.declare(&item.ident),
            Item::TraitAlias(item) => self.declare(&item.ident),
            Item::Type(item) => self.declare(&item.ident),
            Item::Union(item) => self.declare(&item.ident),
            Item::Macro(item) => match &item.ident {
                Some(name) => {
                    self.declare(name);
                    self.found.modules[self.scope].macros.insert(name_of(name));
                    if item.attrs.iter().any(|attribute| attribute.path().is_ident("macro_export")) {
                        self.found.declare(0, &name_of(name), Declaration::Item(self.file));
                    }
                    return self.scan(item.mac.tokens.clone(), &[]);
                }
                None => self.declare_items_of_macro(item.mac.tokens.clone()),
            },
            Item::Mod(module) => return self.read_module(module),
            Item::Use(item) => {
                let root = item.leading_colon.as_ref().map(|_| String::new());
                return self.read_use(&item.tree, &mut root.into_iter().collect());
            }
            _ => {}
        }
        visit::visit_item(self, item);
    }

    fn visit_foreign_item_fn(&mut self, item: &'ast syn::ForeignItemFn) {
        self.declare(&item.sig.ident);
        visit::visit_foreign_item_fn(self, item);
    }

    fn visit_impl_item(&mut self, item: &'ast syn::ImplItem) {
        if !self.is_left_out(item) {
            visit::visit_impl_item(self, item);
        }
    }

    fn visit_trait_item(&mut self, item: &'ast syn::TraitItem) {
        if !self.is_left_out(item) {
            visit::visit_trait_item(self, item);
        }
    }

    fn visit_field(&mut self, field: &'ast syn::Field) {
        if !self.is_left_out(field) {
            visit::visit_field(self, field);
        }
    }

    fn visit_field_value(&mut self, field: &'ast syn::FieldValue) {
        if !self.is_left_out(field) {
            visit::visit_field_value(self, field);
        }
    }

    fn visit_variant(&mut self, variant: &'ast syn::Variant) {
        if !self.is_left_out(variant) {
            visit::visit_variant(self, variant);
        }
    }

    fn visit_arm(&mut self, arm: &'ast syn::Arm) {
        if !self.is_left_out(arm) {
            visit::visit_arm(self, arm);
        }
    }

    fn visit_block(&mut self, block: &'ast syn::Block) {
        let outer = self.scope;
        let path = self.found.modules[outer].path.clone();
        self.scope = self.found.add_module(Some(outer), true, path, self.file);
        visit::visit_block(self, block);
        self.scope = outer;
    }

    fn visit_stmt(&mut self, statement: &'ast syn::Stmt) {
        // `visit_item` looks at the attributes of an item.
        if matches!(statement, syn::Stmt::Item(_)) || !self.is_left_out(statement) {
            visit::visit_stmt(self, statement);
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let root = path.leading_colon.as_ref().map(|_| String::new());
        let segments = root.into_iter().chain(path.segments.iter().map(|segment| name_of(&segment.ident))).collect();
        self.mention(segments, MentionKind::Path, path.segments[0].ident.span());
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        let root = call.path.leading_colon.as_ref().map(|_| String::new());
        let segments =
            root.into_iter().chain(call.path.segments.iter().map(|segment| name_of(&segment.ident))).collect();
        self.mention(segments, MentionKind::Macro, call.path.segments[0].ident.span());
        if call.path.is_ident("cfg") && names_loom(call.tokens.clone()) {
            let place = (self.found.without_blocks(self.scope), call.bang_token.span.start().line);
            self.found.loom_cfgs.push(place);
        }
        self.scan(call.tokens.clone(), &[]);
    }

    fn visit_attribute(&mut self, attribute: &'ast Attribute) {
        if attribute.path().is_ident("doc") {
            return;
        }
        // Some attributes have paths in strings, as in `#[serde(with = "crate::text")]`.
        let Meta::List(list) = &attribute.meta else { return };
        for token in list.tokens.clone() {
            let TokenTree::Literal(literal) = token else { continue };
            let Ok(literal) = syn::parse2::<syn::LitStr>(TokenTree::Literal(literal).into()) else { continue };
            if let Ok(path) = literal.parse::<syn::Path>() {
                let segments = path.segments.iter().map(|segment| name_of(&segment.ident)).collect();
                self.mention(segments, MentionKind::Path, literal.span());
            }
        }
    }

    /// `pub(in path)` imports nothing.
    fn visit_visibility(&mut self, _: &'ast syn::Visibility) {}
}

fn name_of(ident: &Ident) -> String {
    let name = ident.to_string();
    name.strip_prefix("r#").map(str::to_owned).unwrap_or(name)
}

fn attributes_of(node: &impl ToTokens) -> Vec<Attribute> {
    let parse = |input: ParseStream<'_>| {
        let attributes = input.call(Attribute::parse_outer)?;
        input.parse::<TokenStream>()?;
        Ok(attributes)
    };
    parse.parse2(node.to_token_stream()).unwrap_or_default()
}

fn path_attribute(attributes: &[Attribute]) -> Option<String> {
    attributes.iter().find_map(|attribute| match &attribute.meta {
        Meta::NameValue(pair) if pair.path.is_ident("path") => match &pair.value {
            syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(path), .. }) => Some(path.value()),
            _ => None,
        },
        _ => None,
    })
}

/// Whether the attribute is a `cfg` that holds in tests only.
fn is_test_only(attribute: &Attribute) -> bool {
    attribute.path().is_ident("cfg") && attribute.parse_args::<Meta>().is_ok_and(|condition| implies_test(&condition))
}

fn implies_test(condition: &Meta) -> bool {
    match condition {
        Meta::Path(path) => path.is_ident("test") || path.is_ident("doctest"),
        Meta::List(list) => {
            let parse = Punctuated::<Meta, Token![,]>::parse_terminated;
            let Ok(conditions) = parse.parse2(list.tokens.clone()) else { return false };
            if list.path.is_ident("all") {
                conditions.iter().any(implies_test)
            } else {
                list.path.is_ident("any") && !conditions.is_empty() && conditions.iter().all(implies_test)
            }
        }
        Meta::NameValue(_) => false,
    }
}

fn names_loom(tokens: TokenStream) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Ident(ident) => ident == "logscope_loom",
        TokenTree::Group(group) => names_loom(group.stream()),
        _ => false,
    })
}
