//! Folders of SFTP servers: a temporary file, appended to, then renamed.

mod session;

use crate::parts::READ_BYTES;
use async_trait::async_trait;
use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _};
use russh_sftp::protocol::{FileAttributes, OpenFlags};
use session::Session;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Mutex, MutexGuard};
use waybill_domain::{DestinationSecrets, SftpConfig, Timestamp};
use waybill_ports::{ByteRange, Delivered, Destination, DestinationError, OutgoingTcp, Parcel, Probed, Upload};

/// One write: what every server takes.
const WRITE_BYTES: usize = 32 * 1024;
/// Writes that are on their way at a time.
const WRITES: usize = 64;

/// A folder.
pub(crate) struct SftpDestination {
    config: SftpConfig,
    secrets: DestinationSecrets,
    tcp: Arc<dyn OutgoingTcp>,
    silence: Duration,
    /// One connection for all steps of an invocation; `None` before the first and after a failure.
    session: Mutex<Option<Open>>,
}

/// A session, and the file that it has open.
struct Open {
    session: Session,
    file: Option<File>,
}

struct File {
    path: String,
    handle: String,
    /// How many bytes the server has acknowledged, from the beginning, without a hole.
    written: u64,
}

impl SftpDestination {
    pub(crate) fn open(
        config: SftpConfig,
        secrets: &DestinationSecrets,
        tcp: Arc<dyn OutgoingTcp>,
        silence: Duration,
    ) -> Self {
        Self { config, secrets: secrets.clone(), tcp, silence, session: Mutex::new(None) }
    }

    fn place(&self, path: &str) -> String {
        let port = if self.config.port == 22 { String::new() } else { format!(":{}", self.config.port) };
        format!("sftp://{}{port}/{}", self.config.host, path.trim_start_matches('/'))
    }

    /// The session, made if there is none.
    async fn session(&self) -> Result<MutexGuard<'_, Option<Open>>, DestinationError> {
        let mut guard = self.session.lock().await;
        if guard.is_none() {
            let session = Session::open(&self.config, &self.secrets, &*self.tcp, self.silence).await?;
            *guard = Some(Open { session, file: None });
        }
        Ok(guard)
    }

    /// Runs `work` in the session; a session in which something failed is not used again.
    async fn with<T>(
        &self,
        work: impl AsyncFnOnce(&mut Open) -> Result<T, DestinationError>,
    ) -> Result<T, DestinationError> {
        let mut guard = self.session().await?;
        let Some(open) = guard.as_mut() else {
            return Err(DestinationError::Unavailable("there is no connection".to_owned()));
        };
        let outcome = work(open).await;
        if outcome.is_err() {
            *guard = None;
        }
        outcome
    }

    /// Where what has that id lies until it is whole: nobody else writes there, and its length does not depend on the final name's.
    fn temporary(&self, id: &str) -> String {
        let id: String = id.chars().filter(char::is_ascii_alphanumeric).take(60).collect();
        self.config.file(&format!(".waybill-{id}.part"))
    }
}

impl Open {
    /// Makes the folder of a file, and the folders above it.
    async fn make_folders(&self, path: &str, place: &str) -> Result<(), DestinationError> {
        let Some((folder, _)) = path.rsplit_once('/') else { return Ok(()) };
        if folder.is_empty() || self.session.size(folder).await?.is_some() {
            return Ok(());
        }
        for (end, _) in folder.match_indices('/').chain([(folder.len(), "")]) {
            let part = folder.get(..end).unwrap_or_default();
            if part.is_empty() || self.session.size(part).await?.is_some() {
                continue;
            }
            let made = self.session.sftp.mkdir(part, FileAttributes::empty()).await;
            // Somebody else may have made it meanwhile.
            if made.is_err() && self.session.size(part).await?.is_none() {
                made.map_err(|error| Session::not_made(&error, part, place))?;
            }
        }
        Ok(())
    }

    async fn open_file(&mut self, path: &str, flags: OpenFlags, place: &str) -> Result<&mut File, DestinationError> {
        self.close_file().await;
        let opened = self.session.sftp.open(path, flags, FileAttributes::empty()).await;
        let handle = opened.map_err(|error| Session::failed(&error, place))?.handle;
        Ok(self.file.insert(File { path: path.to_owned(), handle, written: 0 }))
    }

    async fn close_file(&mut self) {
        if let Some(file) = self.file.take() {
            // What was written is acknowledged; a server that cannot close loses a handle and nothing else.
            let _ = self.session.sftp.close(file.handle).await;
        }
    }

    /// Writes bytes behind those that are there, many requests at a time, all of them acknowledged in the end.
    async fn append(&mut self, bytes: &Bytes, place: &str) -> Result<(), DestinationError> {
        let Self { session, file: Some(file) } = self else {
            return Err(DestinationError::Lost(format!("{place} is not open")));
        };
        let starts = (0..bytes.len()).step_by(WRITE_BYTES);
        let (start_of_all, handle, session) = (file.written, &file.handle, &*session);
        let writes = starts.map(|start| async move {
            let end = bytes.len().min(start + WRITE_BYTES);
            let chunk = bytes.slice(start..end).to_vec();
            let offset = start_of_all + u64::try_from(start).unwrap_or(0);
            session.sftp.write(handle, offset, chunk).await.map_err(|error| Session::failed(&error, place))
        });
        futures::stream::iter(writes).buffer_unordered(WRITES).try_for_each(|_| async { Ok(()) }).await?;
        file.written += u64::try_from(bytes.len()).unwrap_or(0);
        Ok(())
    }

