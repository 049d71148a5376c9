//! Whose temporaries are removed, and whose are left alone.

use super::*;

#[test]
fn the_temporaries_of_the_living_are_left_alone_and_those_of_the_dead_are_not() {
    steps::keep_replaced_folders(Duration::ZERO);
    let folder = tempfile::tempdir().unwrap();
    let [file, dir, other] = ["file", "dir", "other"].map(|name| folder.path().join(name));
    // Of a dead process that had the number of this one, as far as the name tells, and of others.
    let dead = format!(".logscope-{}-999999999", std::process::id());
    for name in [&dead, ".logscope-1-0", ".logscope-4194304-7"] {
        fs::write(folder.path().join(format!("{name}.tmp")), "half").unwrap();
    }
    // One without its file, and one without its folder.
    for name in [".logscope-1-1.dir", ".logscope-1-2.dir/deep/er", ".logscope-1-3.probe"] {
        fs::create_dir_all(folder.path().join(name)).unwrap();
    }
    symlink("nowhere", folder.path().join(".logscope-1-4.link")).unwrap();
    publish(&file, |outer| {
        outer.write_all(b"be")?;
        publish_dir(&dir, |inner| {
            fs::write(inner.join("a"), "a")?;
            publish(&other, |file| file.write_all(b"other")).unwrap();
            fs::write(inner.join("b"), "b")
        })
        .unwrap();
        assert_eq!(
            names(folder.path()).len(),
            3,
            "two that are published, and the file that is written to: {:?}",
            names(folder.path())
        );
        outer.write_all(b"gun")
    })
    .unwrap();
    assert_eq!(names(folder.path()), ["dir", "file", "other"]);
    assert_eq!(fs::read_to_string(&file).unwrap(), "begun");
    assert_eq!(names(&dir), ["a", "b"]);
}

/// Processes of other containers, and of the past, have the number of this one: in a container most are the first process.
#[test]
fn what_a_process_of_the_same_number_has_published_is_left_alone() {
    for exchanges in [true, false] {
        let folder = tempfile::tempdir().unwrap();
        let [path, other, file] = ["path", "other", "file"].map(|name| folder.path().join(name));
        let work = || {
            if !exchanges {
                steps::without_exchange();
            }
            let fill = |text: &'static str| move |new: &Path| fs::write(new.join("a"), text);
            let count_anew = || steps::count_from(7);
            // The folder that the link leads to, or the one that was replaced, has a name from 7 on.
            for text in ["old", "new"] {
                count_anew();
                publish_dir(&path, fill(text)).unwrap();
            }
            let before = names(folder.path());
            let refused = || Err::<(), _>(io::Error::other("no"));
            count_anew();
            publish(&file, |_| refused()).unwrap_err();
            count_anew();
            publish_dir(&other, |_| refused()).unwrap_err();
            assert_eq!(names(folder.path()), before);
            count_anew();
            publish_dir(&other, fill("other")).unwrap();
            let read = |path: &Path| fs::read_to_string(path.join("a")).unwrap();
            assert_eq!((read(&path), read(&other)), ("new".to_owned(), "other".to_owned()));
        };
        thread::scope(|scope| scope.spawn(work).join().unwrap());
    }
}

#[test]
fn a_process_that_is_forked_off_in_the_middle_owns_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    let of_a_fork = || Target::new(&path).unwrap().temporary().unwrap().of_a_fork();
    drop(of_a_fork());
    assert_eq!(names(folder.path()).len(), 1, "it is left to the parent");
    assert!(of_a_fork().publish_as(&path).unwrap_err().to_string().contains("it is the parent's"));
    assert!(!path.exists() && names(folder.path()).len() == 2);
}

#[test]
fn what_only_looks_like_a_temporary_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    for name in [
        ".logscope-1.tmp",
        ".logscope-1-x.tmp",
        ".logscope--1.tmp",
        ".logscope-1-1.txt",
        "logscope-1-1.tmp",
        ".logscope-1-1-1.tmp",
    ] {
        fs::write(path(name), "mine").unwrap();
    }
    // Names of temporaries, of another kind than these have.
    fs::create_dir(path(".logscope-2-1.tmp")).unwrap();
    symlink("precious", path(".logscope-2-2.tmp")).unwrap();
    fs::write(path("precious"), "mine").unwrap();
    // A folder that a link leads to.
    fs::create_dir(path(".logscope-2-3.dir")).unwrap();
    symlink(".logscope-2-3.dir", path("link")).unwrap();
    let before = names(folder.path());
    publish(path("zzz"), |file| file.write_all(b"x")).unwrap();
    let after: Vec<_> = names(folder.path()).into_iter().filter(|name| name != "zzz").collect();
    assert_eq!(after, before);
    assert_eq!(fs::read_to_string(path("precious")).unwrap(), "mine");
}
