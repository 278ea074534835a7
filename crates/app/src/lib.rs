//! The use cases of Waybill, one verb phrase a file.
//!
//! They decide; ports do. Nothing here knows a technology, a wire format, the time or a random number except through a
//! port. Every change of state is read → transition of the domain → commit conditional on what was read.

mod account_records;
mod admit_exports;
mod advance_delivery;
mod advance_lane;
mod announce_file;
mod arrange_documents;
mod authenticate;
mod begin_series;
mod cancel_export;
mod context;
mod continue_series;
mod create_export;
mod data_request;
mod date_range;
mod delete_export;
mod download_export;
mod download_file;
mod due_rows;
mod end_export;
mod error;
mod expand_references;
mod export_within;
mod freeze_everything;
mod freeze_pipeline;
mod freeze_scope;
mod idempotency;
mod job_destinations;
mod job_schedule;
mod job_template;
mod keep_count;
mod lane_places;
mod limit_changes;
mod limit_records;
mod limit_requests;
mod load_records;
mod look_at_file;
mod look_at_script;
mod make_export;
mod manage_accounts;
mod manage_collections;
mod manage_dimensions;
mod manage_jobs;
mod manage_keys;
mod manage_orgs;
mod manage_webhooks;
mod page;
mod passwords;
mod preview_schedule;
mod probe_destination;
mod query_records;
mod queue_deliveries;
mod queue_script;
mod queue_signals;
mod read_audit;
mod read_export;
mod read_logs;
mod read_records;
mod read_requester;
mod read_runs;
mod read_usage;
mod recount_usage;
mod redeliver;
mod remove_files;
mod replace_export;
mod retry;
mod retry_export;
mod run_errand;
mod run_job;
mod run_script;
mod script_log;
mod send_signal;
mod settle_export;
mod settle_run;
mod sign_in;
mod sign_in_for_token;
mod sweep;
mod tick_schedules;
mod update_export;
mod web_tokens;
mod window_exports;

pub use admit_exports::{Admitted, Admitting, admit_exports};
pub use advance_delivery::{Delivering, DeliverySettings, advance_delivery};
pub use advance_lane::{Exporting, FileSettings, SortSettings, StepSettings, Verdict, advance_lane};
pub use announce_file::{AnnounceFile, AnnouncedFile, MAX_FILE_BYTES, announce_file};
pub use arrange_documents::{Arranged, Arrangement, arrange_documents};
pub use authenticate::{OperatorKey, act_as, authenticate_key, authenticate_signature};
pub use begin_series::RecurringRequest;
pub use cancel_export::cancel_export;
pub use context::Context;
pub use create_export::{CreateExport, ExportView, FilterRequest, create_export, create_export_within};
pub use date_range::DateRangeRequest;
pub use delete_export::delete_export;
pub use download_export::{download_export, link_exports};
pub use download_file::{FileBytes, FileOfRecord, download_file};
pub use error::{Error, FieldError};
pub use idempotency::IdempotentRequest;
pub use job_destinations::{DestinationRequest, MAX_DESTINATIONS, seal_for_export};
pub use lane_places::{MAX_PLACES, lane_places};
pub use limit_changes::{ChangeAllowance, allow_change};
pub use limit_requests::RequestLimiter;
pub use load_records::{LoadedRecords, MAX_REJECTED, RejectedLine, assert_scope, load_records};
pub use manage_accounts::{
    ChangeAccount, CreateAccount, change_account, create_account, delete_account, list_accounts, own_account,
    read_account,
};
pub use manage_collections::{
    PutCollection, delete_collection, list_collections, put_collection, put_collection_of_org, read_collection,
};
pub use manage_dimensions::{PutDimension, delete_dimension, list_dimensions, put_dimension, read_dimension};
pub use manage_jobs::{PutJob, amend_job, create_job, delete_job, list_jobs, pause_job, put_job, read_job, resume_job};
pub use manage_keys::{CreateKey, CreatedKey, create_key, list_keys, revoke_key};
pub use manage_orgs::{
    ChangeOrg, CreateOrg, CreatedOrg, QuotaChange, WaitingChange, change_org, create_org, list_orgs,
};
pub use manage_webhooks::{
    ChangeWebhook, CreateWebhook, CreatedWebhook, change_webhook, create_webhook, delete_webhook, list_attempts,
    list_webhooks, read_webhook,
};
pub use page::Page;
pub use passwords::{CostError, PASSWORD_MAX_BYTES, Passwords};
pub use preview_schedule::{PREVIEWED_INSTANTS, PreviewSchedule, ScheduleText, preview_schedule};
pub use probe_destination::{ProbeOutcome, probe_destination};
pub use query_records::{
    Effort, Found, Gathered, Gathering, MAX_WITH_LISTS, ObjectForm, ObjectQuery, PreparedQuery, count_records,
    list_of_record, named_collection, query_records, read_one_record, render_objects, sight,
};
pub use read_audit::list_audit;
pub use read_export::{ExportPage, list_exports, read_export};
pub use read_logs::{LogFilter, list_logs};
pub use read_records::{RecordsCursor, RecordsPage, delete_record, delete_records, list_records, read_record};
pub use read_requester::{Requester, read_requester, requester_of};
pub use read_runs::{RecordRun, list_runs, list_slots, record_run};
pub use read_usage::{UsageView, read_usage};
pub use redeliver::{deliveries_of, list_deliveries, redeliver};
pub use replace_export::{export_of_alias, replace_export};
pub use retry_export::{RetryExport, retry_export};
pub use run_job::run_job;
pub use run_script::{RenderScript, ScriptRunning, run_script};
pub use send_signal::{Letter, SignalFacts, SignalWords, Signaling, send_signal};
pub use sign_in::{
    SessionCaller, SessionProof, SignIn, SignedIn, authenticate_password, authenticate_session, sign_in, sign_out,
};
pub use sign_in_for_token::{SignInForToken, TokenSession, authenticate_bearer, refresh_token, sign_in_for_token};
pub use sweep::{Sweeping, Swept, sweep};
pub use tick_schedules::{Ticked, tick_schedules};
pub use update_export::{UpdateExport, update_export};
/// The roles that the use cases need filled, for those who fill them or pass them on.
pub use waybill_ports as ports;
/// The orders that commands ask for.
pub use waybill_query::SortOrder;
/// The paths that commands are made of.
pub use waybill_record::{Path, PathError, PropertyType};
pub use web_tokens::{authenticate_token, parse_public_key};
pub use window_exports::{ExportWindow, window_exports_as_created, with_requests};
