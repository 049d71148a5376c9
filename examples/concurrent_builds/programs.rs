//! The programs that are built: several crates each, with real dependencies among them. Their sources are in `programs/`.

use logscope::LevelFilter;

/// A program: its crates, each after its dependencies, the executable last.
#[derive(Debug)]
pub(crate) struct Program {
    pub(crate) name: &'static str,
    pub(crate) manner: Manner,
    pub(crate) crates: &'static [Crate],
    pub(crate) ends: Ends,
}

/// How verbose a build is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Manner {
    Quiet,
    Normal,
    Verbose,
}

impl Manner {
    /// The verbosity of the build's context, and so of its log.
    pub(crate) fn verbosity(self) -> LevelFilter {
        match self {
            Manner::Quiet => LevelFilter::WARN,
            Manner::Normal => LevelFilter::DEBUG,
            Manner::Verbose => LevelFilter::TRACE,
        }
    }

    /// The threshold of the build's view of the terminal.
    pub(crate) fn on_terminal(self) -> LevelFilter {
        match self {
            Manner::Quiet => LevelFilter::WARN,
            Manner::Normal => LevelFilter::INFO,
            Manner::Verbose => LevelFilter::DEBUG,
        }
    }
}

/// A crate: its dependencies, and its files as name and text. The first file is the root.
#[derive(Debug)]
pub(crate) struct Crate {
    pub(crate) name: &'static str,
    pub(crate) needs: &'static [&'static str],
    pub(crate) files: &'static [(&'static str, &'static str)],
}

/// How a build should end.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Ends {
    /// The program runs, and this is the last line that it prints.
    Printing(&'static str),
    /// It does not compile, for this reason.
    Failing(&'static str),
}

/// The crates of a program, from the files in `programs/`: `crates!("tides": "moon" [] with "phase", "sea" ["moon"])`.
macro_rules! crates {
    ($program:literal: $($name:literal [$($needs:literal),*] $(with $module:literal)?),+ $(,)?) => {
        &[$(Crate {
            name: $name,
            needs: &[$($needs),*],
            files: &[crates!(@file $program $name) $(, crates!(@file $program $module))?],
        }),+]
    };
    (@file $program:literal $file:literal) => {
        (concat!($file, ".rs"), include_str!(concat!("programs/", $program, "/", $file, ".rs")))
    };
}

pub(crate) static PROGRAMS: [Program; 8] = [
    Program {
        name: "tides",
        manner: Manner::Normal,
        crates: crates!("tides": "moon" [] with "phase", "sea" ["moon"], "shore" ["moon"], "tides" ["sea", "shore"]),
        ends: Ends::Printing("high water of 3.50 m at 0 h"),
    },
    Program {
        name: "sieve",
        manner: Manner::Normal,
        crates: crates!("sieve": "bits" [], "primes" ["bits"], "twins" ["bits"], "sieve" ["primes", "twins"]),
        ends: Ends::Printing("168 primes, 35 pairs of twins"),
    },
    Program {
        name: "kiln",
        manner: Manner::Normal,
        crates: crates!("kiln": "clay" [], "glaze" ["clay"], "fire" ["clay"], "kiln" ["glaze", "fire"]),
        ends: Ends::Failing("E0308"),
    },
    Program {
        name: "orrery",
        manner: Manner::Normal,
        crates: crates!("orrery": "orbit" [], "inner" ["orbit"], "outer" ["orbit"], "orrery" ["inner", "outer"]),
        ends: Ends::Printing("Neptune takes 164.9 years"),
    },
    Program {
        name: "clockwork",
        manner: Manner::Verbose,
        crates: crates!("clockwork": "gear" [], "train" ["gear"], "spring" ["gear"], "clockwork" ["gear", "train", "spring"]),
        ends: Ends::Printing("one turn of it is 60 ticks"),
    },
    Program {
        name: "archive",
        manner: Manner::Quiet,
        crates: crates!("archive": "shelf" [], "index" ["shelf"], "loans" ["shelf"], "archive" ["shelf", "index", "loans"]),
        ends: Ends::Printing("1974 books"),
    },
    Program {
        name: "weaver",
        manner: Manner::Normal,
        crates: crates!("weaver": "yarn" [], "warp" ["yarn"], "weft" ["yarn"], "weaver" ["yarn", "warp", "weft"]),
        ends: Ends::Printing("a twill of 576 threads"),
    },
    Program {
        name: "knights",
        manner: Manner::Normal,
        crates: crates!("knights": "board" [] with "square", "leaps" ["board"], "names" ["board"],
            "knights" ["board", "leaps", "names"]),
        ends: Ends::Printing("336 leaps in all"),
    },
];
