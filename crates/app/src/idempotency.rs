//! Requests that may be sent again: what is remembered of them, and what they made.

use crate::{Context, Error};
use waybill_domain::{IdempotencyKey, IdempotencyRecord, KeyId, OrgCode, Principal, Timestamp};
use waybill_ports::{PortError, Stored};

/// A request that may be sent again.
#[derive(Clone, Debug)]
pub struct IdempotentRequest {
    /// The client's key.
    pub key: IdempotencyKey,
    /// Surface and operation, so that one key on two endpoints means two things: `cortex:create-export`.
    pub operation: &'static str,
    /// SHA-256 of the request's body, hex.
    pub body_digest: String,
}

impl IdempotentRequest {
    /// The name under which it is remembered.
    pub fn scope(&self) -> String {
        format!("{}:{}", self.operation, self.key.as_str())
    }

    /// That it made `resource`.
    pub(crate) fn made(
        &self,
        (org, caller): (&OrgCode, KeyId),
        resource: &impl ToString,
        now: Timestamp,
    ) -> IdempotencyRecord {
        IdempotencyRecord {
            org: org.clone(),
            caller,
            scope: self.scope(),
            body_digest: self.body_digest.clone(),
            resource: resource.to_string(),
            expires_at: now.after(IdempotencyKey::LIFETIME),
        }
    }

    /// What is remembered of its key, though it may be used anew by now.
    pub(crate) async fn remembered(
        &self,
        context: &Context,
        principal: &Principal,
    ) -> Result<Option<Stored<IdempotencyRecord>>, PortError> {
        context.rows().idempotency(&principal.org, principal.key, &self.scope()).await
    }

    /// The id of what an earlier request with the same key made; `None` when there is none, or its key may be used anew.
    ///
    /// # Errors
    /// `IdempotencyMismatch` when that was another request; `Throttled`, `Unavailable`, `Internal`.
    pub(crate) async fn made_before(&self, context: &Context, principal: &Principal) -> Result<Option<String>, Error> {
        let used = self.remembered(context, principal).await?;
        Ok(self.made_by(used.as_ref(), context.now())?.map(str::to_owned))
    }

    /// The same, given what is remembered of the key.
    ///
    /// # Errors
    /// `IdempotencyMismatch`.
    pub(crate) fn made_by<'a>(
        &self,
        used: Option<&'a Stored<IdempotencyRecord>>,
        now: Timestamp,
    ) -> Result<Option<&'a str>, Error> {
        match used.map(|used| &used.value).filter(|used| now < used.expires_at) {
            Some(used) if used.body_digest != self.body_digest => Err(Error::IdempotencyMismatch),
            used => Ok(used.map(|used| used.resource.as_str())),
        }
    }
}

/// The row of this request's key, if that may be used anew; for what has a secret, which is told once.
///
/// # Errors
/// `SecretNotRepeated`, `IdempotencyMismatch`; `Throttled`, `Unavailable`, `Internal`.
pub(crate) async fn used_before(
    context: &Context,
    principal: &Principal,
    idempotency: Option<&IdempotentRequest>,
) -> Result<Option<Stored<IdempotencyRecord>>, Error> {
    let Some(request) = idempotency else { return Ok(None) };
    let used = request.remembered(context, principal).await?;
    match request.made_by(used.as_ref(), context.now())? {
        Some(id) => Err(Error::SecretNotRepeated { id: id.to_owned() }),
        None => Ok(used),
    }
}
