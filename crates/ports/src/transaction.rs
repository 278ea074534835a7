//! Typed reads and commits over [`StateStore`]: the only way that use cases touch rows.

use crate::rows::{access, catalogue, errands, exports, jobs, lanes, load, org_partition, scripts, to_row, webhooks};
use crate::{Entity, ErrandKind, Expect, PortError, Row, RowKey, RowRange, StateStore, Stored, Table, Write};
use serde::Deserialize;
use waybill_domain::{
    AccessKey, Account, AccountId, AuditEntry, ChangeWindow, Collection, CollectionName, CommitId, Delivery, Dimension,
    DimensionId, EmailClaim, EmailHome, Errand, ErrandShare, Export, ExportAlias, ExportAliasPointer, ExportId,
    ExportPointer, ExportSpec, FileId, IdempotencyRecord, Job, JobId, KeyId, KeyPointer, Lane, LogEntry, NonceUse, Org,
    OrgCode, Password, QueueEntry, RecordCount, RecordFile, RecordId, RequestBucket, Run, RunId, ScriptCounter,
    ScriptRun, ScriptValue, Seq, Sequence, Session, Shipment, SignInCount, SignatureUse, Slot, StorageHold, Ticket,
    Timestamp, Usage, Webhook, WebhookAttempt, WebhookId,
};

/// Writes that happen together or not at all.
#[derive(Clone, Debug)]
pub struct Transaction {
    commit: CommitId,
    writes: Vec<Write>,
}

impl Transaction {
    /// An empty one; `commit` becomes the version of what it writes.
    pub fn new(commit: CommitId) -> Self {
        Self { commit, writes: Vec::new() }
    }

    /// Adds an entity that must not exist yet.
    ///
    /// # Errors
    /// `Rejected` when it does not serialise; so for the others.
    pub fn insert<T: Entity>(&mut self, entity: &T) -> Result<&mut Self, PortError> {
        let row = to_row(entity, self.commit)?;
        self.writes.push(Write::Put { row, expect: Expect::Absent });
        Ok(self)
    }

    /// Replaces an entity that must be as it was read.
    ///
    /// # Errors
    /// As [`Transaction::insert`].
    pub fn update<T: Entity>(&mut self, read: CommitId, entity: &T) -> Result<&mut Self, PortError> {
        let row = to_row(entity, self.commit)?;
        self.writes.push(Write::Put { row, expect: Expect::Version(read) });
        Ok(self)
    }

    /// Inserts, or replaces what was read.
    ///
    /// # Errors
    /// As [`Transaction::insert`].
    pub fn upsert<T: Entity>(&mut self, read: Option<CommitId>, entity: &T) -> Result<&mut Self, PortError> {
        match read {
            Some(version) => self.update(version, entity),
            None => self.insert(entity),
        }
    }

    /// Removes an entity that must be as it was read.
    pub fn delete<T: Entity>(&mut self, read: &Stored<T>) -> &mut Self {
        self.writes.push(Write::Delete { key: read.value.key(), version: read.version });
        self
    }

    /// Requires that an entity is as it was read.
    pub fn check<T: Entity>(&mut self, read: &Stored<T>) -> &mut Self {
        self.writes.push(Write::Check { key: read.value.key(), expect: Expect::Version(read.version) });
        self
    }

    /// How many rows it writes or checks.
    pub fn len(&self) -> usize {
        self.writes.len()
    }

    /// Whether it writes and checks nothing.
    pub fn is_empty(&self) -> bool {
        self.writes.is_empty()
    }

    /// The commit that this will be.
    pub fn commit_id(&self) -> CommitId {
        self.commit
    }

    /// Makes the writes happen.
    ///
    /// # Errors
    /// As [`StateStore::commit`].
    pub async fn commit(&self, store: &dyn StateStore) -> Result<CommitId, PortError> {
        store.commit(self.commit, &self.writes).await?;
        Ok(self.commit)
    }
}

