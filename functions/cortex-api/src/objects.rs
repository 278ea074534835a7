//! The kinds of objects that this surface shows, and how each is found: exports, accounts, the log, and the records of collections.

use crate::fault::{Fault, Kind};
use crate::routes::Call;
use crate::wire::definition;
use crate::wire::export::ExportObject;
use crate::wire::log::LogObject;
use crate::wire::object::CortexForm;
use bytes::Bytes;
use serde_json::Value;
use std::time::Duration;
use waybill_app::{
    Effort, Error, ExportView, ExportWindow, FileBytes, FileOfRecord, LogFilter, MAX_WITH_LISTS, ObjectQuery,
    PreparedQuery, count_records, download_file, list_exports, list_logs, list_of_record, named_collection,
    query_records, read_export, read_one_record, render_objects, window_exports_as_created, with_requests,
};
use waybill_domain::{Collection, Export, ExportId, IdError, RecordId, Seq, Surface};

/// Exports that are read at once while looking for those of a list.
const SCAN_PAGE: usize = 200;

/// Objects of one kind.
#[derive(Debug)]
pub(crate) struct Objects {
    /// What they are made of.
    pub(crate) collection: Collection,
    /// Where they are.
    kind: ObjectsKind,
}

/// Where objects are found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ObjectsKind {
    Exports,
    Logs,
    Records,
}

/// Objects that were found, to be shown piece by piece.
#[derive(Debug)]
pub(crate) struct Listing {
    query: PreparedQuery,
    found: Found,
    /// Whether there are more.
    pub(crate) more: bool,
    /// Why it ends before its time.
    pub(crate) cut: Option<Fault>,
    /// Where it is, below org and version, where it is a list of a record.
    pub(crate) path: Option<String>,
}

#[derive(Debug)]
enum Found {
    /// Exports whose requests are yet to be read.
    Exports(Vec<Export>),
    /// Objects as JSON.
    Texts(Vec<Bytes>),
}

impl Objects {
    /// Those called `name`, in either number.
    ///
    /// # Errors
    /// `kInvalidObject` when there are none.
    pub(crate) async fn named(call: &Call<'_>, name: &str) -> Result<Self, Fault> {
        let org = &call.principal.org;
        match name.to_ascii_lowercase().as_str() {
            "export" | "exports" => return Self::exports(call),
            "log" | "logs" => return Self::built_in(definition::logs(org), ObjectsKind::Logs),
            _ => {}
        }
        let collection = named_collection(call.context, org, name).await.map_err(|error| match error {
            Error::UnknownCollection { name } => {
                Fault::new(Kind::InvalidObject).because(format!("object `{name}` does not exist")).at(name)
            }
            error => error.into(),
        })?;
        Ok(Self { collection, kind: ObjectsKind::Records })
    }

    /// Exports.
    ///
    /// # Errors
    /// None that a caller can cause.
    pub(crate) fn exports(call: &Call<'_>) -> Result<Self, Fault> {
        Self::built_in(definition::exports(&call.principal.org), ObjectsKind::Exports)
    }

    fn built_in(definition: Result<Collection, waybill_domain::IdError>, kind: ObjectsKind) -> Result<Self, Fault> {
        let collection = definition.map_err(|error| {
            tracing::error!(%error, "a definition of ours has a name that is none");
            Fault::new(Kind::Error)
        })?;
        Ok(Self { collection, kind })
    }

    /// Whether they are exports.
    pub(crate) fn are_exports(&self) -> bool {
        self.kind == ObjectsKind::Exports
    }

    /// The names of their lists.
    pub(crate) fn lists(&self) -> Vec<&str> {
        self.collection.lists().map(|list| list.property.name.as_str()).collect()
    }

    async fn prepare(&self, call: &Call<'_>, query: &ObjectQuery) -> Result<PreparedQuery, Fault> {
        let prepared = PreparedQuery::new(call.context, self.collection.clone(), query).await;
        prepared.map_err(argument)
    }

