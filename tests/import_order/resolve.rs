//! Finds the file that defines what a path names, through re-exports, globs and renamed imports.

use std::collections::{BTreeMap, BTreeSet};

use crate::reader::{Crate, Declaration, FileId, Mention, MentionKind, Module, ModuleId};

/// The files that each file imports, with the places where it names them.
#[derive(Debug, Default)]
pub(crate) struct Imports {
    pub(crate) edges: BTreeMap<(FileId, FileId), Vec<Place>>,
    /// The paths into this crate that lead nowhere, each with its place. The reader has not understood something if there is one.
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
    Item(FileId),
    /// An item of another crate. `through` is the file whose `use` names it, if one does.
    External {
        path: Vec<String>,
        through: Option<FileId>,
    },
}

impl Imports {
    pub(crate) fn of(found: &Crate) -> Imports {
        let mut imports = Imports::default();
        for mention in &found.mentions {
            imports.add(found, mention);
        }
        imports
    }

    fn add(&mut self, found: &Crate, mention: &Mention) {
        let file = found.modules[mention.scope].file;
        let place = Place { line: mention.line, path: mention.path.join("::") };
        let mut targets = match macro_in_scope(found, mention) {
            Some(file) => vec![Target::Item(file)],
            None => resolve(found, mention.scope, &mention.path, &mut BTreeSet::new()),
        };
        if targets.is_empty() {
            let path = &found.files[file].path;
            self.unresolved.push(format!("src/{path}:{}: {}", place.line, place.path));
        }
        let is_module = |target: &Target| matches!(target, Target::Module(_));
        if mention.kind == MentionKind::Glob {
            targets = targets.into_iter().flat_map(|target| all_of(found, target)).collect();
        } else if mention.path.len() == 1 || !targets.iter().all(is_module) {
            // Code that imports a module imports what it then names in the module, and nothing else. One word in an expression is never a module.
            targets.retain(|target| !is_module(target));
        }
        for target in targets {
            match target {
                Target::Item(to) | Target::External { through: Some(to), .. } if to != file => {
                    self.edges.entry((file, to)).or_default().push(place.clone());
                }
                Target::External { path, .. } => {
                    self.external.push((file, Place { line: place.line, path: path.join("::") }));
                }
                _ => {}
            }
        }
    }
}

/// The file of the `macro_rules!` that a call without a path reaches by its place in the text.
fn macro_in_scope(found: &Crate, mention: &Mention) -> Option<FileId> {
    let [name] = mention.path.as_slice() else { return None };
    if mention.kind != MentionKind::Macro {
        return None;
    }
    let mut scope = Some(mention.scope);
    while let Some(id) = scope {
        let module = &found.modules[id];
        if module.macros.contains(name) {
            return Some(module.file);
        }
        if module.names.contains_key(name) {
            return None;
        }
        scope = module.parent;
    }
    None
}

/// Everything that `use target::*` imports.
fn all_of(found: &Crate, target: Target) -> Vec<Target> {
    let Target::Module(module) = target else { return vec![target] };
    let mut targets = Vec::new();
    for name in found.modules[module].names.keys() {
        targets.extend(lookup(found, module, name, &mut BTreeSet::new()));
    }
    targets.retain(|target| !matches!(target, Target::Module(_)));
    targets
}

/// The names that are being looked up, which ends the search in imports that lead to one another.
type Seen = BTreeSet<(ModuleId, String, Vec<String>)>;

fn resolve(found: &Crate, scope: ModuleId, path: &[String], seen: &mut Seen) -> Vec<Target> {
    let Some((first, rest)) = path.split_first() else { return vec![Target::Module(found.without_blocks(scope))] };
    let module = found.without_blocks(scope);
    let mut targets = match first.as_str() {
        "" => return vec![Target::External { path: rest.to_vec(), through: None }],
        "crate" => vec![Target::Module(0)],
        "self" => vec![Target::Module(module)],
        "super" => found.modules[module]
            .parent
            .map(|parent| found.without_blocks(parent))
            .map(Target::Module)
            .into_iter()
            .collect(),
        name => {
            let mut scope = scope;
            loop {
                let targets = lookup(found, scope, name, seen);
                match found.modules[scope].parent {
                    Some(parent) if targets.is_empty() && found.modules[scope].is_block => scope = parent,
                    _ => break if targets.is_empty() { external(path) } else { targets },
                }
            }
        }
    };
    if targets == external(path) {
        return targets;
    }
    for segment in rest {
        targets = step(found, targets, segment, seen);
    }
    targets
}

fn external(path: &[String]) -> Vec<Target> {
    vec![Target::External { path: path.to_vec(), through: None }]
}

/// What `segment` names in `targets`: in the modules among them, else in the types.
fn step(found: &Crate, targets: Vec<Target>, segment: &str, seen: &mut Seen) -> Vec<Target> {
    let mut inside = Vec::new();
    let mut others = Vec::new();
    for target in targets {
        match target {
            Target::Module(module) if segment == "self" => inside.push(Target::Module(module)),
            Target::Module(module) if segment == "super" => {
                inside.extend(
                    found.modules[module].parent.map(|parent| found.without_blocks(parent)).map(Target::Module),
                );
            }
            Target::Module(module) => inside.extend(lookup(found, module, segment, seen)),
            Target::Item(file) => others.push(Target::Item(file)),
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
            Declaration::Item(file) => targets.push(Target::Item(*file)),
            Declaration::Use(path) => {
                let key = (module, name.to_owned(), path.clone());
                if seen.insert(key.clone()) {
                    targets.extend(resolve(found, module, path, seen));
                    seen.remove(&key);
                }
            }
        }
    }
    for glob in globs.iter().filter(|_| targets.is_empty()) {
        let key = (module, name.to_owned(), glob.clone());
        if seen.insert(key.clone()) {
            let modules = resolve(found, module, glob, seen);
            let modules = modules.into_iter().filter(|target| matches!(target, Target::Module(_))).collect();
            let inside = step(found, modules, name, seen);
            seen.remove(&key);
            if !inside.is_empty() {
                targets = inside;
                break;
            }
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
