//! Items of a `DynamoDB` table as records: from the bytes of the wire straight to JSON text.

use crate::wire::{Unexpected, Wire, is_number, stands_for};

/// Deepest nesting of an item's values: what the service allows.
const MAX_DEPTH: usize = 32;

/// How items become records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ItemForm {
    /// One attribute, of this name, holds the record in its stored form ([`crate::stored`]).
    Stored(String),
    /// The attributes are the record's properties.
    Attributes(AttributeForm),
}

/// How attributes become properties: S, B and the elements of SS and BS are strings (binary in base64), N and the
/// elements of NS numbers, verbatim; M is an object, L and the sets are arrays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttributeForm {
    /// The attribute whose text or number is the `_id`; it stays a property, too.
    pub id: String,
    /// Attributes and the texts that they must have. An item in which one has not is left out, whatever the service
    /// was asked.
    pub only: Vec<(String, String)>,
}

/// Why an item is no record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ItemError {
    /// The bytes are not an item as the service writes them.
    #[error("not an item at byte {at} of the reply")]
    Syntax {
        /// Where in the reply.
        at: usize,
    },
    /// The attribute that is the `_id` is missing, or neither text nor number.
    #[error("the item has no text and no number in the attribute that is its `_id`")]
    NoId,
    /// Values are nested too deeply.
    #[error("values of the item are nested deeper than {MAX_DEPTH} levels")]
    Depth,
}

impl From<Unexpected> for ItemError {
    fn from(Unexpected { at }: Unexpected) -> Self {
        Self::Syntax { at }
    }
}

/// Writes the JSON text of the item at `at` to `out`; `false` when it must be left out, `out` is then worthless.
pub(crate) fn write_item(text: &[u8], at: usize, form: &AttributeForm, out: &mut Vec<u8>) -> Result<bool, ItemError> {
    let mut wire = Wire::new(text, at);
    let mut id: Option<&[u8]> = None;
    let mut met = vec![false; form.only.len()];
    out.push(b'{');
    wire.members(|wire, name| {
        let start = wire.at();
        for ((only, wanted), met) in form.only.iter().zip(&mut met) {
            if stands_for(name, only) {
                *met = scalar(&mut Wire::new(text, start)).is_some_and(|value| stands_for(value, wanted));
            }
        }
        if stands_for(name, &form.id) {
            id = scalar(&mut Wire::new(text, start));
        }
        // The record's own `_id` comes last.
        let before = out.len();
        write_name(name, out);
        write_value(wire, 0, out)?;
        if stands_for(name, "_id") {
            out.truncate(before);
        } else {
            out.push(b',');
        }
        Ok::<_, ItemError>(())
    })?;
    if met.contains(&false) {
        return Ok(false);
    }
    write_name(b"_id", out);
    write_text(id.ok_or(ItemError::NoId)?, out);
    out.push(b'}');
    Ok(true)
}

/// The text or number under the cursor, still escaped.
fn scalar<'a>(wire: &mut Wire<'a>) -> Option<&'a [u8]> {
    wire.expect(b'{').ok()?;
    let tag = wire.name().ok()?;
    let value = wire.string().ok()?;
    matches!(tag, b"S" | b"N").then(|| wire.slice(value))
}

#[inline]
fn write_name(name: &[u8], out: &mut Vec<u8>) {
    write_text(name, out);
    out.push(b':');
}

#[inline]
fn write_text(source: &[u8], out: &mut Vec<u8>) {
    out.reserve(source.len() + 3);
    out.push(b'"');
    out.extend_from_slice(source);
    out.push(b'"');
}

fn write_value(wire: &mut Wire<'_>, depth: usize, out: &mut Vec<u8>) -> Result<(), ItemError> {
    if depth > MAX_DEPTH {
        return Err(ItemError::Depth);
    }
    wire.expect(b'{')?;
    match wire.name()? {
        b"S" | b"B" => copy_text(wire, out)?,
        b"N" => copy_number(wire, out)?,
        b"BOOL" => copy_boolean(wire, out)?,
        b"NULL" => {
            if !wire.take_word(b"true") {
                return Err(wire.unexpected().into());
            }
            out.extend_from_slice(b"null");
        }
        b"M" => {
            out.push(b'{');
            wire.members(|wire, name| {
                write_name(name, out);
                write_value(wire, depth + 1, out)?;
                out.push(b',');
                Ok::<_, ItemError>(())
            })?;
            close(b'}', out);
        }
        b"L" => write_array(wire, out, |wire, out| write_value(wire, depth + 1, out))?,
        b"SS" | b"BS" => write_array(wire, out, copy_text)?,
        b"NS" => write_array(wire, out, copy_number)?,
        _ => return Err(wire.unexpected().into()),
    }
    Ok(wire.expect(b'}')?)
}

fn write_array(
    wire: &mut Wire<'_>,
    out: &mut Vec<u8>,
    element: impl Fn(&mut Wire<'_>, &mut Vec<u8>) -> Result<(), ItemError>,
) -> Result<(), ItemError> {
    out.push(b'[');
    wire.elements(|wire| {
        element(wire, out)?;
        out.push(b',');
        Ok::<_, ItemError>(())
    })?;
    close(b']', out);
    Ok(())
}

/// Writes a bracket in place of the comma behind the last part, if there is one.
fn close(bracket: u8, out: &mut Vec<u8>) {
    if out.last() == Some(&b',') {
        out.pop();
    }
    out.push(bracket);
}

#[inline]
fn copy_text(wire: &mut Wire<'_>, out: &mut Vec<u8>) -> Result<(), ItemError> {
    let text = wire.string()?;
    write_text(wire.slice(text), out);
    Ok(())
}

#[inline]
fn copy_number(wire: &mut Wire<'_>, out: &mut Vec<u8>) -> Result<(), ItemError> {
    let content = wire.string()?;
    let at = content.start;
    let number = wire.slice(content);
    if !is_number(number) {
        return Err(ItemError::Syntax { at });
    }
    out.extend_from_slice(number);
    Ok(())
}

fn copy_boolean(wire: &mut Wire<'_>, out: &mut Vec<u8>) -> Result<(), ItemError> {
    for word in [&b"true"[..], b"false"] {
        if wire.take_word(word) {
            out.extend_from_slice(word);
            return Ok(());
        }
    }
    Err(wire.unexpected().into())
}