    /// Finds those that are asked for.
    ///
    /// # Errors
    /// Faults of the arguments, and of what is read. Once something was found, what goes wrong is in [`Listing::cut`].
    pub(crate) async fn list(&self, call: &Call<'_>, arguments: &ObjectQuery) -> Result<Listing, Fault> {
        let query = self.prepare(call, arguments).await?;
        if query.has_lists() && arguments.limit > MAX_WITH_LISTS {
            let reason = format!("must be at most {MAX_WITH_LISTS} where lists come along");
            return Err(Fault::new(Kind::InvalidArgument).because(reason).at("limit"));
        }
        if self.kind == ObjectsKind::Records {
            return listing(call, query).await;
        }
        if self.are_exports()
            && let Some(newest_first) = as_created(arguments)
        {
            let window = ExportWindow {
                after: arguments.after.map(export_id).transpose()?,
                before: arguments.before.map(export_id).transpose()?,
                skip: arguments.skip,
                limit: arguments.limit,
            };
            let surface = Some(Surface::Cortex);
            let exports = window_exports_as_created(call.context, &call.principal, surface, window, newest_first);
            let (exports, more) = exports.await?;
            return Ok(Listing { query, found: Found::Exports(exports), more, cut: None, path: None });
        }
        let mut gathering = query.gathering();
        let mut scan = Scan::new(call, self.kind);
        let mut cut = None;
        while !gathering.is_full() {
            match scan.page(call).await {
                Ok(None) => break,
                Ok(Some(texts)) => {
                    for text in texts {
                        // Objects of our own making are JSON.
                        let _ = gathering.offer(&text)?;
                    }
                }
                Err(fault) if arguments.pipeline.is_some() => return Err(fault),
                Err(fault) => {
                    cut = Some(fault);
                    break;
                }
            }
        }
        let found = gathering.finish().map_err(argument)?;
        Ok(Listing { query, found: Found::Texts(found.texts), more: found.more, cut, path: None })
    }

    /// Finds those records of one list of a record that are asked for.
    ///
    /// # Errors
    /// `kNotFound` for the record and for the list; as [`Objects::list`].
    pub(crate) async fn list_of(
        &self,
        call: &Call<'_>,
        (id, list): (&str, &str),
        arguments: &ObjectQuery,
    ) -> Result<Listing, Fault> {
        let id = self.record_id(id)?;
        let place = (id, list);
        let query =
            list_of_record(call.context, &*call.deps.records, &call.principal, &self.collection, place, arguments);
        let query = query.await.map_err(|error| self.absent(&id.to_string(), list, error))?;
        Ok(Listing { path: Some(format!("/{}/{id}/{list}", self.collection.name)), ..listing(call, query).await? })
    }

    /// The bytes of a file of a record, or that they are awaited.
    ///
    /// # Errors
    /// `kNotFound` for the record, the property and the file.
    pub(crate) async fn file(
        &self,
        call: &Call<'_>,
        id: &str,
        property: &str,
        file: Option<&str>,
    ) -> Result<FileBytes, Fault> {
        let record = self.record_id(id)?;
        let not_found = |name: &str| Error::NotFound { kind: "file", id: name.to_owned() };
        let file = file.map(|file| file.parse().map_err(|_| self.absent(id, property, not_found(file)))).transpose()?;
        let (records, archives) = (&*call.deps.records, &*call.deps.archives);
        let wanted = FileOfRecord { record, property: property.to_owned(), file };
        let bytes = download_file(call.context, records, archives, &call.principal, &self.collection, &wanted);
        bytes.await.map_err(|error| self.absent(id, property, error))
    }

    /// The id of a record.
    fn record_id(&self, id: &str) -> Result<RecordId, Fault> {
        let place = format!("{}._id", self.collection.singular);
        id.parse().map_err(|error: IdError| Fault::new(Kind::InvalidArgument).because(error.to_string()).at(place))
    }

    /// What it means that a record, or what is asked of it, could not be read.
    fn absent(&self, id: &str, property: &str, error: Error) -> Fault {
        let singular = &self.collection.singular;
        match error {
            Error::NotFound { kind: "record", .. } => {
                let reason = format!("{singular} `{id}` does not exist");
                Fault::new(Kind::NotFound).because(reason).at(format!("{singular}._id"))
            }
            error @ Error::NotFound { .. } => {
                Fault::new(Kind::NotFound).because(error.to_string()).at(format!("{singular}.{property}"))
            }
            error => source(error),
        }
    }

