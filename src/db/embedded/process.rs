//! Whom PostgreSQL runs as, and signals to it.

use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, User, chown, geteuid};

use super::EmbeddedError;

/// The user that owns the cluster: ourselves, or an unprivileged one when we are root.
#[derive(Debug, Clone)]
pub struct Owner {
    /// `None`: ourselves.
    user: Option<User>,
}

impl Owner {
    /// Ourselves, or as root the user `postgres`.
    ///
    /// # Errors
    /// When there is no such user, or it cannot enter the data folder.
    pub fn choose(data_dir: &Path) -> Result<Self, EmbeddedError> {
        if !geteuid().is_root() {
            return Ok(Self { user: None });
        }
        let user = User::from_name("postgres").ok().flatten().ok_or(EmbeddedError::NoUser)?;
        let owner = Self { user: Some(user) };
        let enters = owner.command("/usr/bin/test").arg("-x").arg(data_dir).status().is_ok_and(|s| s.success());
        if enters {
            return Ok(owner);
        }
        let user = owner.user.map(|u| u.name).unwrap_or_default();
        Err(EmbeddedError::Unreachable { user, folder: data_dir.to_owned() })
    }

    /// A command that runs as this user, outside our process group, so that Ctrl-C reaches us first.
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command.process_group(0).current_dir("/").env_remove("PGDATA");
        if let Some(user) = &self.user {
            command.uid(user.uid.as_raw()).gid(user.gid.as_raw()).env("HOME", &user.dir);
        }
        command
    }

    /// Makes a folder that is this user's alone.
    ///
    /// # Errors
    /// When it cannot be made or given to that user.
    pub fn make_dir(&self, folder: &Path) -> Result<(), EmbeddedError> {
        let at_fault = |source| EmbeddedError::Folder { folder: folder.to_owned(), source };
        std::fs::create_dir_all(folder).map_err(at_fault)?;
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o700);
        std::fs::set_permissions(folder, mode).map_err(at_fault)?;
        if let Some(user) = &self.user
            && std::fs::metadata(folder).map_err(at_fault)?.uid() != user.uid.as_raw()
        {
            chown(folder, Some(user.uid), Some(user.gid)).map_err(|e| at_fault(e.into()))?;
        }
        Ok(())
    }
}

/// Asks for a fast shutdown (SIGINT: ends sessions, writes a checkpoint).
pub(super) fn interrupt(child: &tokio::process::Child) {
    if let Some(pid) = child.id() {
        // Gone already is as good.
        let _ = kill(Pid::from_raw(pid as i32), Signal::SIGINT);
    }
}
