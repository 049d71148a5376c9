//! Tests of the reader and of the graph, on small source trees.

use crate::graph::Graph;
use crate::order;

/// Reads a crate of the files in `tree`, each a path and a text.
fn read(tree: &[(&str, &str)]) -> Graph {
    let sources = tree.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
    let graph = Graph::read(&sources).expect("the tree can be read");
    assert_eq!(graph.imports.unresolved, <[String; 0]>::default());
    graph
}

/// The imports between files, as `a.rs > b.rs`, each with the line of the first.
fn edges(graph: &Graph) -> Vec<String> {
    let path = |file: usize| graph.found.files[file].path.as_str();
    let edges = graph.imports.edges.iter();
    edges.map(|((from, to), places)| format!("{} > {} @{}", path(*from), path(*to), places[0].line)).collect()
}

/// The imports of a crate of `a.rs` with the text `code`, `b/mod.rs`, which re-exports all of `b/c.rs`, and `d.rs`.
fn edges_of(code: &str) -> Vec<String> {
    let graph = read(&[
        ("lib.rs", "mod a; mod b; mod d;"),
        ("a.rs", code),
        ("b/mod.rs", "mod c;\npub(crate) use self::c::*;\npub(crate) use c::Thing as Other;\npub(crate) fn own() {}"),
        ("b/c.rs", "pub(crate) struct Thing;\npub(crate) enum Kind { One }\npub(crate) fn c() {}"),
        (
            "d.rs",
            "#[macro_export]\nmacro_rules! exported { () => {} }\npub(crate) fn run() {}\npub(crate) trait Run {}",
        ),
    ]);
    edges(&graph).into_iter().filter(|edge| edge.starts_with("a.rs")).collect()
}

fn circles(tree: &[(&str, &str)]) -> Vec<String> {
    read(tree).circles()
}

#[test]
fn re_exports_lead_to_the_file_that_defines_the_item() {
    assert_eq!(edges_of("use crate::b::Thing;"), ["a.rs > b/c.rs @1"]);
    assert_eq!(edges_of("use crate::b::Other;"), ["a.rs > b/c.rs @1"]);
    assert_eq!(edges_of("use crate::b::own;"), ["a.rs > b/mod.rs @1"]);
    assert_eq!(edges_of("use crate::{b::{own, Thing as Mine}};"), ["a.rs > b/mod.rs @1", "a.rs > b/c.rs @1"]);
    assert_eq!(edges_of("use crate::b::*;"), ["a.rs > b/mod.rs @1", "a.rs > b/c.rs @1"]);
    assert_eq!(edges_of("use crate::b::*;\nfn f() { c() }"), ["a.rs > b/mod.rs @1", "a.rs > b/c.rs @1"]);
    assert_eq!(edges_of("mod all { pub use crate::d::*; }\nuse all::*;\nfn f() { run() }"), ["a.rs > d.rs @1"]);
    assert_eq!(edges_of("use crate::b::Kind::*;\nuse crate::b::Kind::One as First;"), ["a.rs > b/c.rs @1"]);
}

#[test]
fn paths_are_found_wherever_code_names_them() {
    assert_eq!(edges_of("fn f() {\n    crate::b::c();\n}"), ["a.rs > b/c.rs @2"]);
    assert_eq!(edges_of("fn f(_: &[super::b::Thing]) {}"), ["a.rs > b/c.rs @1"]);
    assert_eq!(edges_of("impl crate::b::Thing {}"), ["a.rs > b/c.rs @1"]);
    assert_eq!(edges_of("use crate::b as bee;\nfn f() { bee::c() }"), ["a.rs > b/c.rs @2"]);
    assert_eq!(
        edges_of("fn f() {\n    use super::{b, d as dee};\n    b::own();\n    dee::run();\n}"),
        ["a.rs > b/mod.rs @3", "a.rs > d.rs @4"]
    );
    assert_eq!(edges_of("mod inner { fn f() { super::super::d::run() } }"), ["a.rs > d.rs @1"]);
    assert_eq!(
        edges_of("#[serde(with = \"crate::d\", default = \"crate::b::own\")]\nstruct S;"),
        ["a.rs > b/mod.rs @1"]
    );
    assert_eq!(
        edges_of("fn f<T: crate::d::Run>() where Vec<crate::b::Thing>: {}"),
        ["a.rs > b/c.rs @1", "a.rs > d.rs @1"]
    );
}

