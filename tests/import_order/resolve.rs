//! Finds the file that defines what a path names, through re-exports, globs and renamed imports.

use std::collections::{BTreeMap, BTreeSet};

use crate::reader::{Crate, Declaration, FileId, Member, Mention, MentionKind, Module, ModuleId};

/// Names of methods that types of other crates have. A call of such a method says nothing, although one type of this crate has it too.
#[rustfmt::skip]
const FOREIGN_METHODS: &[&str] = &[
    "arg", "as_bool", "as_bytes", "as_f64", "as_i64", "as_ptr", "as_ref", "as_str", "as_u64", "bytes", "capacity", "chars",
    "clear", "clone", "cloned", "cmp", "collect", "contains", "count", "current_dir", "drain", "drop", "elapsed", "enabled", "end",
    "enter",
    "env", "env_remove", "eq", "exit", "extend", "fields", "file", "filter", "find", "finish", "first", "flush", "fmt", "get",
    "get_mut", "id", "index", "insert", "interest", "into_inner", "is_empty", "is_finished", "is_some", "iter",
    "join", "keys", "kill", "kind", "last", "len", "level", "line", "lines", "load", "lock", "map", "max", "metadata",
    "min", "mode", "module_path", "name", "new_span", "next", "notify_all", "open", "parent", "path", "poll", "pop",
    "push", "push_str", "range", "read", "record", "remove", "replace", "reserve", "retain", "rev", "seek", "set",
    "size_hint", "sort", "spawn", "split", "start", "stdout", "store", "success", "swap", "sync", "take", "target", "thread", "timed_out",
    "truncate", "try_lock", "update", "upgrade", "value", "values", "visit", "wait", "wait_for", "wait_until", "wake", "with",
    "write", "write_all", "write_fmt", "write_str",
];

/// The files that each file imports, with the places where it names them.
#[derive(Debug, Default)]
pub(crate) struct Imports {
    pub(crate) edges: BTreeMap<(FileId, FileId), Vec<Place>>,
    /// The paths into this crate that lead nowhere, each with its place. If there is one, the reader has overlooked an item.
    pub(crate) unresolved: Vec<String>,
    /// The paths that lead out of this crate, without those that code names through a re-export of another file.
    pub(crate) external: Vec<(FileId, Place)>,
}

/// A place where code names a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) line: usize,
    pub(crate) path: String,
}

/// What a path leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Target {
    Module(ModuleId),
    /// An item with this name, which is declared in this module.
    Item {
        file: FileId,
        module: ModuleId,
        name: String,
    },
    /// An item of another crate. `through` is the file whose `use` names it, if one does.
    External {
        path: Vec<String>,
        through: Option<FileId>,
    },
}

impl Imports {
    pub(crate) fn of(found: &Crate) -> Imports {
        let mut imports = Imports::default();
        let members = Members::of(found);
        for mention in &found.mentions {
            imports.add(found, &members, mention);
        }
        imports
    }

    fn add(&mut self, found: &Crate, members: &Members, mention: &Mention) {
        let file = found.modules[mention.scope].file;
        if mention.kind == MentionKind::Method {
            let name = &mention.path[0];
            for &to in members.of_name(name).filter(|to| **to != file) {
                let place = Place { line: mention.line, path: format!(".{name}()") };
                self.edges.entry((file, to)).or_default().push(place);
            }
            return;
        }
        let place = Place { line: mention.line, path: mention.path.join("::") };
        for &to in members.of_path(found, mention).iter().filter(|to| **to != file) {
            self.edges.entry((file, to)).or_default().push(place.clone());
        }
        let mut targets = match macro_in_scope(found, mention) {
            Some((module, file)) => vec![Target::Item { file, module, name: mention.path[0].clone() }],
            None => resolve(found, mention.scope, &mention.path, &mut BTreeSet::new()),
        };
        if targets.is_empty() {
            let path = &found.files[file].path;
            self.unresolved.push(format!("src/{path}:{}: {}", place.line, place.path));
        }
        if mention.kind == MentionKind::Glob {
            targets = targets.into_iter().flat_map(|target| all_of(found, target, &mut BTreeSet::new())).collect();
        }
        // A module among the targets is no import. Whoever imports a module imports the items that it then names in the module.
        for target in targets {
            match target {
                Target::Item { file: to, .. } | Target::External { through: Some(to), .. } if to != file => {
                    self.edges.entry((file, to)).or_default().push(place.clone());
                }
                Target::External { path, .. } => {
                    self.external.push((file, Place { line: place.line, path: path.join("::") }));
                }
                Target::Item { .. } | Target::Module(_) => {}
            }
        }
    }
}

