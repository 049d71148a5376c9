//! The parent's side of a child: starts it, waits for it up to a deadline, and reads its stderr.

use std::fs::{self, File};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::Result;
use crate::scene::Role;
use crate::shared::Shared;

/// The argument that makes a process a child. Its role follows it.
pub const CHILD: &str = "--child";

/// A child that takes longer is stuck.
const DEADLINE: Duration = Duration::from_secs(20);
const TICK: Duration = Duration::from_micros(100);

/// A child that runs. Dropping this kills it.
pub struct Running {
    process: Child,
    role: Role,
    pub shared: &'static Shared,
    deadline: Instant,
}

/// The result of a child that has ended.
pub struct Ended {
    pub status: ExitStatus,
    /// How many of its log calls have returned.
    pub acknowledged: u64,
    pub stderr: String,
    pub counted: Option<u64>,
}

impl Running {
    pub fn start(role: Role) -> Result<Running> {
        fs::create_dir_all(role.logs())?;
        let shared = role.shared()?;
        let stderr = File::create(role.folder.join(format!("stderr-{}", role.part)))?;
        let process = Command::new(std::env::current_exe()?)
            .arg(CHILD)
            .args(role.to_arguments())
            // Printing a backtrace takes time, in which other threads write.
            .env("RUST_BACKTRACE", "0")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(stderr)
            .spawn()?;
        Ok(Running { process, role, shared, deadline: Instant::now() + DEADLINE })
    }

    /// Kills the child once `condition` holds for its shared page.
    pub fn kill_when(&mut self, condition: impl Fn(&Shared) -> bool) -> Result<()> {
        self.wait_until(condition)?;
        Ok(self.process.kill()?)
    }

    /// Waits until `condition` holds for the child's shared page.
    pub fn wait_until(&mut self, condition: impl Fn(&Shared) -> bool) -> Result<()> {
        while !condition(self.shared) {
            if self.process.try_wait()?.is_some() {
                return Err(format!("{} ended too early: {}", self.describe(), self.stderr()?).into());
            }
            self.tick()?;
        }
        Ok(())
    }

    /// Waits until the child has ended.
    pub fn wait(mut self) -> Result<Ended> {
        let status = loop {
            match self.process.try_wait()? {
                Some(status) => break status,
                None => self.tick()?,
            }
        };
        Ok(Ended {
            status,
            acknowledged: self.shared.acknowledged(),
            stderr: self.stderr()?,
            counted: self.shared.counted(),
        })
    }

    fn tick(&self) -> Result<()> {
        if Instant::now() > self.deadline {
            return Err(format!("{} is stuck", self.describe()).into());
        }
        thread::sleep(TICK);
        Ok(())
    }

    fn stderr(&self) -> Result<String> {
        let bytes = fs::read(self.role.folder.join(format!("stderr-{}", self.role.part)))?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    fn describe(&self) -> String {
        format!("the child that runs {} with {}", self.role.scene.name(), self.role.tool.name)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Both calls fail if the child has been waited for, which does no harm.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
