//! The modules import one way: each only from those before it. Reads the sources, as a reviewer would.

use std::fs;
use std::path::{Path, PathBuf};

/// The modules in the order in which they may import one another: equal ranks are independent and do not import each other.
const ORDER: &[&[&str]] = &[
    &["sync"],
    &["error"],
    &["verbosity", "clock"],
    &["record"],
    &["format"],
    &["read", "sink"],
    &["context"],
    &["scope"],
    &["layer"],
    &["build"],
];

fn rank(module: &str) -> Option<usize> {
    ORDER.iter().position(|modules| modules.contains(&module))
}

/// The modules of this crate that `line` names, in `use crate::…` or in a path.
fn imports(line: &str) -> Vec<String> {
    let code = line.split("//").next().unwrap_or_default();
    let mut found = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        // `$crate::` stands in macros, which are expanded elsewhere.
        if code[..at].ends_with('$') {
            continue;
        }
        let rest = &code[at + "crate::".len()..];
        let name: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        if name.chars().next().is_some_and(char::is_lowercase) {
            found.push(name);
        }
    }
    found
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("the folder is there") {
        let path = entry.expect("the folder can be read").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

fn violations(module: &str, text: &str) -> Vec<String> {
    let Some(own) = rank(module) else { return vec![format!("the module {module} has no place in the order")] };
    let mut found = Vec::new();
    for (number, line) in text.lines().enumerate() {
        for import in imports(line).into_iter().filter(|import| import != module) {
            match rank(&import) {
                Some(rank) if rank >= own => found.push(format!("line {}: {module} imports {import}", number + 1)),
                _ => {}
            }
        }
    }
    found
}

#[test]
fn modules_import_one_way() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&src, &mut files);
    assert!(files.len() > 20, "the sources were not found");
    let mut found = Vec::new();
    for file in files {
        let relative = file.strip_prefix(&src).unwrap();
        let first = relative.components().next().unwrap().as_os_str().to_str().unwrap();
        let module = first.trim_end_matches(".rs");
        if module == "lib" {
            continue;
        }
        let text = fs::read_to_string(&file).unwrap();
        found.extend(violations(module, &text).into_iter().map(|what| format!("{}: {what}", relative.display())));
    }
    assert!(found.is_empty(), "imports against the order:\n{}", found.join("\n"));
}

#[test]
fn an_import_against_the_order_is_found() {
    assert_eq!(violations("format", "use crate::sink::Sink;").len(), 1);
    assert_eq!(violations("verbosity", "    crate::clock::Origin::now();").len(), 1);
    assert!(violations("sink", "use crate::format::Format; // crate::layer").is_empty());
    assert_eq!(violations("unheard_of", "").len(), 1);
}
