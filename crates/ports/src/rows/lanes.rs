//! Rows of the lane: the counter, the lease and the queue.

use super::{Due, DueKind, Entity, org_key};
use crate::RowKey;
use waybill_domain::{Lane, OrgCode, QueueEntry, Sequence, Ticket};

/// Prefix of queue rows; tickets follow in 20 digits, so that bytes sort as numbers.
pub(crate) const QUEUE: &str = "QUEUE#";

pub(crate) fn sequence_key(org: &OrgCode) -> RowKey {
    org_key(org, "SEQ")
}

pub(crate) fn lane_key(org: &OrgCode) -> RowKey {
    org_key(org, "LANE")
}

pub(crate) fn queue_key(org: &OrgCode, ticket: Ticket) -> RowKey {
    org_key(org, format!("{QUEUE}{:020}", ticket.0))
}

impl Entity for Sequence {
    fn key(&self) -> RowKey {
        sequence_key(&self.org)
    }

    fn due(&self) -> Option<Due> {
        self.due_at.map(|at| Due { kind: DueKind::Lane, at })
    }

    fn due_org(&self) -> Option<&OrgCode> {
        Some(&self.org)
    }
}

impl Entity for Lane {
    fn key(&self) -> RowKey {
        lane_key(&self.org)
    }
}

impl Entity for QueueEntry {
    fn key(&self) -> RowKey {
        queue_key(&self.org, self.ticket)
    }
}
