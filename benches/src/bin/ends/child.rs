//! The parent's side of a child: started, waited for no longer than it deserves, and what it said on stderr.

use std::fs::{self, File};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::Result;
use crate::scene::Role;
use crate::shared::Shared;

/// The argument that makes a process a child; its role follows.
pub const CHILD: &str = "--child";

/// A child that takes longer has got stuck.
const DEADLINE: Duration = Duration::from_secs(20);
const TICK: Duration = Duration::from_micros(100);

/// A child at work. Dropped, it is killed.
pub struct Running {
    process: Child,
    role: Role,
    pub shared: &'static Shared,
    deadline: Instant,
}

/// What is known of a child that has ended.
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
            // What a panic prints takes time, in which other threads write.
            .env("RUST_BACKTRACE", "0")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(stderr)
            .spawn()?;
        Ok(Running { process, role, shared, deadline: Instant::now() + DEADLINE })
    }

    /// Kills it once `condition` holds of what it shares.
    pub fn kill_when(&mut self, condition: impl Fn(&Shared) -> bool) -> Result<()> {
        self.wait_until(condition)?;
        Ok(self.process.kill()?)
    }

    /// Waits until `condition` holds of what it shares.
    pub fn wait_until(&mut self, condition: impl Fn(&Shared) -> bool) -> Result<()> {
        while !condition(self.shared) {
            if self.process.try_wait()?.is_some() {
                return Err(format!("{} ended before its time: {}", self.describe(), self.stderr()?).into());
            }
            self.tick()?;
        }
        Ok(())
    }

    /// Waits for its end.
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
            return Err(format!("{} got stuck", self.describe()).into());
        }
        thread::sleep(TICK);
        Ok(())
    }

    fn stderr(&self) -> Result<String> {
        let bytes = fs::read(self.role.folder.join(format!("stderr-{}", self.role.part)))?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    fn describe(&self) -> String {
        format!("the child that plays {} with {}", self.role.scene.name(), self.role.tool.name)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail if it has been waited for, which is as well.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