    async fn replace(&self, from: &str, to: &str, place: &str) -> Result<(), DestinationError> {
        if self.session.has_posix_rename {
            return self.session.posix_rename(from, to).await.map_err(|error| Session::failed(&error, place));
        }
        if self.session.sftp.rename(from, to).await.is_ok() {
            return Ok(());
        }
        // The protocol's own rename does not replace: for a moment there is neither file, and never half of one.
        if self.session.size(to).await?.is_some() {
            self.session.sftp.remove(to).await.map_err(|error| Session::failed(&error, place))?;
        }
        self.session.sftp.rename(from, to).await.map(|_| ()).map_err(|error| Session::failed(&error, place))
    }

    async fn remove(&self, path: &str, place: &str) -> Result<(), DestinationError> {
        match self.session.sftp.remove(path).await {
            Ok(_) => Ok(()),
            Err(_) if self.session.size(path).await?.is_none() => Ok(()),
            Err(error) => Err(Session::failed(&error, place)),
        }
    }
}

#[async_trait]
impl Destination for SftpDestination {
    async fn open(&self, parcel: &Parcel) -> Result<Upload, DestinationError> {
        let (path, target) = (self.temporary(&parcel.id), self.config.file(&parcel.name));
        let place = self.place(&target);
        self.with(async |open| {
            open.make_folders(&target, &place).await?;
            open.open_file(&path, OpenFlags::CREATE | OpenFlags::TRUNCATE | OpenFlags::WRITE, &place).await?;
            Ok(())
        })
        .await?;
        Ok(Upload::Temporary { path, sent_bytes: 0 })
    }

    async fn advance(&self, parcel: &Parcel, upload: Upload) -> Result<Upload, DestinationError> {
        let Upload::Temporary { path, sent_bytes } = upload else { return Ok(upload) };
        if sent_bytes >= parcel.size_bytes {
            return Ok(Upload::Temporary { path, sent_bytes });
        }
        let place = self.place(&path);
        let sent_bytes = self
            .with(async |open| {
                let is_open = open.file.as_ref().is_some_and(|file| file.path == path && file.written == sent_bytes);
                if !is_open {
                    let lost = || DestinationError::Lost(format!("{place} is no longer there"));
                    let there = open.session.size(&path).await?.ok_or_else(lost)?;
                    // A server that lost power may have less than it acknowledged: the piece in which it ends goes again.
                    let from = if there < sent_bytes { there - there % READ_BYTES } else { sent_bytes };
                    open.open_file(&path, OpenFlags::WRITE, &place).await?.written = from;
                }
                let start = open.file.as_ref().map_or(0, |file| file.written);
                let end = parcel.size_bytes.min(start + READ_BYTES);
                let bytes = parcel.bytes.read(ByteRange { start, end }).await.map_err(DestinationError::Source)?;
                open.append(&bytes, &place).await?;
                Ok(end)
            })
            .await?;
        Ok(Upload::Temporary { path, sent_bytes })
    }

    async fn finish(&self, parcel: &Parcel, upload: &Upload, _now: Timestamp) -> Result<Delivered, DestinationError> {
        let Upload::Temporary { path, .. } = upload else {
            return Err(DestinationError::Lost("this is no upload of an SFTP server".to_owned()));
        };
        let target = self.config.file(&parcel.name);
        let place = self.place(&target);
        let size_bytes = self
            .with(async |open| {
                open.close_file().await;
                match open.session.size(path).await? {
                    Some(there) if there == parcel.size_bytes => open.replace(path, &target, &place).await?,
                    Some(there) if there > parcel.size_bytes => {
                        return Err(DestinationError::Lost(format!("{path} holds {there} bytes, which are too many")));
                    }
                    Some(there) => {
                        return Err(DestinationError::Lost(format!(
                            "{path} holds {there} bytes of {}",
                            parcel.size_bytes
                        )));
                    }
                    // An earlier finish whose answer was lost has renamed it.
                    None if open.session.size(&target).await? == Some(parcel.size_bytes) => {}
                    None => return Err(DestinationError::Lost(format!("{path} is no longer there"))),
                }
                open.session.size(&target).await
            })
            .await?;
        match size_bytes {
            Some(size_bytes) if size_bytes == parcel.size_bytes => {
                Ok(Delivered { destination_path: place, size_bytes })
            }
            // Some servers take a file away as soon as it is there.
            None => Ok(Delivered { destination_path: place, size_bytes: parcel.size_bytes }),
            Some(other) => Err(DestinationError::Lost(format!("{place} holds {other} bytes of {}", parcel.size_bytes))),
        }
    }

    async fn abort(&self, _parcel: &Parcel, upload: &Upload) -> Result<(), DestinationError> {
        let Upload::Temporary { path, .. } = upload else { return Ok(()) };
        let place = self.place(path);
        self.with(async |open| {
            open.close_file().await;
            open.remove(path, &place).await
        })
        .await
    }

    async fn probe(&self, id: &str, name: &str, now: Timestamp) -> Result<Probed, DestinationError> {
        let (temporary, target) = (self.temporary(id), self.config.file(name));
        let place = self.place(&target);
        let body = Bytes::from(format!("waybill {now}\n"));
        self.with(async |open| {
            open.make_folders(&target, &place).await?;
            open.open_file(&temporary, OpenFlags::CREATE | OpenFlags::TRUNCATE | OpenFlags::WRITE, &place).await?;
            open.append(&body, &place).await?;
            open.close_file().await;
            open.replace(&temporary, &target, &place).await?;
            let read = open.session.read_small(&target).await;
            open.remove(&target, &place).await?;
            match read {
                Some(read) if read != body => {
                    Err(DestinationError::Refused(format!("{place} was written, but something else was read back")))
                }
                read => Ok(Probed { words: crate::s3::outcome(&place, read.is_some(), true) }),
            }
        })
        .await
    }
}