#[test]
fn paths_in_macros_are_found() {
    assert_eq!(edges_of("use super::d;\nfn f() {\n    println!(\"{}\",\n        d::run());\n}"), ["a.rs > d.rs @4"]);
    assert_eq!(
        edges_of("thread_local! { static T: crate::b::Thing = const { crate::b::Thing }; }"),
        ["a.rs > b/c.rs @1"]
    );
    assert_eq!(
        edges_of("macro_rules! m { ($x:expr) => {{ use $crate::b::{own}; $x.d::<$crate::b::Thing>() }} }"),
        ["a.rs > b/mod.rs @1", "a.rs > b/c.rs @1"]
    );
    assert_eq!(edges_of("fn f() { crate::exported!() }"), ["a.rs > d.rs @1"]);
}

#[test]
fn macros_are_found_by_their_place_in_the_text() {
    let graph = read(&[
        ("lib.rs", "mod a;"),
        ("a/mod.rs", "macro_rules! m { () => {} }\nmod b;\nmod c;"),
        ("a/b.rs", "thread_local! { pub(crate) static HERE: u8 = 0; }\nm!();"),
        ("a/c.rs", "fn f() { super::b::HERE.with(|_| ()) }"),
    ]);
    assert_eq!(edges(&graph), ["a/b.rs > a/mod.rs @2", "a/c.rs > a/b.rs @1"]);
}

#[test]
fn what_names_nothing_of_another_file_is_no_import() {
    assert_eq!(edges_of("// crate::b::Thing\nconst S: &str = \"crate::b::Thing\";"), [""; 0]);
    assert_eq!(edges_of("/// [`Thing`](crate::b::Thing)\n#[doc = \"crate::d::run\"]\nfn f() {}"), [""; 0]);
    assert_eq!(edges_of("use crate::d;\nfn f(d: u8) { write!(d.b, \"{}\", d) }"), [""; 0]);
    assert_eq!(edges_of("use std::{b, d};\nfn f() { d::run() }"), [""; 0]);
    assert_eq!(edges_of("pub(in crate::a) fn f() { ::d::run() }"), [""; 0]);
    assert_eq!(edges_of("struct Thing;\nfn run() { let own = Thing; Self::c(own) }"), [""; 0]);
}

#[test]
fn tests_are_left_out() {
    assert_eq!(edges_of("#[cfg(test)]\nmod tests { use crate::d::run; }"), [""; 0]);
    assert_eq!(edges_of("#[cfg(all(test, unix))]\nuse crate::d;"), [""; 0]);
    assert_eq!(edges_of("fn f() { #[cfg(test)]\ncrate::d::run(); }"), [""; 0]);
    assert_eq!(edges_of("struct S { #[cfg(test)] field: crate::b::Thing }"), [""; 0]);
    assert_eq!(edges_of("impl S { #[cfg(any(test, doctest))] fn f() { crate::d::run() } }"), [""; 0]);
    assert_eq!(edges_of("#[cfg(not(test))]\nuse crate::d::run;"), ["a.rs > d.rs @2"]);
    assert_eq!(edges_of("#[cfg(any(test, unix))]\nuse crate::d::run;"), ["a.rs > d.rs @2"]);

    let graph = read(&[
        ("lib.rs", "mod a;\n#[cfg(test)]\nmod tests;"),
        ("a.rs", "#[cfg(test)]\nmod tests {\n    mod deep;\n}\n"),
        ("a/tests/deep.rs", "use super::super::super::tests;"),
        ("tests.rs", "mod model;"),
        ("tests/model.rs", "use crate::a;"),
    ]);
    assert_eq!(edges(&graph), [""; 0]);
    assert_eq!(graph.found.test_files.iter().collect::<Vec<_>>(), ["a/tests/deep.rs", "tests.rs", "tests/model.rs"]);
    let [_, a] = &graph.found.files[..] else { panic!("{:?}", graph.found.files) };
    assert_eq!((a.lines, a.test_lines), (4, 3));
}

