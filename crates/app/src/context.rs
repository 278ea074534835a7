//! The ports that every use case needs.

use std::sync::Arc;
use waybill_domain::{AuditAction, AuditEntry, OrgCode, Principal, Timestamp};
use waybill_ports::{Clock, Entropy, Rows, StateStore, Transaction};

/// State, time and randomness.
#[derive(Clone)]
pub struct Context {
    /// Rows.
    pub state: Arc<dyn StateStore>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
    /// Id of the request or invocation being served, for the audit trail and the log.
    pub request_id: Option<String>,
}

impl Context {
    /// The same for one request.
    #[must_use]
    pub fn for_request(&self, request_id: impl Into<String>) -> Self {
        Self { request_id: Some(request_id.into()), ..self.clone() }
    }

    /// Wall-clock time.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Typed reads.
    pub fn rows(&self) -> Rows<'_> {
        Rows(&*self.state)
    }

    /// An empty transaction.
    pub fn transaction(&self) -> Transaction {
        Transaction::new(self.entropy.commit_id())
    }

    /// An entry of the audit trail about what `principal` does now; `None` for the operator and for Waybill itself.
    pub fn audit_entry(
        &self,
        org: &OrgCode,
        principal: Option<&Principal>,
        action: AuditAction,
        target: impl Into<String>,
    ) -> AuditEntry {
        AuditEntry {
            org: org.clone(),
            at: self.now(),
            nonce: hex::encode(self.entropy.eight()),
            action,
            account: principal.map(|principal| principal.account),
            key: principal.and_then(Principal::key_used),
            target: target.into(),
            request_id: self.request_id.clone(),
        }
    }
}