/// The files of the members of types and traits.
#[derive(Debug, Default)]
struct Members {
    /// By the module and the name of the type, and the name of the member.
    by_owner: BTreeMap<(ModuleId, String), BTreeMap<String, BTreeSet<FileId>>>,
    /// By the name of the member, if only one type has such a member, and no type of another crate that this crate uses.
    by_name: BTreeMap<String, BTreeSet<FileId>>,
}

impl Members {
    fn of(found: &Crate) -> Members {
        let mut members = Members::default();
        for Member { scope, owner, name } in &found.members {
            for target in resolve(found, *scope, owner, &mut Seen::new()) {
                let Target::Item { module, name: owner, .. } = target else { continue };
                let files = members.by_owner.entry((module, owner)).or_default().entry(name.clone()).or_default();
                files.insert(found.modules[*scope].file);
            }
        }
        let all = || members.by_owner.values().flatten();
        for (name, files) in all().filter(|(name, _)| !FOREIGN_METHODS.contains(&name.as_str())) {
            if all().filter(|(other, _)| *other == name).count() == 1 {
                members.by_name.insert(name.clone(), files.clone());
            }
        }
        members
    }

    /// The files that define the method `name`, if only one type has such a method.
    fn of_name(&self, name: &str) -> impl Iterator<Item = &FileId> {
        self.by_name.get(name).into_iter().flatten()
    }

    /// The files that define the member that the path names after its type.
    fn of_path(&self, found: &Crate, mention: &Mention) -> BTreeSet<FileId> {
        let Some((name, owner)) = mention.path.split_last().filter(|(_, owner)| !owner.is_empty()) else {
            return BTreeSet::new();
        };
        let owners = resolve(found, mention.scope, owner, &mut Seen::new()).into_iter();
        let members = owners.filter_map(|target| match target {
            Target::Item { module, name, .. } => self.by_owner.get(&(module, name)),
            _ => None,
        });
        members.filter_map(|members| members.get(name)).flatten().copied().collect()
    }
}

/// The file of the `macro_rules!` that a call without a path reaches by its place in the text.
fn macro_in_scope(found: &Crate, mention: &Mention) -> Option<(ModuleId, FileId)> {
    let [name] = mention.path.as_slice() else { return None };
    if mention.kind != MentionKind::Macro {
        return None;
    }
    let mut scope = Some(mention.scope);
    while let Some(id) = scope {
        let module = &found.modules[id];
        if module.macros.contains(name) {
            return Some((id, module.file));
        }
        if module.names.contains_key(name) {
            return None;
        }
        scope = module.parent;
    }
    None
}

/// Everything that `use target::*` imports. `seen` has the modules whose names were taken before.
fn all_of(found: &Crate, target: Target, seen: &mut BTreeSet<ModuleId>) -> Vec<Target> {
    let Target::Module(id) = target else { return vec![target] };
    if !seen.insert(id) {
        return Vec::new();
    }
    let Module { names, globs, .. } = &found.modules[id];
    let mut targets: Vec<Target> = names.keys().flat_map(|name| lookup(found, id, name, &mut Seen::new())).collect();
    targets.retain(|target| !matches!(target, Target::Module(_)));
    for glob in globs {
        for target in resolve(found, id, glob, &mut Seen::new()) {
            targets.extend(all_of(found, target, seen));
        }
    }
    targets
}

