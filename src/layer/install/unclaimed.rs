//! What a configuration says about unclaimed events.

use super::Config;
use crate::layer::unclaimed::tell_at_end;
use crate::sink::before_end;
use crate::unclaimed::{Rules, Unclaimed};

impl Config {
    /// Sets what becomes of events that reach the process default while other contexts are alive; [`Count`](Unclaimed::Count) unless set.
    ///
    /// ```
    /// use logscope::Unclaimed;
    ///
    /// logscope::configure().unclaimed(Unclaimed::Warn).unclaimed_for("my_daemon", Unclaimed::Ignore).install()?;
    /// # Ok::<(), logscope::Error>(())
    /// ```
    ///
    /// The guide [What was forgotten](crate::docs::forgotten) says more. This, [`unclaimed_for`](Config::unclaimed_for) and
    /// [`default_targets`](Config::default_targets) are settings of the whole process: a later configuration that has any of the three replaces
    /// all of them, and one without does not take them back.
    pub fn unclaimed(mut self, policy: Unclaimed) -> Self {
        self.rules().set_policy(policy);
        self
    }

    /// Sets what becomes of such events whose target begins with `target_prefix`; the longest prefix decides.
    ///
    /// A prefix is read as a [directive](crate::Verbosity#directives) reads it: `app` is for `app`, `app::jobs` and `apple`. Of two settings for
    /// the same prefix, the later one counts.
    pub fn unclaimed_for(mut self, target_prefix: impl Into<String>, policy: Unclaimed) -> Self {
        self.rules().set_policy_for(target_prefix.into(), policy);
        self
    }

    /// Sets which events the process default takes from outside every scope: those whose target begins with one of these; all unless set.
    ///
    /// ```
    /// use logscope::{Format, OutputContext, Time, sink};
    ///
    /// let (memory, lines) = sink::memory();
    /// let main = OutputContext::builder("main").sink(memory.format(Format::text().context(false).time(Time::None))).build();
    /// logscope::configure().default_context(main).default_targets(["my_daemon"]).install()?;
    /// tracing::info!(target: "my_daemon", "ready");
    /// tracing::info!(target: "my_build", "compiling");
    /// logscope::unscoped(|| tracing::info!(target: "my_build", "on purpose"));
    /// assert_eq!(lines.lines().len(), 2);
    /// assert_eq!(logscope::unclaimed().entries[0].target, "my_build");
    /// # Ok::<(), logscope::Error>(())
    /// ```
    ///
    /// Other events outside every scope are not written there, whichever context is the default, and count as unclaimed, also while no other
    /// context is alive. Inside [`unscoped`](crate::unscoped) the default takes every target. Other layers of the subscriber get all these
    /// events. Spans are not concerned: which of them are made follows the verbosity alone.
    pub fn default_targets<T: Into<String>>(mut self, target_prefixes: impl IntoIterator<Item = T>) -> Self {
        self.rules().set_default_targets(target_prefixes.into_iter().map(Into::into).collect());
        self
    }

    fn rules(&mut self) -> &mut Rules {
        self.unclaimed.get_or_insert_default()
    }

    /// Makes these settings those of the process, if there are any.
    pub(super) fn set_unclaimed_rules(&self) {
        if let Some(rules) = self.unclaimed.clone() {
            if rules.warns() {
                before_end(tell_at_end);
            }
            rules.apply();
        }
    }
}
