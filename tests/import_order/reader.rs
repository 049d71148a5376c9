//! Reads the sources of a crate: its modules, what each module declares and imports, and every path that its code names.
//!
//! Items under `#[cfg(test)]` and `#[cfg(doctest)]` are left out. So are the files of such modules, but for their names.

use std::collections::{BTreeMap, BTreeSet};

use syn::visit::Visit as _;

use crate::syntax;
use crate::walk::{self, FileReader};

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
    pub(crate) members: Vec<Member>,
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

/// A function or constant that an `impl` block of a type, or a trait, defines. A type can have such blocks in several files.
#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) scope: ModuleId,
    /// The type or trait, as code in `scope` names it.
    pub(crate) owner: Vec<String>,
    pub(crate) name: String,
}

/// A path that code names.
#[derive(Debug)]
pub(crate) struct Mention {
    pub(crate) scope: ModuleId,
    /// The segments. The first is empty if the path begins with `::`, and `crate` for `$crate`. `Self` is replaced with the type.
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
    /// The name of a method that is called on a value of an unknown type.
    Method,
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

    /// The module around `module`, blocks aside.
    pub(crate) fn parent(&self, module: ModuleId) -> Option<ModuleId> {
        self.modules[module].parent.map(|parent| self.without_blocks(parent))
    }

    /// Reads the file at `path` and the modules below it. Returns its module, or `None` if it is compiled for tests only.
    fn read_file(
        &mut self,
        sources: &Sources,
        path: &str,
        parent: Option<ModuleId>,
        module: Vec<String>,
    ) -> Result<Option<ModuleId>, String> {
        let (text, syntax) = parse(sources, path)?;
        if syntax.attrs.iter().any(syntax::is_test_only) {
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
        let mut reader = FileReader::new(self, file, id);
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
        let (_, syntax) = parse(sources, &path)?;
        let mut children = Vec::new();
        walk::child_modules(&syntax.items, &mut Vec::new(), &mut children);
        for child in children {
            let child_path = child.file(sources, &path)?;
            self.read_test_file(sources, child_path)?;
        }
        self.test_files.insert(path);
        Ok(())
    }

    /// Adds an empty module and returns its index.
    pub(crate) fn add_module(
        &mut self,
        parent: Option<ModuleId>,
        is_block: bool,
        path: Vec<String>,
        file: FileId,
    ) -> ModuleId {
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

    /// Has `name` in `module` stand for `declaration`, and for what it stood for before.
    pub(crate) fn declare(&mut self, module: ModuleId, name: &str, declaration: Declaration) {
        let declarations = self.modules[module].names.entry(name.to_owned()).or_default();
        if !declarations.contains(&declaration) {
            declarations.push(declaration);
        }
    }
}

/// A module that stands in a file of its own: `mod name;`
pub(crate) struct Child {
    pub(crate) parent: ModuleId,
    pub(crate) name: String,
    /// The names of the inline modules around the declaration.
    pub(crate) inline: Vec<String>,
    /// The value of `#[path = "…"]`.
    pub(crate) path: Option<String>,
    pub(crate) is_test: bool,
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

fn parse<'a>(sources: &'a Sources, path: &str) -> Result<(&'a str, syn::File), String> {
    let text = sources.get(path).ok_or_else(|| format!("src/{path}: no such file"))?;
    let syntax = syn::parse_file(text);
    syntax
        .map(|syntax| (text.as_str(), syntax))
        .map_err(|error| format!("src/{path}:{}: {error}", error.span().start().line))
}
