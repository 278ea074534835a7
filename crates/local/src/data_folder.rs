//! The folder in which a stack keeps its state: whose it is, which layout it has, what is where.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tempfile::TempDir;

use crate::options::DataFolder;

/// Version of the layout of the folder. Whoever changes what is stored in a way that an older or newer stack would
/// misread changes this.
const LAYOUT: &str = "1";

/// An open data folder; nobody else can open it until this is dropped.
#[derive(Debug)]
pub(crate) struct OpenFolder {
    root: PathBuf,
    temporary: Option<TempDir>,
    _lock: File,
}

impl OpenFolder {
    /// Opens the folder, or makes it.
    ///
    /// # Errors
    /// When it cannot be made, another stack has it open, its layout is another version's, or it holds other things.
    pub(crate) fn open(folder: &DataFolder) -> Result<Self> {
        match folder {
            DataFolder::Ephemeral => {
                let temporary = tempfile::Builder::new().prefix("waybill-").tempdir().context("no temporary folder")?;
                Self::open_at(temporary.path().to_owned(), Some(temporary))
            }
            DataFolder::Persistent(root) => Self::open_at(root.clone(), None),
        }
    }

    fn open_at(root: PathBuf, temporary: Option<TempDir>) -> Result<Self> {
        let shown = root.display().to_string();
        let made = DirBuilder::new().recursive(true).mode(0o700).create(&root);
        made.with_context(|| format!("the data folder {shown} cannot be made"))?;
        let is_empty = is_unused(&root).with_context(|| format!("the data folder {shown} cannot be read"))?;
        let lock = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(root.join("lock"));
        let lock = lock.with_context(|| format!("the data folder {shown} cannot be written to"))?;
        match flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(Errno::WOULDBLOCK) => bail!(
                "another Waybill is running on the data folder {shown}: stop that one (Ctrl-C), or give this one a folder and a port of \
                 its own with --data and --port 0"
            ),
            Err(error) => return Err(error).with_context(|| format!("the data folder {shown} cannot be locked")),
        }
        let version = root.join("version");
        match std::fs::read_to_string(&version) {
            Ok(found) if found.trim() == LAYOUT => {}
            Ok(found) => bail!(
                "the data folder {shown} was made by another version of Waybill (its layout is {}, this one's is \
                 {LAYOUT}); choose another folder, or remove this one to start anew",
                found.trim().chars().take(20).collect::<String>().escape_debug()
            ),
            Err(error) if error.kind() == ErrorKind::NotFound && is_empty => {
                std::fs::write(&version, format!("{LAYOUT}\n")).context("the layout version cannot be written")?;
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {
                bail!("{shown} holds other things and is no Waybill data folder; choose a new or empty one")
            }
            Err(error) => return Err(error).context("the layout version cannot be read"),
        }
        Ok(Self { root, temporary, _lock: lock })
    }

    /// The folder itself.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// The database's file; none when it lives in memory.
    pub(crate) fn database(&self) -> Option<PathBuf> {
        self.temporary.is_none().then(|| self.root.join("dynamodb.sqlite"))
    }

    /// The folder of the buckets.
    pub(crate) fn buckets(&self) -> PathBuf {
        self.root.join("s3")
    }

    /// The folder of mail.
    pub(crate) fn mail(&self) -> PathBuf {
        self.root.join("mail")
    }

    /// Reads a private JSON file of this folder; none when there is none.
    ///
    /// # Errors
    /// When it cannot be read or is not what was written.
    pub(crate) fn read<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>> {
        let path = self.root.join(name);
        match std::fs::read(&path) {
            Ok(text) => {
                let value = serde_json::from_slice(&text);
                value.map(Some).with_context(|| format!("{} is not as Waybill wrote it", path.display()))
            }
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| format!("{} cannot be read", path.display())),
        }
    }

    /// Writes a JSON file that only its owner may read; whoever reads it sees the old content or the new one.
    ///
    /// # Errors
    /// When the disk refuses.
    pub(crate) fn write<T: Serialize>(&self, name: &str, value: &T) -> Result<()> {
        let path = self.root.join(name);
        let write = || -> std::io::Result<()> {
            // `NamedTempFile` makes files of mode 0600.
            let mut file = tempfile::Builder::new().prefix(".new-").tempfile_in(&self.root)?;
            let mut text = serde_json::to_vec_pretty(value)?;
            text.push(b'\n');
            file.write_all(&text)?;
            file.as_file().sync_all()?;
            file.persist(&path)?;
            Ok(())
        };
        write().with_context(|| format!("{} cannot be written", path.display()))
    }
}

/// Whether nothing but a lock (of a stack that ended before it had begun) is in the folder.
fn is_unused(root: &Path) -> std::io::Result<bool> {
    for entry in std::fs::read_dir(root)? {
        if entry?.file_name() != "lock" {
            return Ok(false);
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn persistent(root: &Path) -> DataFolder {
        DataFolder::Persistent(root.to_owned())
    }

    #[test]
    fn a_folder_belongs_to_one_stack_at_a_time() {
        let parent = tempfile::tempdir().unwrap();
        let folder = persistent(&parent.path().join("a/b"));
        let first = OpenFolder::open(&folder).unwrap();
        let error = OpenFolder::open(&folder).unwrap_err().to_string();
        assert!(error.starts_with("another Waybill is running on the data folder"), "{error}");
        drop(first);
        OpenFolder::open(&folder).unwrap();
    }

    #[test]
    fn a_folder_of_another_version_is_refused() {
        let root = tempfile::tempdir().unwrap();
        std::fs::write(root.path().join("version"), "99\n").unwrap();
        let error = OpenFolder::open(&persistent(root.path())).unwrap_err().to_string();
        assert!(error.contains("another version of Waybill (its layout is 99, this one's is 1)"), "{error}");
    }

    #[test]
    fn a_folder_of_other_things_is_refused_and_left_alone() {
        let root = tempfile::tempdir().unwrap();
        std::fs::write(root.path().join("thesis.txt"), "mine").unwrap();
        let error = OpenFolder::open(&persistent(root.path())).unwrap_err().to_string();
        assert!(error.contains("holds other things"), "{error}");
        assert!(!root.path().join("version").exists());
    }

    #[test]
    fn private_files_are_private_and_replaced_as_a_whole() {
        use std::os::unix::fs::PermissionsExt as _;

        let folder = OpenFolder::open(&DataFolder::Ephemeral).unwrap();
        assert_eq!(folder.read::<Vec<u8>>("x.json").unwrap(), None);
        folder.write("x.json", &vec![1, 2]).unwrap();
        folder.write("x.json", &vec![3]).unwrap();
        assert_eq!(folder.read::<Vec<u8>>("x.json").unwrap(), Some(vec![3]));
        let mode = std::fs::metadata(folder.root().join("x.json")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        std::fs::write(folder.root().join("x.json"), "{").unwrap();
        assert!(
            folder.read::<Vec<u8>>("x.json").unwrap_err().to_string().contains("x.json is not as Waybill wrote it")
        );
    }
}
