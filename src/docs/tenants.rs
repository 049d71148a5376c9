//! One log per tenant: keeping sinks in a cache.
//!
//! A server handles requests of many tenants (or users, or projects), and each tenant has a log file of its own. This page shows a cache of
//! sinks, and says what happens to files, records and memory when there are thousands of tenants.
//!
//! # The cache
//!
//! A [`Sink`](crate::sink::Sink) is a handle: clones write to the same file, through the same queue. Opening a file costs several system calls,
//! and cloning its sink costs one atomic increment. So open a tenant's log at the tenant's first request, keep the sink, and give each
//! request a context of its own with a clone.
//!
//! ```
//! use std::collections::HashMap;
//! use std::path::PathBuf;
//! use std::sync::{Mutex, PoisonError};
//! use std::time::{Duration, Instant};
//!
//! use logscope::{Dial, Error, Format, LevelFilter, OutputContext, sink};
//!
//! struct Tenant {
//!     log: sink::Sink,
//!     /// Can be turned for this tenant alone, while requests are under way.
//!     verbosity: Dial,
//!     used: Instant,
//! }
//!
//! struct Logs {
//!     folder: PathBuf,
//!     tenants: Mutex<HashMap<String, Tenant>>,
//! }
//!
//! impl Logs {
//!     /// Returns a context for one request of `tenant`.
//!     fn request(&self, tenant: &str) -> Result<OutputContext, Error> {
//!         if let Some(context) = self.known(tenant) {
//!             return Ok(context);
//!         }
//!         // Without the lock, so that no tenant waits for the disk of another. If two threads open a log at once, both get the same output.
//!         let log = sink::file_in(&self.folder, tenant).create_parents(true).open()?.format(Format::json());
//!         let new = Tenant { log, verbosity: Dial::new(LevelFilter::INFO), used: Instant::now() };
//!         let mut tenants = self.tenants.lock().unwrap_or_else(PoisonError::into_inner);
//!         Ok(context(tenants.entry(tenant.to_owned()).or_insert(new)))
//!     }
//!
//!     fn known(&self, tenant: &str) -> Option<OutputContext> {
//!         self.tenants.lock().unwrap_or_else(PoisonError::into_inner).get_mut(tenant).map(context)
//!     }
//!
//!     /// Forgets the tenants that had no request for `time`.
//!     fn forget_idle(&self, time: Duration) {
//!         let mut tenants = self.tenants.lock().unwrap_or_else(PoisonError::into_inner);
//!         let idle: Vec<_> = tenants.extract_if(|_, tenant| tenant.used.elapsed() >= time).collect();
//!         drop(tenants);
//!         // Without the lock: dropping the last sink of a file closes it.
//!         drop(idle);
//!     }
//! }
//!
//! fn context(tenant: &mut Tenant) -> OutputContext {
//!     tenant.used = Instant::now();
//!     OutputContext::builder("request").verbosity(&tenant.verbosity).sink(tenant.log.clone()).build()
//! }
//!
//! # logscope::init();
//! # let folder = tempfile::tempdir().unwrap();
//! let logs = Logs { folder: folder.path().join("logs"), tenants: Mutex::default() };
//! let first = logs.request("acme")?;
//! first.scope(|| tracing::info!("GET /"));
//!
//! logs.forget_idle(Duration::ZERO); // `first` still has the file
//! logs.request("acme")?.scope(|| tracing::info!("GET /prices"));
//! first.scope(|| tracing::info!("done"));
//!
//! logs.request("../acme")?.scope(|| tracing::info!("another tenant, in the same folder"));
//! # let lines = |name: &str| std::fs::read_to_string(folder.path().join("logs").join(name)).unwrap().lines().count();
//! # assert_eq!((lines("acme"), lines("%2E.%2Facme")), (3, 1));
//! # Ok::<(), logscope::Error>(())
//! ```
//!
//! # What to know
//!
//! | question | answer |
//! |---|---|
//! | Where do the names come from? | From outside, so use [`file_in`](crate::sink::file_in): whatever the name is, the file is in the folder, and two names have two files. |
//! | How many files are open? | As many as [`max_open_files`](crate::sink::max_open_files) allows, not as many as there are sinks. A file that was not written to for long is closed, and opened again for its next record. A cache of ten thousand sinks needs no more descriptors than that. |
//! | What does forgetting a tenant lose? | Nothing. A request that is under way has a clone of the sink. If the tenant comes back meanwhile, [`open`](crate::sink::FileOptions::open) returns a sink on the output that is open already. After the last clone is dropped, the file is closed, and the next `open` appends to it. |
//! | Must all calls give the same options? | [`mode`](crate::sink::FileOptions::mode) and [`roll`](crate::sink::FileOptions::roll), yes: otherwise `open` fails with [`OptionMismatch`](crate::ErrorKind::OptionMismatch) while the file is open. One function that opens all logs, as above, sees to that. |
//! | May the logs be [truncated](crate::sink::FileOptions::truncate)? | No: a tenant that was forgotten and comes back would lose its log. |
//! | And if a log cannot be opened? | The request should not fail for that. Give its context the sink that the server has for itself, with a [field](crate::ContextBuilder::field) that names the tenant. |
//! | How much memory does a tenant take? | A direct sink takes little. A [queue](crate::sink::Sink::queued) takes memory as far as it fills up, to 1 MiB unless [`bytes`](crate::sink::Queue::bytes) sets another bound; on Linux it gives the memory back when it is idle. Keep the queued sink in the cache, not the direct one, so that all requests share one queue. |
//! | Who closes the logs at the end? | Nobody has to. Queued records are written before the process ends in an ordinary way, and [`shutdown`](crate::shutdown) waits for it earlier. |
//!
//! # One request in detail
//!
//! A tenant's dial changes the level of all its requests at once. To see more of one request alone, raise the dial's present value for its
//! context:
//!
//! ```
//! use logscope::{Dial, LevelFilter, OutputContext};
//!
//! let verbosity = Dial::new(LevelFilter::INFO);
//! let request = OutputContext::builder("request").verbosity(verbosity.get().max(LevelFilter::DEBUG)).build();
//! assert_eq!(request.verbosity().max_level(), LevelFilter::DEBUG);
//! assert_eq!(verbosity.get().max_level(), LevelFilter::INFO);
//! ```
