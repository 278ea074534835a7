//! How much of a record somebody sees, and the record as they see it.

use crate::document::Document;
use crate::scan::{ScanError, Tape};
use std::fmt::Debug;

/// Somebody who may not see every record, or not all of it.
pub trait Sight: Debug + Send + Sync {
    /// How much of a record is seen. Where that is a part, its JSON object is written to `out`, which is empty.
    fn of(&self, record: &Document<'_>, out: &mut Vec<u8>) -> Seen;
}

/// How much of a record is seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// Nothing, not even that it is there.
    Nothing,
    /// A part of it.
    Part,
    /// All of it.
    Whole,
}

/// The reusable memory in which records are looked at.
#[derive(Debug, Default)]
pub struct Looking {
    tape: Tape,
    text: Vec<u8>,
}

impl Looking {
    /// The record as `sight` has it; `None` where it is not seen.
    ///
    /// # Errors
    /// None that a caller can cause: a part of a record is one.
    pub fn at<'a>(&'a mut self, sight: &dyn Sight, record: Document<'a>) -> Result<Option<Document<'a>>, ScanError> {
        self.text.clear();
        match sight.of(&record, &mut self.text) {
            Seen::Nothing => Ok(None),
            Seen::Whole => Ok(Some(record)),
            Seen::Part => self.tape.scan(&self.text).map(Some),
        }
    }
}
