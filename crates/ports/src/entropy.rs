//! Randomness.

use waybill_domain::{
    AccountId, CommitId, ExportId, JobId, KeyId, LogId, RecordId, RunId, Timestamp, WebhookId, WorkerId,
};

/// Where randomness comes from: the operating system in production, a seed in the simulator.
pub trait Entropy: Send + Sync {
    /// Fills `buffer` with random bytes, good enough for secrets in production.
    fn fill(&self, buffer: &mut [u8]);

    /// Eight random bytes.
    fn eight(&self) -> [u8; 8] {
        let mut bytes = [0; 8];
        self.fill(&mut bytes);
        bytes
    }

    /// A random number.
    fn number(&self) -> u64 {
        u64::from_le_bytes(self.eight())
    }

    /// A random number in `0..bound`, nearly uniform; 0 when `bound` is 0.
    fn below(&self, bound: u64) -> u64 {
        self.number().checked_rem(bound).unwrap_or(0)
    }

    /// A new export's id.
    fn export_id(&self, now: Timestamp) -> ExportId {
        ExportId::new(now, self.eight())
    }

    /// A new job's id.
    fn job_id(&self, now: Timestamp) -> JobId {
        JobId::new(now, self.eight())
    }

    /// The id of a run that ran elsewhere.
    fn run_id(&self, now: Timestamp) -> RunId {
        RunId::new(now, self.eight())
    }

    /// A new account's id.
    fn account_id(&self, now: Timestamp) -> AccountId {
        AccountId::new(now, self.eight())
    }

    /// A new key's id.
    fn key_id(&self, now: Timestamp) -> KeyId {
        KeyId::new(now, self.eight())
    }

    /// A new record's id.
    fn record_id(&self, now: Timestamp) -> RecordId {
        RecordId::new(now, self.eight())
    }

    /// A new line's id.
    fn log_id(&self, now: Timestamp) -> LogId {
        LogId::new(now, self.eight())
    }

    /// A new webhook's id.
    fn webhook_id(&self, now: Timestamp) -> WebhookId {
        WebhookId::new(now, self.eight())
    }

    /// A worker invocation.
    fn worker_id(&self) -> WorkerId {
        WorkerId(self.number())
    }

    /// A commit.
    fn commit_id(&self) -> CommitId {
        let mut bytes = [0; 16];
        self.fill(&mut bytes);
        CommitId(u128::from_le_bytes(bytes))
    }
}