    /// How many meet a condition.
    ///
    /// # Errors
    /// As [`Objects::list`]; `kRequestTooLarge` when it takes more than one request may read.
    pub(crate) async fn count(&self, call: &Call<'_>, query: &ObjectQuery) -> Result<u64, Fault> {
        let query = self.prepare(call, query).await?;
        if self.kind == ObjectsKind::Records {
            let records = &*call.deps.records;
            return count_records(call.context, records, &call.principal, &query, Effort::default())
                .await
                .map_err(source);
        }
        let (mut scan, mut count) = (Scan::new(call, self.kind), 0);
        while let Some(texts) = scan.page(call).await? {
            count += texts.iter().map(|text| u64::from(query.is_met(text))).sum::<u64>();
        }
        Ok(count)
    }

    /// The one with this id, with the parts that are asked for.
    ///
    /// # Errors
    /// `kNotFound`, and faults of the arguments.
    pub(crate) async fn read(&self, call: &Call<'_>, id: &str, parts: &ObjectQuery) -> Result<Value, Fault> {
        let path = format!("{}._id", self.collection.singular);
        let wrong = |reason: String| Fault::new(Kind::InvalidArgument).because(reason).at(path);
        let id = if id == "me" && self.collection.source == waybill_domain::Source::Accounts {
            call.principal.account.to_string()
        } else {
            id.to_owned()
        };
        let text = if self.kind == ObjectsKind::Logs {
            self.read_log(call, &id).await?
        } else if self.are_exports() {
            let id = id.parse::<ExportId>().map_err(|error| wrong(error.to_string()))?;
            let view = read_export(call.context, &call.principal, Some(Surface::Cortex), id).await?;
            export_text(call, &view)?
        } else {
            let record = self.record_id(&id)?;
            let records = &*call.deps.records;
            let found = read_one_record(call.context, records, &call.principal, &self.collection, record).await;
            found.map_err(|error| self.absent(&record.to_string(), "_id", error))?
        };
        let query = self.prepare(call, parts).await?;
        let listing = Listing { query, found: Found::Texts(vec![text]), more: false, cut: None, path: None };
        listing.objects(call, 0..1).await?.pop().ok_or_else(|| Fault::new(Kind::NotFound))
    }

    /// The line of the log with this id.
    async fn read_log(&self, call: &Call<'_>, id: &str) -> Result<Bytes, Fault> {
        let id: waybill_domain::RecordId = id.parse().map_err(|error: waybill_domain::IdError| {
            Fault::new(Kind::InvalidArgument).because(error.to_string()).at("log._id")
        })?;
        let condition = Some(serde_json::json!({"_id": id.to_string()}));
        let query = ObjectQuery { condition, limit: 1, ..ObjectQuery::default() };
        let listing = self.list(call, &query).await?;
        match (listing.found, listing.cut) {
            (Found::Texts(texts), cut) => {
                let absent = || Fault::new(Kind::NotFound).because(format!("log `{id}` does not exist")).at("log._id");
                texts.into_iter().next().ok_or_else(|| cut.unwrap_or_else(absent))
            }
            (Found::Exports(_), _) => Err(Fault::new(Kind::Error)),
        }
    }
}

impl Listing {
    /// How many were found.
    pub(crate) fn len(&self) -> usize {
        match &self.found {
            Found::Exports(exports) => exports.len(),
            Found::Texts(texts) => texts.len(),
        }
    }

    /// Some of them as they are shown.
    ///
    /// # Errors
    /// Faults of what is read for them.
    pub(crate) async fn objects(&self, call: &Call<'_>, range: std::ops::Range<usize>) -> Result<Vec<Value>, Fault> {
        let loaded;
        let texts = match &self.found {
            Found::Texts(texts) => texts.get(range).unwrap_or_default(),
            Found::Exports(exports) => {
                let exports = exports.get(range).unwrap_or_default().to_vec();
                let views = with_requests(call.context, &call.principal, exports).await?;
                loaded = views.iter().map(|view| export_text(call, view)).collect::<Result<Vec<_>, _>>()?;
                &loaded
            }
        };
        if self.query.gives_rows() {
            return texts.iter().map(row).collect();
        }
        let records = &*call.deps.records;
        Ok(render_objects(call.context, records, &call.principal, &self.query, texts, &CortexForm).await?)
    }
}