/// Deliveries of an export that are read at a time.
const MOST_DELIVERIES: usize = 100;

/// What some rows take of an org's storage.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StorageSum {
    /// Bytes that exist.
    pub used_bytes: u64,
    /// Bytes that are reserved.
    pub reserved_bytes: u64,
    /// Rows that cannot be read, and take nothing.
    pub unreadable: Vec<RowKey>,
}

/// A row that takes of an org's storage.
#[derive(Deserialize)]
struct Holder {
    storage: StorageHold,
}

/// Typed reads of rows; every one is strongly consistent and of one org, or of what has none.
#[derive(Clone, Copy)]
pub struct Rows<'a>(pub &'a dyn StateStore);

macro_rules! reads {
    ($($(#[$doc:meta])* $name:ident($($arg:ident: $type:ty),*) -> $entity:ty = $key:expr;)*) => {
        impl Rows<'_> {
            $(
                $(#[$doc])*
                ///
                /// # Errors
                /// As [`StateStore::get`].
                pub async fn $name(self, $($arg: $type),*) -> Result<Option<Stored<$entity>>, PortError> {
                    load(self.0, &$key).await
                }
            )*
        }
    };
}

reads! {
    /// An org.
    org(org: &OrgCode) -> Org = access::org_row_key(org);
    /// An account.
    account(org: &OrgCode, id: AccountId) -> Account = access::account_key(org, id);
    /// A dimension.
    dimension(org: &OrgCode, id: &DimensionId) -> Dimension = catalogue::dimension_key(org, id);
    /// An account's password.
    password(org: &OrgCode, account: AccountId) -> Password = access::password_key(org, account);
    /// Whose an e-mail address is; in lower case.
    email(org: &OrgCode, email: &str) -> EmailClaim = access::email_key(org, email);
    /// That the address, in lower case, is an account's of that org.
    email_home(email: &str, org: &OrgCode) -> EmailHome = access::email_home_key(email, org);
    /// A session, by the digest of its token.
    session(digest: &str) -> Session = access::session_key(digest);
    /// What is left of a key's requests.
    request_bucket(org: &OrgCode, key: KeyId) -> RequestBucket = access::bucket_key(org, key);
    /// How often somebody tried to sign in.
    sign_ins(org: &OrgCode, subject: &str) -> SignInCount = access::sign_in_key(org, subject);
    /// An access key.
    access_key(org: &OrgCode, id: KeyId) -> AccessKey = access::access_key_key(org, id);
    /// Where a credential leads ([`KeyPointer::of_digest`], [`KeyPointer::of_pair`]).
    key_pointer(credential: &str) -> KeyPointer = access::credential_key(credential);
    /// A nonce that was used.
    nonce(api_key: &str, nonce: &str) -> NonceUse = access::nonce_key(api_key, nonce);
    /// A signature that was used.
    signature(api_key: &str, signature: &str) -> SignatureUse = access::signature_key(api_key, signature);
    /// A collection.
    collection(org: &OrgCode, name: &CollectionName) -> Collection = catalogue::collection_key(org, name);
    /// A file of a record.
    file(org: &OrgCode, collection: &CollectionName, record: RecordId, property: &str, id: FileId) -> RecordFile =
        catalogue::file_key(org, collection, record, property, id);
    /// How many records a collection has.
    record_count(org: &OrgCode, collection: &CollectionName) -> RecordCount = catalogue::count_key(org, collection);
    /// An org's counter.
    sequence(org: &OrgCode) -> Sequence = lanes::sequence_key(org);
    /// An org's lane.
    lane(org: &OrgCode) -> Lane = lanes::lane_key(org);
    /// A place in a lane.
    queue_entry(org: &OrgCode, ticket: Ticket) -> QueueEntry = lanes::queue_key(org, ticket);
    /// An export by its row.
    export(org: &OrgCode, seq: Seq) -> Export = exports::export_key(org, seq);
    /// An export's frozen request.
    spec(org: &OrgCode, seq: Seq) -> ExportSpec = exports::spec_key(org, seq);
    /// Where an export's id leads.
    export_pointer(org: &OrgCode, id: ExportId) -> ExportPointer = exports::pointer_key(org, id);
    /// Where an id that a client chose leads.
    export_alias(org: &OrgCode, alias: &ExportAlias) -> ExportAliasPointer = exports::alias_key(org, alias);
    /// How many changes an org asked for.
    change_window(org: &OrgCode) -> ChangeWindow = exports::changes_key(org);
    /// A job.
    job(org: &OrgCode, id: &JobId) -> Job = jobs::job_key(org, id);
    /// What became of a slot of a job.
    slot(org: &OrgCode, job: &JobId, at: Timestamp) -> Slot = jobs::slot_key(org, job, at);
    /// A run of a job.
    run(org: &OrgCode, job: &JobId, started_at: Timestamp, id: RunId) -> Run = jobs::run_key(org, job, started_at, id);
    /// An org's share of the workers that run errands of a kind.
    errand_share(org: &OrgCode, kind: &str) -> ErrandShare = errands::share_key(org, kind);
    /// A webhook.
    webhook(org: &OrgCode, id: WebhookId) -> Webhook = webhooks::webhook_key(org, id);
    /// An org's storage.
    usage(org: &OrgCode) -> Usage = exports::usage_key(org);
    /// The script of an export.
    script_run(org: &OrgCode, export: ExportId) -> ScriptRun = scripts::run_key(org, export);
    /// A value that scripts keep.
    script_value(org: &OrgCode, key: &str) -> ScriptValue = scripts::value_key(org, key);
    /// A number that scripts count with.
    script_counter(org: &OrgCode, key: &str) -> ScriptCounter = scripts::counter_key(org, key);
    /// What a repeated request made.
    idempotency(org: &OrgCode, caller: KeyId, scope: &str) -> IdempotencyRecord = exports::idempotency_key(org, caller, scope);
}

impl Rows<'_> {
    /// The export that is first in the lane.
    ///
    /// # Errors
    /// As [`StateStore::query`].
    pub async fn queue_head(self, org: &OrgCode) -> Result<Option<Stored<QueueEntry>>, PortError> {
        Ok(self.queue(org, 1).await?.0.pop())
    }

    /// The first places of a lane, at most `limit`; whether there may be more.
    ///
    /// # Errors
    /// As [`StateStore::query`].
    pub async fn queue(self, org: &OrgCode, limit: usize) -> Result<(Vec<Stored<QueueEntry>>, bool), PortError> {
        self.page(&main_range(org_partition(org), lanes::QUEUE, None, false, limit)).await
    }

    /// Exports of an org beyond the sequence number `after`, oldest first or newest first; whether there may be more.
    ///
    /// # Errors
    /// As [`StateStore::query`].
    pub async fn exports(
        self,
        org: &OrgCode,
        after: Option<Seq>,
        descending: bool,
        limit: usize,
    ) -> Result<(Vec<Stored<Export>>, bool), PortError> {
        let after = after.map(|seq| exports::export_key(org, seq).sk);
        self.page(&main_range(org_partition(org), exports::EXPORT, after, descending, limit)).await
    }

    /// An errand of an export.
    ///
    /// # Errors
    /// As [`StateStore::get`].
    pub async fn errand<T: ErrandKind>(
        self,
        org: &OrgCode,
        export: ExportId,
        number: u16,
    ) -> Result<Option<Stored<Errand<T>>>, PortError> {
        load(self.0, &errands::errand_key::<T>(org, export, number)).await
    }

    /// The deliveries of an export, in the order of their numbers.
    ///
    /// # Errors
    /// As [`StateStore::query`].
    pub async fn deliveries(self, org: &OrgCode, export: ExportId) -> Result<Vec<Stored<Delivery>>, PortError> {
        let (prefix, mut found, mut after) = (errands::errand_prefix::<Shipment>(export), Vec::new(), None);
        loop {
            let range = main_range(org_partition(org), &prefix, after, false, MOST_DELIVERIES);
            let (page, more): (Vec<Stored<Delivery>>, bool) = self.page(&range).await?;
            after = page.last().map(|last| last.value.key().sk);
            found.extend(page);
            if !more || after.is_none() {
                return Ok(found);
            }
        }
    }

    /// Webhooks of an org beyond `after`, oldest first; whether there may be more.
    ///
    /// # Errors
    /// As [`StateStore::query`].
    pub async fn webhooks(
        self,
        org: &OrgCode,
        after: Option<WebhookId>,
        limit: usize,
    ) -> Result<(Vec<Stored<Webhook>>, bool), PortError> {
        let after = after.map(|id| webhooks::webhook_key(org, id).sk);
        self.page(&main_range(org_partition(org), webhooks::WEBHOOK, after, false, limit)).await
    }

    /// Attempts to tell a webhook something beyond the position `after`, newest first; whether there may be more.
    ///
    /// # Errors
    /// As [`StateStore::query`].
    pub async fn webhook_attempts(
        self,
        org: &OrgCode,
        webhook: WebhookId,
        after: Option<String>,
        limit: usize,
    ) -> Result<(Vec<Stored<WebhookAttempt>>, bool), PortError> {
        self.page(&main_range(org_partition(org), &webhooks::attempt_prefix(webhook), after, true, limit)).await
    }

    /// The row of an export, unread: for one that cannot be.
    ///
    /// # Errors
    /// As [`StateStore::get`].
    pub async fn export_row(self, org: &OrgCode, seq: Seq) -> Result<Option<Row>, PortError> {
        self.0.get(&exports::export_key(org, seq)).await
    }

    /// What a page of an org's exports and files, in the order of their rows, takes of its storage, and where the next page begins:
    /// `None` after the last.
    ///
    /// # Errors
    /// As [`StateStore::query`].
    pub async fn held_storage(
        self,
        org: &OrgCode,
        after: Option<&str>,
        limit: usize,
    ) -> Result<(StorageSum, Option<String>), PortError> {
        let after = after.unwrap_or(exports::EXPORT);
        let prefix = if after.starts_with(exports::EXPORT) { exports::EXPORT } else { catalogue::FILE };
        let beyond = (after != prefix).then(|| after.to_owned());
        let page = self.0.query(&main_range(org_partition(org), prefix, beyond, false, limit)).await?;
        let mut sum = StorageSum::default();
        for row in &page.rows {
            match serde_json::from_str(&row.body) {
                Ok(Holder { storage: StorageHold::Held { bytes } }) => sum.used_bytes += bytes,
                Ok(Holder { storage: StorageHold::Reserved { bytes } }) => sum.reserved_bytes += bytes,
                Ok(Holder { storage: StorageHold::None | StorageHold::Released }) => {}
                Err(_) => sum.unreadable.push(row.key.clone()),
            }
        }
        let next = match page.rows.last() {
            Some(last) if page.more => Some(last.key.sk.clone()),
            _ if prefix == exports::EXPORT => Some(catalogue::FILE.to_owned()),
            _ => None,
        };
        Ok((sum, next))
    }

    /// The frozen requests of several exports, in their order.
    ///
    /// # Errors
    /// As [`StateStore::get_many`].
    pub async fn specs(self, org: &OrgCode, seqs: &[Seq]) -> Result<Vec<Option<Stored<ExportSpec>>>, PortError> {
        let keys: Vec<RowKey> = seqs.iter().map(|seq| exports::spec_key(org, *seq)).collect();
        let rows = self.0.get_many(&keys).await?;
        rows.iter().map(|row| row.as_ref().map(Stored::parse).transpose()).collect()
    }

    /// Collections of an org beyond the name `after`, by name.
    ///
    /// # Errors
    /// As [`StateStore::query`].
    pub async fn collections(
        self,
        org: &OrgCode,
        after: Option<&CollectionName>,
        limit: usize,
    ) -> Result<(Vec<Stored<Collection>>, bool), PortError> {
        let after = after.map(|name| catalogue::collection_key(org, name).sk);
        self.page(&main_range(org_partition(org), catalogue::COLLECTION, after, false, limit)).await
    }

    /// Files of a collection, or of one of its records, beyond `after`, those that are to be removed included.
    ///
    /// # Errors
    /// As [`StateStore::query`].
    pub async fn files(
        self,
        org: &OrgCode,
        (collection, record): (&CollectionName, Option<RecordId>),
        after: Option<&RecordFile>,
        limit: usize,
    ) -> Result<(Vec<Stored<RecordFile>>, bool), PortError> {
        let prefix = catalogue::file_prefix(collection, record);
        self.page(&main_range(org_partition(org), &prefix, after.map(|file| file.key().sk), false, limit)).await
    }

    /// Access keys of an org beyond the id `after`, oldest first.
    ///
    /// # Errors
    /// As [`StateStore::query`].
    pub async fn access_keys(
        self,
        org: &OrgCode,
        after: Option<KeyId>,
        limit: usize,
    ) -> Result<(Vec<Stored<AccessKey>>, bool), PortError> {
        let after = after.map(|id| access::access_key_key(org, id).sk);
        self.page(&main_range(org_partition(org), access::KEY, after, false, limit)).await
    }

    /// Jobs of an org beyond the id `after`, by id.
    ///
    /// # Errors
    /// As [`StateStore::query`].
    pub async fn jobs(
        self,
        org: &OrgCode,
        after: Option<&JobId>,
        limit: usize,
    ) -> Result<(Vec<Stored<Job>>, bool), PortError> {
        let after = after.map(|id| jobs::job_key(org, id).sk);
        self.page(&main_range(org_partition(org), jobs::JOB, after, false, limit)).await
    }

    /// Dimensions by id, beyond `after`.
    ///
    /// # Errors
    /// As [`StateStore::query`].
    pub async fn dimensions(
        self,
        org: &OrgCode,
        after: Option<&DimensionId>,
        limit: usize,
    ) -> Result<(Vec<Stored<Dimension>>, bool), PortError> {
        let after = after.map(|id| catalogue::dimension_key(org, id).sk);
        self.page(&main_range(org_partition(org), catalogue::DIMENSION, after, false, limit)).await
    }

    /// Orgs that have an account with that address, in lower case.
    ///
    /// # Errors
    /// As [`StateStore::query`].
    pub async fn email_homes(self, email: &str, limit: usize) -> Result<(Vec<Stored<EmailHome>>, bool), PortError> {
        self.page(&main_range(access::email_homes(email), "ORG#", None, false, limit)).await
    }

    /// Runs of a job, the last begun first, before `before`.
    ///
    /// # Errors
    /// As [`StateStore::query`].
    pub async fn runs(
        self,
        (org, job): (&OrgCode, &JobId),
        before: Option<(Timestamp, RunId)>,
        limit: usize,
    ) -> Result<(Vec<Stored<Run>>, bool), PortError> {
        let before = before.map(|(at, id)| jobs::run_key(org, job, at, id).sk);
        self.page(&main_range(org_partition(org), &jobs::run_prefix(job), before, true, limit)).await
    }

    /// Slots of a job that were decided, the last first, before `before`.
    ///
    /// # Errors
    /// As [`StateStore::query`].
    pub async fn slots(
        self,
        (org, job): (&OrgCode, &JobId),
        before: Option<Timestamp>,
        limit: usize,
    ) -> Result<(Vec<Stored<Slot>>, bool), PortError> {
        let before = before.map(|at| jobs::slot_key(org, job, at).sk);
        self.page(&main_range(org_partition(org), &jobs::slot_prefix(job), before, true, limit)).await
    }

    /// Accounts of an org beyond the id `after`, oldest first.
    ///
    /// # Errors
    /// As [`StateStore::query`].
    pub async fn accounts(
        self,
        org: &OrgCode,
        after: Option<AccountId>,
        limit: usize,
    ) -> Result<(Vec<Stored<Account>>, bool), PortError> {
        let after = after.map(|id| access::account_key(org, id).sk);
        self.page(&main_range(org_partition(org), access::ACCOUNT, after, false, limit)).await
    }

    /// Orgs beyond the code `after`, by code.
    ///
    /// # Errors
    /// As [`StateStore::query`].
    pub async fn orgs(self, after: Option<&OrgCode>, limit: usize) -> Result<(Vec<Stored<Org>>, bool), PortError> {
        let after = after.map(ToString::to_string);
        self.page(&main_range(access::ORGS.to_owned(), "", after, false, limit)).await
    }

    /// An org's audit trail, newest first, beyond the sort key `after` of an earlier page's last entry.
    ///
    /// # Errors
    /// As [`StateStore::query`].
    pub async fn audit(
        self,
        org: &OrgCode,
        after: Option<String>,
        limit: usize,
    ) -> Result<(Vec<Stored<AuditEntry>>, bool), PortError> {
        let range = RowRange { table: Table::Audit, ..main_range(org_partition(org), "", after, true, limit) };
        self.page(&range).await
    }

    /// The scripts of several exports, in their order.
    ///
    /// # Errors
    /// As [`StateStore::get_many`].
    pub async fn script_runs(
        self,
        org: &OrgCode,
        exports: &[ExportId],
    ) -> Result<Vec<Option<Stored<ScriptRun>>>, PortError> {
        let keys: Vec<RowKey> = exports.iter().map(|export| scripts::run_key(org, *export)).collect();
        let rows = self.0.get_many(&keys).await?;
        rows.iter().map(|row| row.as_ref().map(Stored::parse).transpose()).collect()
    }

    /// An org's log, newest first or oldest first, beyond the sort key `after` of an earlier page's last line.
    ///
    /// # Errors
    /// As [`StateStore::query`].
    pub async fn logs(
        self,
        org: &OrgCode,
        after: Option<String>,
        descending: bool,
        limit: usize,
    ) -> Result<(Vec<Stored<LogEntry>>, bool), PortError> {
        self.page(&script_range(org, scripts::LOG, after, descending, limit)).await
    }

    /// Values that an org's scripts keep, beyond the sort key `after`, by key.
    ///
    /// # Errors
    /// As [`StateStore::query`].
    pub async fn script_values(
        self,
        org: &OrgCode,
        after: Option<String>,
        limit: usize,
    ) -> Result<(Vec<Stored<ScriptValue>>, bool), PortError> {
        self.page(&script_range(org, scripts::VALUE, after, false, limit)).await
    }

    /// Numbers that an org's scripts count with, beyond the sort key `after`, by key.
    ///
    /// # Errors
    /// As [`StateStore::query`].
    pub async fn script_counters(
        self,
        org: &OrgCode,
        after: Option<String>,
        limit: usize,
    ) -> Result<(Vec<Stored<ScriptCounter>>, bool), PortError> {
        self.page(&script_range(org, scripts::COUNTER, after, false, limit)).await
    }

    async fn page<T: Entity>(self, range: &RowRange) -> Result<(Vec<Stored<T>>, bool), PortError> {
        let page = self.0.query(range).await?;
        let rows = page.rows.iter().map(Stored::parse).collect::<Result<_, _>>()?;
        Ok((rows, page.more))
    }
}

fn script_range(org: &OrgCode, prefix: &str, after: Option<String>, descending: bool, limit: usize) -> RowRange {
    RowRange { table: Table::Scripts, ..main_range(org_partition(org), prefix, after, descending, limit) }
}

fn main_range(pk: String, prefix: &str, after: Option<String>, descending: bool, limit: usize) -> RowRange {
    RowRange { table: Table::Main, pk, prefix: prefix.to_owned(), after, descending, limit }
}
