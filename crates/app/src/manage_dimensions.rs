//! Writing, listing and deleting dimensions; an administrator's work.

use crate::manage_keys::assert_admin;
use crate::retry::Attempts;
use crate::{Context, Error, FieldError, Page};
use std::collections::BTreeSet;
use waybill_domain::{AuditAction, Dimension, DimensionId, DimensionSegment, MAX_DIMENSIONS, MAX_SEGMENTS, Principal};
use waybill_ports::Stored;

/// A dimension to be written, whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PutDimension {
    /// Its id.
    pub id: DimensionId,
    /// A short name for programs; `None` = the id.
    pub alias: Option<String>,
    /// A name for people; `None` = the alias.
    pub name: Option<String>,
    /// The segment that counts where none is named.
    pub default_segment: Option<String>,
    /// Its segments, in order.
    pub segments: Vec<DimensionSegment>,
}

fn check(command: &PutDimension) -> Result<(), Error> {
    let mut errors = Vec::new();
    let mut wrong = |field: String, message: String| errors.push(FieldError { field, message });
    if command.segments.len() > MAX_SEGMENTS {
        wrong("segments".to_owned(), format!("must be at most {MAX_SEGMENTS}"));
    }
    let mut seen = BTreeSet::new();
    for (index, segment) in command.segments.iter().enumerate() {
        if !seen.insert(segment.id.as_str()) {
            wrong(format!("segments.{index}.id"), format!("`{}` is given twice", segment.id));
        }
    }
    if let Some(default) = command.default_segment.as_deref().filter(|default| !seen.contains(default)) {
        wrong("defaultSegmentId".to_owned(), format!("`{default}` is none of the segments"));
    }
    if errors.is_empty() { Ok(()) } else { Err(Error::Invalid(errors)) }
}

/// Writes a dimension. Tells whether it is the first of its id.
///
/// # Errors
/// `Forbidden` for members; `Invalid` (`segments`, `defaultSegmentId`); `LimitExceeded` beyond 100; `Throttled`, `Unavailable`,
/// `Internal`.
pub async fn put_dimension(
    context: &Context,
    principal: &Principal,
    command: &PutDimension,
) -> Result<(Dimension, bool), Error> {
    assert_admin(principal)?;
    check(command)?;
    let org = &principal.org;
    let alias = command.alias.clone().unwrap_or_else(|| command.id.to_string());
    let dimension = Dimension {
        org: org.clone(),
        id: command.id.clone(),
        name: command.name.clone().unwrap_or_else(|| alias.clone()),
        alias,
        default_segment: command.default_segment.clone(),
        segments: command.segments.clone(),
        updated_at: context.now(),
    };
    let mut attempts = Attempts::new(context);
    loop {
        let before = context.rows().dimension(org, &command.id).await?;
        if before.is_none() && context.rows().dimensions(org, None, MAX_DIMENSIONS).await?.0.len() >= MAX_DIMENSIONS {
            return Err(Error::LimitExceeded { reason: format!("an org has at most {MAX_DIMENSIONS} dimensions") });
        }
        let is_new = before.is_none();
        let mut transaction = context.transaction();
        let audit = context.audit_entry(org, Some(principal), AuditAction::DimensionPut, command.id.as_str());
        transaction.upsert(before.map(|before| before.version), &dimension)?.insert(&audit)?;
        match transaction.commit(&*context.state).await {
            Ok(_) => return Ok((dimension, is_new)),
            Err(error) => attempts.after(error).await?,
        }
    }
}

/// A dimension of the caller's org.
///
/// # Errors
/// `Forbidden` for members; `NotFound`; `Throttled`, `Unavailable`, `Internal`.
pub async fn read_dimension(context: &Context, principal: &Principal, id: &DimensionId) -> Result<Dimension, Error> {
    assert_admin(principal)?;
    Ok(stored(context, principal, id).await?.value)
}

async fn stored(context: &Context, principal: &Principal, id: &DimensionId) -> Result<Stored<Dimension>, Error> {
    let found = context.rows().dimension(&principal.org, id).await?;
    found.ok_or_else(|| Error::NotFound { kind: "dimension", id: id.to_string() })
}

/// Dimensions of the caller's org beyond `after`, by id.
///
/// # Errors
/// `Forbidden` for members; `Throttled`, `Unavailable`, `Internal`.
pub async fn list_dimensions(
    context: &Context,
    principal: &Principal,
    after: Option<&DimensionId>,
    limit: usize,
) -> Result<Page<Dimension, DimensionId>, Error> {
    assert_admin(principal)?;
    let (dimensions, more) = context.rows().dimensions(&principal.org, after, limit).await?;
    Ok(Page::of(dimensions, more, |dimension| dimension.id.clone()))
}

/// Deletes a dimension: values that are scoped by it are those of no segment from then on.
///
/// # Errors
/// `Forbidden` for members; `NotFound`; `Throttled`, `Unavailable`, `Internal`.
pub async fn delete_dimension(context: &Context, principal: &Principal, id: &DimensionId) -> Result<(), Error> {
    assert_admin(principal)?;
    let mut attempts = Attempts::new(context);
    let mut tried = false;
    loop {
        let found = match stored(context, principal, id).await {
            // An attempt of ours whose reply was lost.
            Err(Error::NotFound { .. }) if tried => return Ok(()),
            found => found?,
        };
        let mut transaction = context.transaction();
        let audit = context.audit_entry(&principal.org, Some(principal), AuditAction::DimensionDeleted, id.as_str());
        transaction.delete(&found).insert(&audit)?;
        tried = true;
        match transaction.commit(&*context.state).await {
            Ok(_) => return Ok(()),
            Err(error) => attempts.after(error).await?,
        }
    }
}