/// The records that a query finds.
async fn listing(call: &Call<'_>, query: PreparedQuery) -> Result<Listing, Fault> {
    let found = query_records(call.context, &*call.deps.records, &call.principal, &query, Effort::default());
    let found = found.await.map_err(source)?;
    let (texts, more) = (found.gathered.texts, found.gathered.more);
    Ok(Listing { query, found: Found::Texts(texts), more, cut: found.cut.map(Fault::from), path: None })
}

/// A row of a pipeline.
fn row(text: &Bytes) -> Result<Value, Fault> {
    serde_json::from_slice(text).map_err(|error| {
        tracing::error!(%error, "a row of a pipeline is no JSON");
        Fault::new(Kind::Error)
    })
}

/// Reads all exports of the surface, or the whole log, page by page.
struct Scan {
    kind: ObjectsKind,
    exports: Option<Seq>,
    logs: Option<String>,
    done: bool,
    until: Duration,
}

impl Scan {
    fn new(call: &Call<'_>, kind: ObjectsKind) -> Self {
        let until = call.context.clock.monotonic() + Effort::default().time;
        Self { kind, exports: None, logs: None, done: false, until }
    }

    /// The next page, as JSON; `None` after the last.
    async fn page(&mut self, call: &Call<'_>) -> Result<Option<Vec<Bytes>>, Fault> {
        if self.done {
            return Ok(None);
        }
        if call.context.clock.monotonic() > self.until {
            let reason = "there is too much to look through in one request; take exports in the order of `created`, and the \
                          log in its own";
            return Err(Fault::new(Kind::RequestTooLarge).because(reason));
        }
        if self.kind == ObjectsKind::Logs {
            let after = self.logs.take();
            let page = list_logs(call.context, &call.principal, LogFilter::default(), after, SCAN_PAGE).await?;
            (self.logs, self.done) = (page.next.clone(), page.next.is_none());
            return page
                .items
                .iter()
                .map(|line| Ok(LogObject::new(line).to_value()?.to_string().into()))
                .collect::<Result<_, Fault>>()
                .map(Some);
        }
        let surface = Some(Surface::Cortex);
        let page = list_exports(call.context, &call.principal, surface, self.exports, false, SCAN_PAGE).await?;
        (self.exports, self.done) = (page.next, page.next.is_none());
        page.items.iter().map(|view| export_text(call, view)).collect::<Result<_, _>>().map(Some)
    }
}

fn export_text(call: &Call<'_>, view: &ExportView) -> Result<Bytes, Fault> {
    Ok(ExportObject::new(view, &call.principal).to_value()?.to_string().into())
}

/// Whether a list is one of all exports as they were made, the newest first (`true`) or last; `None` for other lists.
fn as_created(query: &ObjectQuery) -> Option<bool> {
    if query.condition.is_some() || query.pipeline.is_some() {
        return None;
    }
    let Some(sort) = &query.sort else {
        let between = query.after.is_some() && query.before.is_some();
        return Some(query.before.is_some() && !between);
    };
    match sort.terms() {
        // No two exports of an org have the same time.
        [only] if only.path.to_string() == "created" && query.after.is_none() && query.before.is_none() => {
            Some(only.descending)
        }
        _ => None,
    }
}

fn export_id(id: waybill_domain::RecordId) -> Result<ExportId, Fault> {
    id.to_string().parse().map_err(|_| Fault::new(Kind::InvalidArgument))
}

/// What is wrong with an argument, as the fault that names it.
fn argument(error: Error) -> Fault {
    match error {
        Error::Invalid(fields) => {
            let told: Vec<String> = fields.iter().map(|field| field.message.clone()).collect();
            // Of arrays, which of their elements is in the reason.
            let name = fields.first().map(|field| field.field.trim_end_matches(|part: char| part.is_ascii_digit()));
            let name = name.unwrap_or_default().trim_end_matches('.');
            Fault::new(Kind::InvalidArgument).because(told.join("; ")).at(name)
        }
        error => error.into(),
    }
}

/// What a source that cannot be read this way says.
fn source(error: Error) -> Fault {
    match error {
        Error::Conflict { reason } => Fault::new(Kind::UnsupportedOperation).because(reason),
        error => argument(error),
    }
}