#[test]
fn a_name_can_be_a_module_and_a_function() {
    let graph = read(&[
        ("lib.rs", "mod a; mod user;"),
        ("a/mod.rs", "mod file; mod b;\npub use file::file;"),
        ("a/file.rs", "#[path = \"elsewhere.rs\"]\nmod os;\npub fn file() { os::open() }\npub fn other() {}"),
        ("a/elsewhere.rs", "pub fn open() {}"),
        ("a/b.rs", "fn f() { super::file(); super::file::other() }"),
        ("user.rs", "use crate::a::file;"),
    ]);
    let all = edges(&graph);
    assert!(all.contains(&"a/b.rs > a/file.rs @1".to_owned()), "{all:?}");
    assert!(all.contains(&"user.rs > a/file.rs @1".to_owned()), "{all:?}");
    assert!(all.contains(&"a/file.rs > a/elsewhere.rs @3".to_owned()), "{all:?}");
}

#[test]
fn a_path_that_leads_nowhere_is_reported() {
    let sources = [("lib.rs", "mod a;"), ("a.rs", "fn f() { crate::a::made_by_a_macro() }")];
    let sources = sources.map(|(path, text)| (path.to_owned(), text.to_owned())).into();
    assert_eq!(Graph::read(&sources).unwrap().imports.unresolved, ["src/a.rs:1: crate::a::made_by_a_macro"]);
    let sources = [("lib.rs".to_owned(), "mod a;".to_owned())].into();
    assert!(Graph::read(&sources).is_err());
}

#[test]
fn names_of_other_crates_are_reported_with_the_file_that_imports_them() {
    let graph = read(&[
        ("lib.rs", "mod a; mod sync;"),
        ("a.rs", "use crate::sync::Arc;\nuse std as s;\nfn f() { s::thread::spawn(); Arc::new() }"),
        ("sync.rs", "pub(crate) use std::sync::Arc;"),
    ]);
    assert_eq!(edges(&graph), ["a.rs > sync.rs @1"]);
    let external: Vec<_> = graph.imports.external.iter().map(|(file, place)| (*file, place.path.as_str())).collect();
    assert!(external.contains(&(1, "std::thread::spawn")), "{external:?}");
    assert!(!external.iter().any(|(file, path)| *file == 1 && path.contains("sync")), "{external:?}");
    assert!(external.contains(&(2, "std::sync::Arc")), "{external:?}");
}

/// The imports of a crate of `a.rs` with the text `code`, `t.rs`, which has two types and a trait, and `more.rs` and `other.rs`,
/// which have further members of the types.
fn edges_to_members(code: &str) -> Vec<String> {
    let graph = read(&[
        ("lib.rs", "mod a; mod t; mod more; mod other; pub(crate) use t::T;"),
        ("a.rs", code),
        ("t.rs", "pub struct T;\npub struct U;\npub trait Run { fn run(&self) {} }"),
        (
            "more.rs",
            "use crate::{T as Mine, t::Run};\nimpl Mine { pub fn make() {} pub fn own(&self) {} pub fn both(&self) {} const C: u8 = 0; pub fn len(&self) {} }\nimpl Run for Mine { fn run(&self) {} }",
        ),
        ("other.rs", "impl crate::t::U { pub fn both(&self) {} #[cfg(test)] fn own(&self) {} }"),
    ]);
    edges(&graph).into_iter().filter(|edge| edge.starts_with("a.rs")).collect()
}

#[test]
fn members_of_a_type_are_found_in_the_file_that_defines_them() {
    assert_eq!(edges_to_members("use crate::T;\nfn f() { T::make() }"), ["a.rs > t.rs @1", "a.rs > more.rs @2"]);
    assert_eq!(edges_to_members("fn f() { let _ = crate::t::T::C; }"), ["a.rs > t.rs @1", "a.rs > more.rs @1"]);
    assert_eq!(
        edges_to_members("fn f() { println!(\"{}\", crate::T::make()) }"),
        ["a.rs > t.rs @1", "a.rs > more.rs @1"]
    );
    assert_eq!(
        edges_to_members("use crate::t::U;\nimpl U {\n    fn f(&self) { self.both() }\n}"),
        ["a.rs > t.rs @1", "a.rs > other.rs @3"]
    );
    assert_eq!(
        edges_to_members("use crate::T;\nimpl T {\n    fn f() { Self::make() }\n}"),
        ["a.rs > t.rs @1", "a.rs > more.rs @3"]
    );
    // A method of a trait belongs to the trait.
    assert_eq!(edges_to_members("use crate::T;\nfn f() { T::run(&T) }"), ["a.rs > t.rs @1"]);
}

