//! Uploads under way: one file each, whose length is how far it has come. Whoever writes holds its lock, which the
//! system lifts with the process; so a restart loses nothing and needs no repair.

use std::fs::{OpenOptions, TryLockError};
use std::io::{self, SeekFrom};
use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use futures::{Stream, StreamExt};
use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt};
use uuid::Uuid;

use super::store::{io_failed, make_folder};
use crate::domain::FeatureId;
use crate::service::{ServiceError, off_thread};

/// A sender that is silent for so long has lost its connection; it may come back and go on.
const SILENCE: Duration = Duration::from_secs(20);

/// The folder of uploads under way.
#[derive(Debug)]
pub struct Uploads(PathBuf);

/// One upload, locked for this writer.
#[derive(Debug)]
pub struct Upload {
    file: File,
    path: PathBuf,
    /// Bytes so far.
    pub received: u64,
}

/// How a body ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// At its end.
    Whole,
    /// The connection was lost; what came is there.
    Cut,
    /// There was more than there should be; the rest is not there.
    TooMuch,
}

impl Uploads {
    /// In this folder, made when it is first used.
    #[must_use]
    pub fn new(folder: PathBuf) -> Self {
        Self(folder)
    }

    fn path(&self, county: FeatureId, photo: Uuid) -> PathBuf {
        self.0.join(format!("{county}.{photo}"))
    }

    /// Opens an upload for writing, from its beginning where there is none; `None` while somebody else writes it.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub async fn open(&self, county: FeatureId, photo: Uuid) -> Result<Option<Upload>, ServiceError> {
        let (folder, path) = (self.0.clone(), self.path(county, photo));
        let opened = off_thread(move || -> io::Result<Option<Upload>> {
            make_folder(&folder)?;
            let file = OpenOptions::new().read(true).append(true).create(true).open(&path)?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Ok(None),
                Err(TryLockError::Error(e)) => return Err(e),
            }
            let received = file.metadata()?.len();
            if received == 0 {
                // The file's name lasts from here on too.
                std::fs::File::open(&folder)?.sync_all()?;
            }
            Ok(Some(Upload { file: File::from_std(file), path, received }))
        });
        opened.await?.map_err(|e| io_failed(&e))
    }

    /// How many bytes of an upload are safe on the disk.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub async fn received(&self, county: FeatureId, photo: Uuid) -> Result<u64, ServiceError> {
        let read = async |path: PathBuf| -> io::Result<u64> {
            let file = File::open(path).await?;
            // Measured first: what is written meanwhile is not promised.
            let length = file.metadata().await?.len();
            file.sync_data().await?;
            Ok(length)
        };
        match read(self.path(county, photo)).await {
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(0),
            read => read.map_err(|e| io_failed(&e)),
        }
    }

    /// All uploads there are: their county and photo.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub async fn all(&self) -> Result<Vec<(FeatureId, Uuid)>, ServiceError> {
        let mut found = Vec::new();
        let mut entries = match tokio::fs::read_dir(&self.0).await {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(found),
            entries => entries.map_err(|e| io_failed(&e))?,
        };
        while let Some(entry) = entries.next_entry().await.map_err(|e| io_failed(&e))? {
            let name = entry.file_name();
            let read = || {
                let (county, photo) = name.to_str()?.split_once('.')?;
                Some((county.parse().ok()?, photo.parse().ok()?))
            };
            found.extend(read());
        }
        Ok(found)
    }
}

impl Upload {
    /// Appends what comes, up to `most` bytes in all, and makes it last.
    ///
    /// # Errors
    /// When the disk fails.
    pub async fn fill<E>(
        &mut self,
        body: &mut (impl Stream<Item = Result<Bytes, E>> + Unpin),
        most: u64,
    ) -> Result<Ended, ServiceError> {
        let ended = self.append(body, most).await;
        let synced = async |file: &mut File| -> io::Result<()> {
            file.flush().await?;
            file.sync_data().await
        };
        synced(&mut self.file).await.map_err(|e| io_failed(&e))?;
        ended
    }

    async fn append<E>(
        &mut self,
        body: &mut (impl Stream<Item = Result<Bytes, E>> + Unpin),
        most: u64,
    ) -> Result<Ended, ServiceError> {
        loop {
            let part = match tokio::time::timeout(SILENCE, body.next()).await {
                Ok(None) => return Ok(Ended::Whole),
                Ok(Some(Ok(part))) => part,
                Ok(Some(Err(_))) | Err(_) => return Ok(Ended::Cut),
            };
            if self.received + part.len() as u64 > most {
                return Ok(Ended::TooMuch);
            }
            self.file.write_all(&part).await.map_err(|e| io_failed(&e))?;
            self.received += part.len() as u64;
        }
    }

    /// Cuts it back to so many bytes.
    ///
    /// # Errors
    /// When the disk fails.
    pub async fn cut(&mut self, bytes: u64) -> Result<(), ServiceError> {
        self.file.set_len(bytes).await.map_err(|e| io_failed(&e))?;
        self.received = bytes;
        Ok(())
    }

    /// Its first bytes, so many at most.
    ///
    /// # Errors
    /// When the disk fails.
    pub async fn read(&mut self, most: u64) -> Result<Vec<u8>, ServiceError> {
        let read = async |file: &mut File| -> io::Result<Vec<u8>> {
            file.seek(SeekFrom::Start(0)).await?;
            let mut bytes = Vec::new();
            file.take(most).read_to_end(&mut bytes).await?;
            Ok(bytes)
        };
        read(&mut self.file).await.map_err(|e| io_failed(&e))
    }

    /// Throws it away.
    ///
    /// # Errors
    /// When the disk fails.
    pub async fn remove(self) -> Result<(), ServiceError> {
        match tokio::fs::remove_file(&self.path).await {
            Err(e) if e.kind() != io::ErrorKind::NotFound => Err(io_failed(&e)),
            _ => Ok(()),
        }
    }
}
