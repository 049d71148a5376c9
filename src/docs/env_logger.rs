//! # Coming from `env_logger`
//!
//! The macros of the crate `log` stay: with the feature `log`, which is on by default, their records arrive here, with their key-values.
//!
//! Before:
//!
//! ```ignore
//! env_logger::Builder::from_env(env_logger::Env::default().default_filter_or("info,hyper=warn")).init();
//! log::info!("listening on {}", 8080);
//! ```
//!
//! After:
//!
//! ```
//! logscope::init(); // reads LOGSCOPE, else RUST_LOG, else INFO
//! log::info!("listening on {}", 8080);
//! ```
//!
//! With a default of your own:
//!
//! ```
//! use logscope::Verbosity;
//!
//! let mut config = logscope::configure();
//! if std::env::var_os("RUST_LOG").is_none() {
//!     config = config.verbosity("info,hyper=warn".parse::<Verbosity>()?);
//! }
//! config.install()?;
//! # Ok::<(), logscope::Error>(())
//! ```
//!
//! | `env_logger` | here |
//! |---|---|
//! | `env_logger::init()`, `try_init()` | [`init`](crate::init), [`try_init`](crate::try_init) |
//! | `RUST_LOG=info,hyper=warn` | the same, or `LOGSCOPE` |
//! | `RUST_LOG=info/regex` | none: the part after the slash is reported, and not used |
//! | `RUST_LOG_STYLE`, `write_style` | `NO_COLOR`, `CLICOLOR_FORCE`, [`Color`](crate::Color) |
//! | `target(Target::Stdout)`, `Target::Pipe(…)` | [`sink::stdout`](crate::sink::stdout), [`sink::writer`](crate::sink::writer()) |
//! | `format(\|buf, record\| …)` | [`Layout`](crate::Layout); for the time alone, [`Format::timer`](crate::Format::timer) |
//! | `format_timestamp_micros`, `format_timestamp(None)` | [`Format::time`](crate::Format::time) |
//! | `filter_level`, `filter_module` | [`Verbosity`](crate::Verbosity) |
//! | `is_test(true)` | [`sink::test`](crate::sink::test()) |
//! | `log::set_boxed_logger` of another logger beside it | one logger for each process: an error of [`try_init`](crate::try_init) says which is there |
//!
//! `log::logger().flush()` flushes every output. `log::set_max_level` is set to the [ceiling](crate::Config::ceiling), and need not be called.
