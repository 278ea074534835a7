//! Runs on the wire.

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use waybill_app::RecordRun;
use waybill_domain::{Run, RunStatus, Timestamp};
use waybill_http::{Members, Problem};

/// Longest path and error of a run, in characters.
const TEXT_CHARS: usize = 2000;
const STATUSES: [(&str, RunStatus); 3] =
    [("running", RunStatus::Running), ("success", RunStatus::Success), ("failed", RunStatus::Failed)];

/// One run of a job.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Run)]
pub(crate) struct RunWire {
    /// Its id; of a run that an export is, the export's.
    id: String,
    /// The job.
    job_id: String,
    /// `running`, `success` or `failed`.
    status: &'static str,
    /// When it began.
    #[schema(format = DateTime)]
    started_at: String,
    /// When it ended; `null` while it runs.
    #[schema(required, format = DateTime)]
    completed_at: Option<String>,
    /// Records of what was delivered, or made where nothing is; 0 of a run that failed and is nowhere, `null` until something has arrived.
    #[schema(required)]
    record_count: Option<u64>,
    /// Bytes delivered, compressed ones where the job compresses.
    #[schema(required)]
    file_size: Option<u64>,
    /// Where they are.
    #[schema(required)]
    destination_path: Option<String>,
    /// Why it failed; while it runs, why the last attempt to deliver did and when the next one is due.
    #[schema(required)]
    error: Option<String>,
}

impl From<Run> for RunWire {
    fn from(run: Run) -> Self {
        let time = |time: Timestamp| time.to_string();
        Self {
            id: run.id.to_string(),
            job_id: run.job.into(),
            status: match run.status {
                RunStatus::Running => "running",
                RunStatus::Success => "success",
                RunStatus::Failed => "failed",
            },
            started_at: time(run.started_at),
            completed_at: run.completed_at.map(time),
            record_count: run.record_count,
            file_size: run.file_size,
            destination_path: run.destination_path,
            error: run.error,
        }
    }
}

/// What an outside runner says of a run of its own.
#[derive(Debug, ToSchema)]
#[schema(as = RecordRun, rename_all = "camelCase")]
pub(crate) struct RunBody {
    /// `running`, `success` or `failed`.
    #[schema(value_type = String)]
    status: RunStatus,
    /// When it began; absent = now.
    #[schema(value_type = Option<String>, format = DateTime)]
    started_at: Option<Timestamp>,
    /// When it ended; absent = now, once it has.
    #[schema(value_type = Option<String>, format = DateTime)]
    completed_at: Option<Timestamp>,
    /// Records.
    record_count: Option<u64>,
    /// Bytes delivered.
    file_size: Option<u64>,
    /// Where they are.
    destination_path: Option<String>,
    /// Why it failed.
    error: Option<String>,
}

impl RunBody {
    /// Reads a body.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub(crate) fn read(body: &Value) -> Result<Self, Vec<Problem>> {
        let mut members = Members::of(body, "").map_err(|problem| vec![problem])?;
        let status = members.word("status", &STATUSES);
        let status = members.require("status", status);
        let started_at = members.parsed("startedAt", "an RFC 3339 date and time");
        let completed_at = members.parsed("completedAt", "an RFC 3339 date and time");
        let (record_count, file_size) = (members.whole("recordCount"), members.whole("fileSize"));
        let destination_path = members.text("destinationPath", TEXT_CHARS).map(str::to_owned);
        let error = members.text("error", TEXT_CHARS).map(str::to_owned);
        let problems = members.finish();
        match status {
            Some(status) if problems.is_empty() => {
                Ok(Self { status, started_at, completed_at, record_count, file_size, destination_path, error })
            }
            _ => Err(problems),
        }
    }

    /// The command.
    pub(crate) fn command(self) -> RecordRun {
        let Self { status, started_at, completed_at, record_count, file_size, destination_path, error } = self;
        RecordRun { status, started_at, completed_at, record_count, file_size, destination_path, error }
    }
}
