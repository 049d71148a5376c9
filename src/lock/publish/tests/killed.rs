//! What is left of a publisher that is killed at any step.

use std::os::unix::process::ExitStatusExt as _;

use super::*;

const KIND: &str = "LOGSCOPE_TEST_KIND";
const STEP: &str = "LOGSCOPE_TEST_STEP";
const PATH: &str = "LOGSCOPE_TEST_PATH";

/// What is published, and by which means.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    File,
    Exchanged,
    Linked,
}

impl Kind {
    pub(super) const ALL: [Kind; 3] = [Kind::File, Kind::Exchanged, Kind::Linked];

    pub(super) fn name(self) -> &'static str {
        match self {
            Kind::File => "file",
            Kind::Exchanged => "exchanged",
            Kind::Linked => "linked",
        }
    }

    /// The steps of a publication. With the last one it is in place.
    pub(super) fn steps(self) -> &'static [&'static str] {
        match self {
            Kind::File => &["created", "written", "synced", "renamed"],
            Kind::Exchanged => &["created", "folder made", "filled", "synced", "exchanged"],
            Kind::Linked => &["created", "folder made", "filled", "synced", "link made", "linked"],
        }
    }
}

pub(super) fn publish_version(kind: Kind, path: &Path, version: &str) -> Result<(), Error> {
    steps::keep_replaced_folders(Duration::ZERO);
    let fill = |new: &Path| {
        fs::write(new.join("a"), version)?;
        fs::write(new.join("b"), version)
    };
    match kind {
        Kind::File => publish(path, |file| file.write_all(version.as_bytes())),
        Kind::Exchanged => publish_dir(path, fill),
        Kind::Linked => {
            steps::without_exchange();
            publish_dir(path, fill)
        }
    }
}

pub(super) fn read_version(kind: Kind, path: &Path) -> String {
    if kind == Kind::File {
        return fs::read_to_string(path).unwrap();
    }
    let [a, b] = ["a", "b"].map(|name| fs::read_to_string(path.join(name)).unwrap());
    assert_eq!((&a, names(path).len()), (&b, 2), "the folder is whole");
    a
}

/// The part of the child: publishes, and ends without any clean-up at the step that it is told.
#[test]
fn a_publisher_that_is_killed_at_any_step_leaves_the_old_or_the_new_one() {
    if let Some(path) = std::env::var_os(PATH) {
        let [kind, at] = [KIND, STEP].map(|name| std::env::var(name).unwrap());
        steps::watch(move |step| {
            if step == at {
                let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
            }
        });
        let kind = Kind::ALL.into_iter().find(|known| known.name() == kind).unwrap();
        publish_version(kind, Path::new(&path), "new").unwrap();
        std::process::exit(1);
    }
    super::steps::keep_replaced_folders(Duration::ZERO);
    for kind in Kind::ALL {
        for first in [true, false] {
            for step in kind.steps() {
                let folder = tempfile::tempdir().unwrap();
                let path = folder.path().join("target");
                let publish = |version: &'static str| {
                    thread::scope(|scope| {
                        scope.spawn(|| publish_version(kind, &path, version).unwrap()).join().unwrap()
                    });
                };
                if !first {
                    publish("old");
                }
                let role = thread::current().name().unwrap().to_owned();
                let killed = Command::new(std::env::current_exe().unwrap())
                    .args(["--exact", &role, "--nocapture"])
                    .envs([(KIND, kind.name()), (STEP, *step)])
                    .env(PATH, &path)
                    .output()
                    .unwrap();
                assert_eq!(killed.status.signal(), Some(9), "{kind:?} {step}: {killed:?}");
                let is_placed = kind.steps().last() == Some(step);
                match (is_placed, first) {
                    (true, _) => assert_eq!(read_version(kind, &path), "new", "{kind:?} {step}"),
                    (false, false) => assert_eq!(read_version(kind, &path), "old", "{kind:?} {step}"),
                    (false, true) => assert!(!path.exists(), "{kind:?} {step}"),
                }
                let left = names(folder.path()).len() - usize::from(path.exists());
                assert!(*step == "renamed" || left > 0, "{kind:?} {step}: a leftover is there to be cleared");
                // Whoever publishes something else in the folder clears up.
                super::publish(folder.path().join("other"), |file| file.write_all(b"other")).unwrap();
                let rest = names(folder.path()).len() - usize::from(path.exists());
                let linked = usize::from(path.is_symlink());
                // Of a folder that a link leads to the owner's file may be left, until the link leads elsewhere.
                assert!(rest <= 1 + 2 * linked, "{kind:?} {step}: {:?}", names(folder.path()));
                publish("next");
                assert_eq!(read_version(kind, &path), "next", "{kind:?} {step}");
                super::publish(folder.path().join("other"), |file| file.write_all(b"other")).unwrap();
                let linked = usize::from(path.is_symlink());
                assert_eq!(names(folder.path()).len(), 2 + linked, "{kind:?} {step}: {:?}", names(folder.path()));
            }
        }
    }
}
