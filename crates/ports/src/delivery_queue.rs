//! That a delivery waits to be gone on with, or a signal to be sent. A message may be lost, late or doubled; nothing relies on one.

use crate::{ErrandKind, PortError};
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use std::time::Duration;
use waybill_domain::{Errand, ExportId, OrgCode};

/// The longest that a message can be held back.
pub const MOST_DELAY: Duration = Duration::from_mins(15);

/// The payload of a message, versioned by its tag.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "delivery", rename_all = "kebab-case", deny_unknown_fields)]
pub enum DeliveryMessage {
    /// A delivery is to be begun or gone on with.
    AdvanceV1 {
        /// The org.
        org: OrgCode,
        /// The export.
        export: ExportId,
        /// Which of its deliveries.
        number: u16,
    },
    /// A signal is to be sent.
    SignalV1 {
        /// The org.
        org: OrgCode,
        /// The export.
        export: ExportId,
        /// Which of its signals.
        number: u16,
    },
}

impl DeliveryMessage {
    /// About `errand`.
    pub fn about<T: ErrandKind>(errand: &Errand<T>) -> Self {
        T::message(errand.org.clone(), errand.export, errand.number)
    }
}

/// Carries messages to whoever delivers.
#[async_trait]
pub trait DeliveryQueue: Send + Sync {
    /// Sends a message that arrives `after` so long or later; at most [`MOST_DELAY`], which a longer time is cut to.
    ///
    /// # Errors
    /// [`PortError`].
    async fn ring(&self, message: &DeliveryMessage, after: Duration) -> Result<(), PortError>;
}
