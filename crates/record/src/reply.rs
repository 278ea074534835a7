//! The reply to a `Query` or `Scan` of `DynamoDB`: where its items and its last key lie in the bytes.

use crate::item::ItemForm;
use crate::page::Page;
use crate::wire::{Unexpected, Wire, stands_for};
use bytes::Bytes;
use std::ops::Range;
use std::sync::Arc;

/// A reply, taken apart as far as a reader of pages needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// Its items, not decoded.
    pub page: Page,
    /// `LastEvaluatedKey` as it was written; `None` after the last page.
    pub last_key: Option<Bytes>,
}

/// Why bytes are no reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReplyError {
    /// They are not UTF-8.
    #[error("the reply is not UTF-8 at byte {at}")]
    Utf8 {
        /// Where.
        at: usize,
    },
    /// They are cut short or something else.
    #[error("the reply is not as it must be at byte {at}")]
    Syntax {
        /// Where.
        at: usize,
    },
    /// They are more than positions can hold.
    #[error("the reply is too long")]
    TooLong,
}

impl From<Unexpected> for ReplyError {
    fn from(Unexpected { at }: Unexpected) -> Self {
        Self::Syntax { at }
    }
}

/// Where an item lies, or the content of the one attribute that matters of it.
pub(crate) type Span = Range<u32>;

impl Reply {
    /// Finds the items of a reply that become records as `form` says.
    ///
    /// Items are checked when they are read, not here.
    ///
    /// # Errors
    /// The bytes are no reply.
    pub fn parse(body: Bytes, form: Arc<ItemForm>) -> Result<Self, ReplyError> {
        if u32::try_from(body.len()).is_err() {
            return Err(ReplyError::TooLong);
        }
        std::str::from_utf8(&body).map_err(|error| ReplyError::Utf8 { at: error.valid_up_to() })?;
        let mut spans = Vec::new();
        let mut last_key = None;
        let mut wire = Wire::new(&body, 0);
        wire.members(|wire, name| match name {
            b"Items" if wire.peek() == Some(b'[') => wire.elements(|wire| {
                spans.push(span(&find(wire, &form)?));
                Ok::<_, ReplyError>(())
            }),
            b"LastEvaluatedKey" if wire.peek() == Some(b'{') => {
                last_key = Some(wire.skip()?);
                Ok(())
            }
            _ => Ok(wire.skip().map(drop)?),
        })?;
        if wire.peek().is_some() {
            return Err(wire.unexpected().into());
        }
        let last_key = last_key.map(|range| body.slice(range));
        Ok(Self { page: Page::reply(body, spans, form), last_key })
    }
}

fn span(range: &Range<usize>) -> Span {
    // The length of the body was checked.
    let position = |at| u32::try_from(at).unwrap_or(u32::MAX);
    position(range.start)..position(range.end)
}

/// Takes an item and tells where what is needed of it lies; nowhere, when it is not there.
fn find(wire: &mut Wire<'_>, form: &ItemForm) -> Result<Range<usize>, ReplyError> {
    let ItemForm::Stored(attribute) = form else {
        if wire.peek() != Some(b'{') {
            return Err(wire.unexpected().into());
        }
        return Ok(wire.skip()?);
    };
    let mut found = 0..0;
    wire.members(|wire, name| {
        if !stands_for(name, attribute) {
            return Ok(wire.skip().map(drop)?);
        }
        wire.members(|wire, tag| {
            match (tag, wire.peek()) {
                (b"B", Some(b'"')) => found = wire.string()?,
                _ => {
                    wire.skip()?;
                }
            }
            Ok::<_, ReplyError>(())
        })
    })?;
    Ok(found)
}