#[test]
fn a_method_is_found_by_its_name_if_only_one_type_has_it() {
    assert_eq!(edges_to_members("fn f(t: &impl Sized) {\n    t.own()\n}"), ["a.rs > more.rs @2"]);
    assert_eq!(edges_to_members("fn f(t: &impl Sized) { println!(\"{}\", t.own()) }"), ["a.rs > more.rs @1"]);
    assert_eq!(edges_to_members("fn f(t: &impl Sized) { t.run() }"), ["a.rs > t.rs @1"]);
    assert_eq!(edges_to_members("fn f(t: &impl Sized) { t.both() }"), [""; 0]);
    assert_eq!(edges_to_members("fn f(t: &[u8]) { t.len(); t.own; println!(\"{}\", t.own) }"), [""; 0]);
}

#[test]
fn an_extern_crate_is_an_import() {
    let graph = read(&[
        ("lib.rs", "mod a; mod b;\nextern crate self as own;"),
        ("a.rs", "extern crate parking_lot as pl;\nfn f(_: pl::Mutex<()>) {}"),
        ("b.rs", "use crate::own::a;\npub fn b() { extern crate lock_api; a::f() }"),
    ]);
    assert_eq!(edges(&graph), ["b.rs > a.rs @2"]);
    let external: Vec<_> = graph.imports.external.iter().map(|(file, place)| (*file, place.path.as_str())).collect();
    for path in ["parking_lot", "parking_lot::Mutex"] {
        assert!(external.contains(&(1, path)), "{external:?}");
    }
    assert!(external.contains(&(2, "lock_api")), "{external:?}");
}

#[test]
fn every_name_behind_a_glob_is_imported() {
    let graph = read(&[
        ("lib.rs", "mod a; mod b; mod c;"),
        ("a.rs", "use crate::b::*;"),
        ("b.rs", "pub use crate::c::*;"),
        ("c.rs", "pub use crate::b::*;\npub fn c() {}"),
    ]);
    assert_eq!(edges(&graph), ["a.rs > c.rs @1", "b.rs > c.rs @1"]);
}

#[test]
fn circles_are_found() {
    let two = circles(&[
        ("lib.rs", "mod a; mod b;"),
        ("a.rs", "pub struct A;\nuse crate::b::B;"),
        ("b.rs", "pub struct B(crate::a::A);"),
    ]);
    assert_eq!(
        two,
        ["src: a circle of imports among a, b
    src/a.rs:2 names crate::b::B (src/b.rs)
    src/b.rs:1 names crate::a::A (src/a.rs)"]
    );

    let three = circles(&[
        ("lib.rs", "mod room; mod user;"),
        ("room/mod.rs", "mod a; mod b; mod c; mod d; pub use a::A; pub use b::B; pub use c::C;"),
        ("room/a.rs", "pub struct A(super::B);"),
        ("room/b.rs", "pub struct B(super::C);"),
        ("room/c.rs", "pub struct C(super::A);"),
        ("room/d.rs", "use super::{A, B};"),
        ("user.rs", "use crate::room::A;"),
    ]);
    assert_eq!(three.len(), 1, "{three:?}");
    assert!(three[0].starts_with("src/room: a circle of imports among a, b, c\n"), "{three:?}");
    assert_eq!(three[0].lines().count(), 4, "{three:?}");
}

#[test]
fn a_circle_that_leaves_a_folder_is_found() {
    // a/mod.rs > b/x.rs > a/y.rs > a/mod.rs
    let found = circles(&[
        ("lib.rs", "mod a; mod b;"),
        ("a/mod.rs", "mod y;\npub struct A(crate::b::x::X);"),
        ("a/y.rs", "pub struct Y(super::A);"),
        ("b/mod.rs", "pub mod x;"),
        ("b/x.rs", "pub struct X(crate::a::y::Y);"),
    ]);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].starts_with("src: a circle of imports among a, b\n"), "{found:?}");
}

