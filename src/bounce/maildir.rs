//! The folder that the mail server puts reports into (`[bounces] maildir`), read again and again.
//!
//! In: the files of `new/`. Out: each is recorded and goes to `cur/` as read, whatever it was; what is no report stays
//! there for staff to read. A process that dies in between reads a file twice, which records nothing twice. Many
//! processes may read one folder. What can go wrong: a file that cannot be read, recorded or moved away. It stays, that is
//! said, and those behind it are read all the same.

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::sync::watch;
use tokio::task::{JoinError, spawn_blocking};
use tracing::{error, info, warn};

use super::report;
use crate::characters::harmless;
use crate::clock::Clock;
use crate::settings::return_path::ReturnPath;
use crate::store::{Store, StoreError};

/// So many files are read before it is looked whether to stop.
const AT_ONCE: usize = 500;
/// What marks a file in `cur/` as read.
const SEEN: &str = ":2,S";

/// Reads the folder.
pub struct Reader {
    pub folder: PathBuf,
    pub store: Store,
    pub return_path: Option<ReturnPath>,
    pub clock: Clock,
    pub every: Duration,
    /// True once the process is to stop.
    pub stop: watch::Receiver<bool>,
}

/// What was in the folder.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Read {
    /// Reports about mails of ours, those that were known before among them.
    pub returned: usize,
    /// Everything else.
    pub other: usize,
}

/// Why the folder was not read.
#[derive(Debug, thiserror::Error)]
pub enum MaildirError {
    #[error("bounces.maildir: {folder} cannot be read: {error}")]
    Folder { folder: String, error: io::Error },
    #[error("bounces.maildir: {file} cannot be read: {error}; let the user that backorderd runs as read it")]
    File { file: String, error: io::Error },
    #[error(
        "bounces.maildir: {file} was read and cannot go to {folder}: {error}; let the user that backorderd runs as write to new \
         and cur"
    )]
    Away { file: String, folder: String, error: io::Error },
    #[error("bounces.maildir: reading {file} broke: {error}; it is read again; please report this, with the file")]
    Broken { file: String, error: JoinError },
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Reader {
    /// Reads what is new. With the first of the things that went wrong: the files before and behind it are read.
    pub async fn tick(&self) -> (Read, Option<MaildirError>) {
        let mut read = Read::default();
        let names = match self.new_files().await {
            Ok(names) => names,
            Err(error) => return (read, Some(error)),
        };
        let mut failed = None;
        for name in names {
            if let Err(error) = self.take_file(&name, &mut read).await {
                failed.get_or_insert(error);
            }
            if *self.stop.borrow() {
                break;
            }
        }
        (read, failed)
    }

    /// Records the file of this name, and puts it away.
    async fn take_file(&self, name: &OsStr, read: &mut Read) -> Result<(), MaildirError> {
        let file = self.folder.join("new").join(name);
        let bytes = match whole(&file).await {
            Ok(bytes) => bytes,
            // Another process was faster.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(MaildirError::File { file: named(&file), error }),
        };
        if self.take(&file, bytes).await? {
            read.returned += 1;
        } else {
            read.other += 1;
        }
        self.put_away(&file, name).await
    }

    /// The names of whole files, the oldest first: a maildir's names begin with the time.
    async fn new_files(&self) -> Result<Vec<OsString>, MaildirError> {
        let folder = self.folder.join("new");
        let unreadable = |error| MaildirError::Folder { folder: folder.display().to_string(), error };
        let mut names = Vec::new();
        let mut entries = tokio::fs::read_dir(&folder).await.map_err(unreadable)?;
        while let Some(entry) = entries.next_entry().await.map_err(unreadable)? {
            // Whoever writes begins with a dot until the file is whole.
            if names.len() < AT_ONCE && !entry.file_name().to_string_lossy().starts_with('.') {
                names.push(entry.file_name());
            }
        }
        names.sort();
        Ok(names)
    }

    /// A file that was read goes to `cur`, whatever it was.
    async fn put_away(&self, file: &Path, name: &OsStr) -> Result<(), MaildirError> {
        let mut seen = name.to_owned();
        if !name.to_string_lossy().contains(":2,") {
            seen.push(SEEN);
        }
        let folder = self.folder.join("cur");
        match tokio::fs::rename(file, folder.join(seen)).await {
            Err(error) if error.kind() != io::ErrorKind::NotFound || !folder.is_dir() => {
                Err(MaildirError::Away { file: named(file), folder: folder.display().to_string(), error })
            }
            _ => Ok(()),
        }
    }

    /// Records one file; whether it was a report about a mail of ours.
    async fn take(&self, file: &Path, bytes: Vec<u8>) -> Result<bool, MaildirError> {
        let file = named(file);
        let return_path = self.return_path.clone();
        let returned = match spawn_blocking(move || report::read(&bytes, return_path.as_ref())).await {
            Ok(Ok(returned)) => returned,
            Ok(Err(why)) => {
                info!(%file, "{why}");
                return Ok(false);
            }
            // It stays: whatever it was, perhaps the machine had no room for a thread.
            Err(error) => return Err(MaildirError::Broken { file, error }),
        };
        let taken = self.store.record_bounce(&returned, "report", self.clock.now()).await?;
        if let Some(id) = taken.id() {
            info!(notification.id = %id, verdict = returned.verdict.word(), "a mail came back");
        } else {
            warn!(%file, "a report names a notification that nobody knows");
        }
        Ok(taken.id().is_some())
    }

    /// Reads until the process is to stop.
    pub async fn run(&self) {
        let mut stop = self.stop.clone();
        let mut failed_as = String::new();
        while !*self.stop.borrow() {
            match self.tick().await {
                (_, None) => failed_as.clear(),
                // Said once, not every few seconds.
                (_, Some(error)) if error.to_string() == failed_as => {}
                (_, Some(error)) => {
                    error!("{error}");
                    failed_as = error.to_string();
                }
            }
            // A stop that comes while waiting ends the wait; an error means that nobody can stop us any more.
            let _ = tokio::time::timeout(self.every, stop.wait_for(|stop| *stop)).await;
        }
    }
}

/// A file's name, as it can be shown: whoever writes to the folder chose it.
fn named(file: &Path) -> String {
    harmless(&file.to_string_lossy())
}

async fn whole(file: &Path) -> io::Result<Vec<u8>> {
    // A pipe would be waited for, and with it every mail behind it.
    if !tokio::fs::metadata(file).await?.is_file() {
        return Err(io::Error::other("it is no file of its own; take it away"));
    }
    let mut bytes = Vec::new();
    tokio::fs::File::open(file).await?.take(report::LONGEST as u64).read_to_end(&mut bytes).await?;
    Ok(bytes)
}
