//! Files of records: announced, uploaded, counted against the org's storage, removed.

use crate::{AccountId, CollectionName, FileId, OrgCode, RecordId, StorageHold, Timestamp};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How long the link for an upload is good for.
const LINK: Duration = Duration::from_mins(15);
/// How long an upload that began in time may take.
const UNDER_WAY: Duration = Duration::from_hours(2);

/// A file of a record's property.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordFile {
    /// The org.
    pub org: OrgCode,
    /// The record's collection.
    pub collection: CollectionName,
    /// The record.
    pub record: RecordId,
    /// The property that it belongs to.
    pub property: String,
    /// Its id; never used again.
    pub id: FileId,
    /// What the client calls it.
    pub filename: String,
    /// Its media type.
    pub media_type: String,
    /// Its size in bytes, as announced; an upload of another size is refused.
    pub size_bytes: u64,
    /// Who announced it.
    pub creator: AccountId,
    /// When.
    pub created_at: Timestamp,
    /// What it takes of the org's storage: reserved until its bytes are seen, then held.
    pub storage: StorageHold,
    /// When somebody has to look whether its bytes have come, or to remove them.
    pub look_at: Option<Timestamp>,
}

/// What a look at an announced file came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Looked {
    /// It changes so; gives the bytes that were reserved and those that are held now.
    Changed(Box<RecordFile>, u64, u64),
    /// It never came, or is gone: its row goes, and gives back what was reserved.
    Gone(u64),
}

/// Where the bytes of a file lie; never used for anything else.
pub fn file_key(org: &OrgCode, collection: &CollectionName, record: RecordId, property: &str, id: FileId) -> String {
    format!("files/{org}/{collection}/{record}/{property}/{id}")
}

impl RecordFile {
    /// Where its bytes lie.
    pub fn object_key(&self) -> String {
        file_key(&self.org, &self.collection, self.record, &self.property, self.id)
    }

    /// Reserves its storage and waits for its bytes.
    #[must_use]
    pub fn announced(mut self) -> Self {
        self.storage = StorageHold::Reserved { bytes: self.size_bytes };
        self.look_at = Some(self.upload_until());
        self
    }

    /// Until when an upload may begin.
    pub fn upload_until(&self) -> Timestamp {
        self.created_at.after(LINK)
    }

    /// Until when bytes may still arrive.
    fn settled_from(&self) -> Timestamp {
        self.upload_until().after(UNDER_WAY)
    }

    /// Whether it is to be removed.
    pub fn is_removed(&self) -> bool {
        self.storage == StorageHold::Released
    }

    /// Takes note of whether its bytes were there at `now`.
    pub fn looked_at(mut self, there: bool, now: Timestamp) -> Looked {
        let reserved = match self.storage {
            StorageHold::Reserved { bytes } => bytes,
            StorageHold::None | StorageHold::Held { .. } | StorageHold::Released => 0,
        };
        if self.is_removed() && now >= self.settled_from() {
            return Looked::Gone(0);
        }
        if self.is_removed() || (!there && reserved > 0 && now < self.settled_from()) {
            self.look_at = Some(self.settled_from());
            return Looked::Changed(Box::new(self), 0, 0);
        }
        match self.storage {
            StorageHold::Reserved { bytes } if there => {
                self.storage = StorageHold::Held { bytes };
                self.look_at = None;
                Looked::Changed(Box::new(self), bytes, bytes)
            }
            StorageHold::Held { .. } => {
                self.look_at = None;
                Looked::Changed(Box::new(self), 0, 0)
            }
            StorageHold::None | StorageHold::Reserved { .. } | StorageHold::Released => Looked::Gone(reserved),
        }
    }

    /// Removes it: storage released once, its bytes and its row removed when none can arrive any more. Gives the bytes that were
    /// reserved and those that were held.
    #[must_use]
    pub fn removed(mut self, now: Timestamp) -> (Self, u64, u64) {
        let (reserved, held) = match self.storage {
            StorageHold::Reserved { bytes } => (bytes, 0),
            StorageHold::Held { bytes } => (0, bytes),
            StorageHold::None | StorageHold::Released => (0, 0),
        };
        if !self.is_removed() {
            self.storage = StorageHold::Released;
            self.look_at = Some(now);
        }
        (self, reserved, held)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_millis(secs * 1000)
    }

    fn announced() -> RecordFile {
        let id = "0123456789abcdef01234567";
        RecordFile {
            org: "demo".parse().unwrap(),
            collection: "visits".parse().unwrap(),
            record: id.parse().unwrap(),
            property: "photo".to_owned(),
            id: id.parse().unwrap(),
            filename: "a.png".to_owned(),
            media_type: "image/png".to_owned(),
            size_bytes: 10,
            creator: id.parse().unwrap(),
            created_at: at(0),
            storage: StorageHold::None,
            look_at: None,
        }
        .announced()
    }

    #[test]
    fn an_upload_that_came_is_held_and_looked_at_no_more() {
        let Looked::Changed(file, 10, 10) = announced().looked_at(true, at(900)) else { unreachable!() };
        assert_eq!((file.storage, file.look_at), (StorageHold::Held { bytes: 10 }, None));
        assert_eq!(file.clone().looked_at(true, at(901)), Looked::Changed(file, 0, 0));
    }

    #[test]
    fn one_that_did_not_come_is_waited_for_once_more_and_then_given_up() {
        let Looked::Changed(file, 0, 0) = announced().looked_at(false, at(900)) else { unreachable!() };
        assert_eq!(file.look_at, Some(at(900 + 7200)));
        assert_eq!(file.looked_at(false, at(900 + 7200)), Looked::Gone(10));
    }

    #[test]
    fn removing_gives_back_once_what_was_reserved_or_held() {
        let (file, reserved, held) = announced().removed(at(5));
        assert_eq!((reserved, held, file.look_at), (10, 0, Some(at(5))));
        let (file, reserved, held) = file.removed(at(6));
        assert_eq!((reserved, held), (0, 0));
        // Bytes may still arrive: it stays on record until they cannot.
        let Looked::Changed(file, 0, 0) = file.looked_at(true, at(7)) else { unreachable!() };
        assert_eq!(file.looked_at(true, at(900 + 7200)), Looked::Gone(0));
        let Looked::Changed(file, ..) = announced().looked_at(true, at(900)) else { unreachable!() };
        assert_eq!(file.removed(at(901)).2, 10);
    }
}