#[test]
fn two_folders_that_import_each_other_are_a_circle() {
    let found = circles(&[
        ("lib.rs", "mod a; mod b;"),
        ("a/mod.rs", "pub mod x; pub mod y;"),
        ("a/x.rs", "use crate::b::x::X;"),
        ("a/y.rs", "pub struct Y;"),
        ("b/mod.rs", "pub mod x; mod y;"),
        ("b/x.rs", "pub struct X;"),
        ("b/y.rs", "use crate::a::y::Y;"),
    ]);
    assert_eq!(found.len(), 1, "{found:?}");
}

#[test]
fn a_parent_and_its_child_are_no_circle() {
    let found = circles(&[
        ("lib.rs", "mod a; pub use a::b::B; pub struct Root;"),
        ("a/mod.rs", "pub mod b; pub struct A(b::B);"),
        ("a/b.rs", "mod c; pub struct B(super::A, c::C, crate::Root);"),
        ("a/b/c.rs", "pub struct C(super::B, super::super::A);"),
    ]);
    assert_eq!(found, [""; 0]);
}

#[test]
fn circles_through_a_parent_are_found_unless_they_are_allowed() {
    let graph = read(&[
        ("lib.rs", "mod a; mod d; pub struct Root;"),
        ("a/mod.rs", "mod b; mod c; mod e; pub struct A(b::B);"),
        ("a/b.rs", "pub struct B(super::c::C, crate::Root);"),
        ("a/c.rs", "pub struct C(Box<super::A>);"),
        ("a/e.rs", "pub struct E(super::A);"),
        ("d.rs", "mod f; pub struct D(f::F);"),
        ("d/f.rs", "pub struct F(Box<super::D>);"),
    ]);
    assert_eq!(graph.circles(), [""; 0]);
    let allowed = &[("d.rs", "d/f.rs")];
    assert_eq!(
        graph.circles_with_a_parent(allowed),
        ["src/a/mod.rs imports src/a/c.rs, or a module that does, and\n    src/a/c.rs:1 names super::A (src/a/mod.rs)"]
    );
    assert_eq!(
        graph.circles_with_a_parent(&[("a/mod.rs", "a/c.rs"), ("d.rs", "d/f.rs"), ("a/mod.rs", "a/e.rs")]),
        ["src/a/mod.rs and src/a/e.rs are no circle"]
    );
}

#[test]
fn what_breaks_the_table_is_reported() {
    let graph = read(&[
        ("lib.rs", "mod a; mod b; mod c;"),
        ("a.rs", "pub struct A;"),
        ("b/mod.rs", "mod x; mod y;\nuse crate::a::A;"),
        ("b/x.rs", "pub struct X;"),
        ("b/y.rs", "use super::x::X;"),
        ("c.rs", ""),
    ]);
    let faults = |table: &order::Table<'_>| order::faults(&graph, table);
    assert_eq!(faults(&[("src", "a → b, c"), ("src/b", "x → y")]), [""; 0]);
    assert_eq!(
        faults(&[("src", "b, c → a"), ("src/b", "x → y")]),
        [
            "src: b imports a, which does not stand before it in the table\n    src/b/mod.rs:2 names crate::a::A (src/a.rs)"
        ]
    );
    assert_eq!(faults(&[("src", "a → b, c"), ("src/b", "x, y")]).len(), 1);
    assert_eq!(
        faults(&[("src", "a, a → b, c"), ("src/b", "x → y"), ("src/b", "x → y")]),
        ["src: a has two places in the table", "src/b: it is in the table twice"]
    );
    assert_eq!(
        faults(&[("src", "a → b")]),
        ["src: the module c has no place in the table", "src/b: its modules have no order in the table"]
    );
    assert_eq!(
        faults(&[("src", "a → b, c → d"), ("src/b", "x → y"), ("src/a", "z")]),
        [
            "src/a: it is in the table, but no module there has files below it",
            "src: d has a place in the table, but there is no such module"
        ]
    );
}