/// The names that are being looked up, which ends the search in imports that lead to one another.
type Seen = BTreeSet<(ModuleId, String, Vec<String>)>;

/// What `path` leads to, as code in `scope` names it.
fn resolve(found: &Crate, scope: ModuleId, path: &[String], seen: &mut Seen) -> Vec<Target> {
    let module = found.without_blocks(scope);
    let Some((first, rest)) = path.split_first() else { return vec![Target::Module(module)] };
    let mut targets = match first.as_str() {
        "" => return vec![Target::External { path: rest.to_vec(), through: None }],
        "crate" => vec![Target::Module(0)],
        "self" => vec![Target::Module(module)],
        "super" => found.parent(module).map(Target::Module).into_iter().collect(),
        name => match in_scope(found, scope, name, seen) {
            // Another crate, a local variable, a type parameter, or a name of the prelude.
            targets if targets.is_empty() => return vec![Target::External { path: path.to_vec(), through: None }],
            targets => targets,
        },
    };
    for segment in rest {
        targets = step(found, targets, segment, seen);
    }
    targets
}

/// What `name` stands for in `scope`: in the blocks around the code, from the innermost, then in the module.
fn in_scope(found: &Crate, mut scope: ModuleId, name: &str, seen: &mut Seen) -> Vec<Target> {
    loop {
        let targets = lookup(found, scope, name, seen);
        let Module { is_block, parent, .. } = found.modules[scope];
        match parent {
            Some(parent) if is_block && targets.is_empty() => scope = parent,
            _ => return targets,
        }
    }
}

/// What `segment` names in `targets`: in the modules among them, else in the types.
fn step(found: &Crate, targets: Vec<Target>, segment: &str, seen: &mut Seen) -> Vec<Target> {
    let mut inside = Vec::new();
    let mut others = Vec::new();
    for target in targets {
        match target {
            Target::Module(module) if segment == "self" => inside.push(Target::Module(module)),
            Target::Module(module) if segment == "super" => {
                inside.extend(found.parent(module).map(Target::Module));
            }
            Target::Module(module) => inside.extend(lookup(found, module, segment, seen)),
            item @ Target::Item { .. } => others.push(item),
            Target::External { mut path, through } => {
                path.push(segment.to_owned());
                others.push(Target::External { path, through });
            }
        }
    }
    if inside.is_empty() { others } else { inside }
}

/// What `name` stands for in `module`.
fn lookup(found: &Crate, module: ModuleId, name: &str, seen: &mut Seen) -> Vec<Target> {
    let Module { names, globs, file, .. } = &found.modules[module];
    let mut targets = Vec::new();
    for declaration in names.get(name).into_iter().flatten() {
        match declaration {
            Declaration::Module(id) => targets.push(Target::Module(*id)),
            Declaration::Item(file) => {
                targets.push(Target::Item { file: *file, module, name: name.to_owned() });
            }
            Declaration::Use(path) => {
                let key = (module, name.to_owned(), path.clone());
                if seen.insert(key.clone()) {
                    targets.extend(resolve(found, module, path, seen));
                    seen.remove(&key);
                }
            }
        }
    }
    // A declared name hides that of a glob, but a module does not hide a function or a type of the same name.
    let is_declared = !targets.is_empty();
    let is_module = |target: &Target| matches!(target, Target::Module(_));
    let globs = if targets.iter().all(is_module) { globs.as_slice() } else { &[] };
    for glob in globs {
        let key = (module, name.to_owned(), glob.clone());
        if seen.insert(key.clone()) {
            let modules = resolve(found, module, glob, seen).into_iter().filter(is_module).collect();
            let inside = step(found, modules, name, seen);
            targets.extend(inside.into_iter().filter(|target| !(is_declared && is_module(target))));
            seen.remove(&key);
        }
    }
    for target in &mut targets {
        if let Target::External { through: through @ None, .. } = target {
            *through = Some(*file);
        }
    }
    targets.dedup();
    targets
}
