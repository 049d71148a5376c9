//! The logs: one for each tenant, an access log for all, and the server's own.

use std::path::{Path, PathBuf};

use logscope::sink::{self, Queue, Roll, Sink};
use logscope::{Dial, Format, LevelFilter, OutputContext, Verbosity};

use crate::Result;

pub(crate) const TENANTS: [&str; 3] = ["acme", "globex", "initech"];

/// The records of the layer itself, one for the end of each request: what the access log shows.
const ENDS: &str = "logscope::http=info";

pub(crate) struct Logs {
    pub(crate) folder: PathBuf,
    pub(crate) tenants: Vec<Tenant>,
    /// Every request ends with a line in it, whoever's it is.
    pub(crate) access: Sink,
    /// The context of the server, which logs what belongs to no tenant.
    pub(crate) server: OutputContext,
}

pub(crate) struct Tenant {
    pub(crate) name: &'static str,
    pub(crate) log: Sink,
    /// Can be turned while requests are under way.
    dial: Dial,
}

impl Logs {
    pub(crate) fn open(folder: &Path) -> Result<Logs> {
        let tenant = |name| {
            let file = sink::file(folder.join(name).join("requests.jsonl")).create_parents(true);
            let log = file.roll(Roll::by_size(128 << 10).keep(100)).open()?.queued(Queue::new()).format(Format::json());
            Ok(Tenant { name, log, dial: Dial::new(LevelFilter::INFO) })
        };
        let tenants = TENANTS.into_iter().map(tenant).collect::<Result<_>>()?;
        let access = sink::file(folder.join("access.log")).open()?.queued(Queue::new());
        let access = access.format(Format::logfmt()).verbosity(Verbosity::try_from(ENDS)?);
        let log = sink::file(folder.join("server.log")).open()?.queued(Queue::new()).format(Format::text());
        let server = OutputContext::builder("server").sink(log).sink(access.clone()).build();
        logscope::configure().default_context(server.clone()).install()?;
        Ok(Logs { folder: folder.to_owned(), tenants, access, server })
    }

    /// Returns the tenant whose name a path begins with.
    pub(crate) fn tenant_of(&self, path: &str) -> Option<&Tenant> {
        let name = path.trim_start_matches('/').split('/').next()?;
        self.tenants.iter().find(|tenant| tenant.name == name)
    }
}

impl Tenant {
    pub(crate) fn dial(&self) -> &Dial {
        &self.dial
    }

    /// Changes what the tenant's requests log, those under way included. The access log goes on.
    pub(crate) fn set_verbosity(&self, directives: &str) -> Result<Verbosity> {
        let verbosity = Verbosity::try_from(directives)?.max(Verbosity::try_from(ENDS)?);
        self.dial.set(verbosity.clone());
        Ok(verbosity)
    }
}
