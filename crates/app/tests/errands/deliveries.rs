//! Deliveries cut at every call that they make: whole under their final name, never lost, and their run ends.

use crate::cut::{Cut, Fault, broken, demo};
use async_trait::async_trait;
use futures::FutureExt as _;
use futures::executor::block_on;
use futures::future::BoxFuture;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use waybill_app::{
    Context, CreateExport, Delivering, DeliverySettings, DestinationRequest, PutJob, advance_delivery, create_job,
    list_deliveries, list_runs, redeliver, run_job, sweep,
};
use waybill_domain::{
    CommitId, Delivered, Delivery, DestinationConfig, DestinationSecrets, DestinationType, ErrandState, ExportFormat,
    ExportId, JobSchedule, Principal, Run, RunStatus, Surface, Timestamp, Upload,
};
use waybill_ports::{
    Clock as _, DeliveryMessage, Destination, DestinationError, DestinationOpener, DueKind, DueRow, Parcel, PortError,
    Probed, RecordPatch, RecordStore, Row, RowKey, RowPage, RowRange, StateStore, Write,
};
use waybill_testkit::{MemoryArchiveStore, MemoryDeliveryQueue, MemoryDestinations, MemoryPorts, MemoryRecordStore};

const FOREVER: Duration = Duration::from_hours(1);

struct CutDestinations(Arc<MemoryDestinations>, Arc<Cut>);

#[async_trait]
impl DestinationOpener for CutDestinations {
    async fn open(
        &self,
        _config: &DestinationConfig,
        _secrets: &DestinationSecrets,
    ) -> Result<Box<dyn Destination>, DestinationError> {
        Ok(Box::new(Self(Arc::clone(&self.0), Arc::clone(&self.1))))
    }
}

#[async_trait]
impl Destination for CutDestinations {
    async fn open(&self, parcel: &Parcel) -> Result<Upload, DestinationError> {
        self.1.call(Destination::open(&*self.0, parcel), broken).await
    }

    async fn advance(&self, parcel: &Parcel, upload: Upload) -> Result<Upload, DestinationError> {
        self.1.call(self.0.advance(parcel, upload), broken).await
    }

    async fn finish(&self, parcel: &Parcel, upload: &Upload, now: Timestamp) -> Result<Delivered, DestinationError> {
        self.1.call(self.0.finish(parcel, upload, now), broken).await
    }

    async fn abort(&self, parcel: &Parcel, upload: &Upload) -> Result<(), DestinationError> {
        self.1.call(self.0.abort(parcel, upload), broken).await
    }

    async fn probe(&self, id: &str, name: &str, now: Timestamp) -> Result<Probed, DestinationError> {
        self.0.probe(id, name, now).await
    }
}

pub(crate) struct World {
    pub(crate) ports: MemoryPorts,
    pub(crate) admin: Principal,
    pub(crate) export: ExportId,
    pub(crate) settings: DeliverySettings,
}

impl World {
    /// An export of a job that is ready, and its one delivery waiting.
    pub(crate) fn new() -> Self {
        let world = Self::queued();
        world.export().now_or_never().unwrap();
        world
    }

    /// An export of a job that waits.
    fn queued() -> Self {
        let (ports, admin) = demo(11);
        let name = "things".parse().unwrap();
        let patches: Vec<RecordPatch> = (1..40)
            .map(|n| {
                let id = format!("{n:024x}").parse().unwrap();
                RecordPatch { id, json: format!(r#"{{"_id":"{id}","name":"thing {n}"}}"#).into() }
            })
            .collect();
        let records: &MemoryRecordStore = &ports.records;
        block_on(records.put(&admin.org, &name, &patches)).unwrap();
        let config = serde_json::json!({"url": "https://a.example/in", "secret": "hush"});
        let destination =
            DestinationRequest { kind: DestinationType::Webhook, config: config.as_object().unwrap().clone() };
        let job = PutJob {
            surface: Surface::Admin,
            name: "Feed".into(),
            description: None,
            export: CreateExport::new(Surface::Admin, name, ExportFormat::Csv),
            schedule: JobSchedule::Cron { cron: "@yearly".into() },
            zone: None,
            active: true,
            destinations: vec![destination],
            filename: Some("feed-{date}.csv".to_owned().try_into().unwrap()),
            compress: false,
        };
        let (context, id) = (ports.context(), Some("feed".parse().unwrap()));
        block_on(create_job(&context, &*ports.vault, &admin, id, &job, None)).unwrap();
        let view = block_on(run_job(&context, &*ports.wake, &admin, None, &"feed".parse().unwrap(), None)).unwrap();
        Self { ports, admin, export: view.export.id, settings: DeliverySettings::default() }
    }

    /// One invocation of what exports.
    fn export(&self) -> impl Future<Output = ()> + Send + use<> {
        self.ports.export(&self.admin.org, self.export)
    }

    pub(crate) fn delivering(&self, cut: &Arc<Cut>) -> Delivering {
        Delivering {
            context: cut.context(&self.ports),
            archives: Arc::<MemoryArchiveStore>::clone(&self.ports.archives),
            vault: Arc::<waybill_testkit::MemoryVault>::clone(&self.ports.vault),
            destinations: Arc::new(CutDestinations(Arc::clone(&self.ports.destinations), Arc::clone(cut))),
            queue: Arc::<MemoryDeliveryQueue>::clone(&self.ports.deliveries),
            settings: self.settings.clone(),
        }
    }

    fn message(&self) -> DeliveryMessage {
        DeliveryMessage::AdvanceV1 { org: self.admin.org.clone(), export: self.export, number: 0 }
    }

    /// One invocation; whether it came to an end.
    fn invoke(&self, cut: &Arc<Cut>, budget: Duration) -> bool {
        let deadline = self.ports.clock.monotonic() + budget;
        advance_delivery(&self.delivering(cut), &self.message(), deadline).now_or_never().is_some()
    }

    fn sweep(&self) {
        assert_eq!(block_on(sweep(&self.ports.sweeping(), FOREVER)).failed, 0);
    }

    /// Lets time pass and everybody do what they do, until the delivery has ended.
    fn live_on(&self) -> Delivery {
        let whole = self.whole();
        for _ in 0..4000 {
            let delivery = self.delivery();
            for (name, file) in self.ports.destinations.files() {
                assert!(name.starts_with("feed-2026-01-01.csv") && file == whole, "half a file is there");
            }
            if delivery.is_ended() {
                return delivery;
            }
            self.ports.clock.advance(Duration::from_secs(30));
            self.sweep();
            // Only what was rung for is done.
            if !self.ports.deliveries.take().is_empty() {
                self.invoke(&Cut::never(), FOREVER);
            }
        }
        self.delivery()
    }

    fn delivery(&self) -> Delivery {
        block_on(list_deliveries(&self.ports.context(), &self.admin, None, self.export)).unwrap().remove(0)
    }

    fn run(&self) -> Run {
        let job = "feed".parse().unwrap();
        block_on(list_runs(&self.ports.context(), &self.admin, (None, &job), None, 1)).unwrap().items.remove(0)
    }

    fn whole(&self) -> Vec<u8> {
        self.ports.archives.body(&self.delivery().what.file.key).unwrap().to_vec()
    }

    fn assert_delivered(&self, delivery: &Delivery) {
        assert!(matches!(delivery.state, ErrandState::Done { .. }), "{delivery:?}");
        assert_eq!(self.ports.destinations.files().into_values().collect::<Vec<_>>(), [self.whole()]);
        assert_eq!(self.ports.destinations.leftovers(), Vec::<String>::new());
        let run = self.run();
        assert_eq!((run.status, run.deliveries_open, run.error.clone()), (RunStatus::Success, 0, None), "{run:?}");
        assert_eq!(run.file_size, Some(delivery.what.file.size_bytes));
        assert_eq!(run.destination_path.as_deref(), Some("memory://feed-2026-01-01.csv"));
    }
}

#[test]
fn a_delivery_follows_its_export_in_the_same_commit_and_the_zip_stays_the_download() {
    let world = World::new();
    assert_eq!((world.run().status, world.run().deliveries_open), (RunStatus::Running, 1));
    assert_eq!(world.ports.deliveries.take(), [(world.message(), Duration::ZERO)]);
    assert!(world.invoke(&Cut::never(), FOREVER));
    let delivery = world.delivery();
    world.assert_delivered(&delivery);
    assert!(String::from_utf8(world.whole()).unwrap().starts_with("_id,name\r\n"), "the bare file");
    let export = block_on(waybill_app::read_export(&world.ports.context(), &world.admin, None, world.export)).unwrap();
    assert_eq!(export.export.download_ending(), "zip");
    // A message that comes again does nothing.
    assert!(world.invoke(&Cut::never(), FOREVER));
    assert_eq!(world.delivery(), delivery);
}

/// A state store in which something happens after the first look at a range.
struct Meanwhile(Arc<dyn StateStore>, Mutex<Option<BoxFuture<'static, ()>>>);

#[async_trait]
impl StateStore for Meanwhile {
    async fn get(&self, key: &RowKey) -> Result<Option<Row>, PortError> {
        self.0.get(key).await
    }

    async fn get_many(&self, keys: &[RowKey]) -> Result<Vec<Option<Row>>, PortError> {
        self.0.get_many(keys).await
    }

    async fn query(&self, range: &RowRange) -> Result<RowPage, PortError> {
        let page = self.0.query(range).await;
        let happens = self.1.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(happens) = happens {
            happens.await;
        }
        page
    }

    async fn commit(&self, commit: CommitId, writes: &[Write]) -> Result<(), PortError> {
        self.0.commit(commit, writes).await
    }

    async fn due(&self, kind: DueKind, shard: u8, until: Timestamp, limit: usize) -> Result<Vec<DueRow>, PortError> {
        self.0.due(kind, shard, until, limit).await
    }
}

#[test]
fn a_run_whose_export_ends_while_it_is_read_still_waits_for_its_delivery() {
    let world = World::queued();
    let context = world.ports.context();
    let torn = Meanwhile(Arc::clone(&context.state), Mutex::new(Some(world.export().boxed())));
    let context = Context { state: Arc::new(torn), ..context };
    let job = "feed".parse().unwrap();
    let run = block_on(list_runs(&context, &world.admin, (None, &job), None, 1)).unwrap().items.remove(0);
    assert_eq!((run.status, run.deliveries_open), (RunStatus::Running, 1), "{run:?}");
}

#[test]
fn whatever_call_is_cut_the_file_arrives_whole_once_and_the_run_ends() {
    let counted = Cut::never();
    assert!(World::new().invoke(&counted, FOREVER));
    let calls = counted.calls();
    assert!(calls > 20, "{calls} calls");
    for at in 0..calls {
        for fault in Fault::ALL {
            let world = World::new();
            let ended = world.invoke(&Cut::new(at, fault), FOREVER);
            assert!(ended || fault.crashes(), "{fault:?} at call {at} hangs");
            let delivery = world.live_on();
            world.assert_delivered(&delivery);
        }
    }
}

#[test]
fn one_without_any_message_is_found_and_one_without_time_goes_on_piece_by_piece() {
    let world = World::new();
    world.ports.deliveries.take();
    let delivery = world.live_on();
    world.assert_delivered(&delivery);

    let world = World::new();
    world.ports.deliveries.take();
    let mut invocations = 0;
    while !world.delivery().is_ended() {
        assert!(world.invoke(&Cut::never(), Duration::ZERO));
        invocations += 1;
    }
    assert!(invocations > 3, "{invocations}");
    assert_eq!(world.delivery().attempt_count, 1);
    world.assert_delivered(&world.delivery());
}

#[test]
fn what_is_lost_is_sent_anew_and_what_is_refused_for_good_fails_the_run_until_it_is_delivered_by_hand() {
    let world = World::new();
    world.invoke(&Cut::never(), Duration::ZERO);
    world.ports.destinations.lose();
    let delivery = world.live_on();
    world.assert_delivered(&delivery);
    assert!(delivery.attempts[0].error.as_deref().is_some_and(|error| error.contains("no longer there")));

    let world = World::new();
    world.ports.destinations.refuse("nothing is there; check the path");
    let failed = world.live_on();
    assert_eq!(failed.attempts.len(), 27, "10 s, 60 s, 300 s, then hourly for a day: {failed:?}");
    let run = world.run();
    assert_eq!((run.status, run.error.as_deref()), (RunStatus::Failed, Some("nothing is there; check the path")));
    assert!(run.completed_at.is_some() && run.destination_path.is_none());
    world.ports.destinations.refuse(None);
    let (context, queue) = (world.ports.context(), &*world.ports.deliveries);
    let again = block_on(redeliver(&context, queue, &world.admin, None, (world.export, 0))).unwrap();
    assert_eq!((again.id(), world.run().status), (failed.id(), RunStatus::Running));
    assert!(block_on(redeliver(&context, queue, &world.admin, None, (world.export, 0))).is_err(), "it is on its way");
    let delivery = world.live_on();
    world.assert_delivered(&delivery);
}

#[test]
fn a_deleted_export_is_delivered_to_nobody_and_its_run_has_ended_with_the_reply() {
    let world = World::new();
    world.ports.destinations.refuse("nothing is there; check the path");
    assert!(world.invoke(&Cut::never(), FOREVER));
    world.ports.destinations.refuse(None);
    assert_eq!(world.run().status, RunStatus::Running);
    block_on(waybill_app::delete_export(&world.ports.context(), &*world.ports.wake, &world.admin, None, world.export))
        .unwrap();
    let run = world.run();
    assert_eq!(
        (run.status, run.error.as_deref(), run.deliveries_open, run.record_count),
        (RunStatus::Failed, Some("the export was deleted before it arrived"), 0, Some(0))
    );
    world.ports.clock.advance(Duration::from_hours(2));
    assert!(world.invoke(&Cut::never(), FOREVER));
    assert_eq!((world.ports.destinations.files().len(), world.run()), (0, run));
}

#[test]
fn a_deleted_job_sends_nothing_more_and_nothing_of_it_is_delivered_by_hand() {
    for made_again in [false, true] {
        let world = World::new();
        let (context, id) = (world.ports.context(), "feed".parse().unwrap());
        let job = block_on(waybill_app::read_job(&context, &world.admin, None, &id)).unwrap();
        block_on(waybill_app::delete_job(&context, &world.admin, None, &id)).unwrap();
        if made_again {
            // Another job took the id once the rows of the first one were gone.
            world.ports.clock.advance(Duration::from_mins(5));
            let wake = Arc::<waybill_testkit::MemoryWakeQueue>::clone(&world.ports.wake);
            let admitting = waybill_app::Admitting { context: world.ports.context(), wake };
            block_on(waybill_app::tick_schedules(&admitting, FOREVER));
            let now = context.now();
            block_on(world.ports.insert(&waybill_domain::Job { created_at: now, ..job })).unwrap();
        }
        assert!(world.invoke(&Cut::never(), FOREVER));
        let delivery = world.delivery();
        assert_eq!(delivery.last_error(), Some("the job was deleted before it arrived"), "{delivery:?}");
        assert!(world.ports.destinations.files().is_empty());
        let queue = &*world.ports.deliveries;
        let refused = block_on(redeliver(&context, queue, &world.admin, None, (world.export, 0))).unwrap_err();
        assert!(refused.to_string().contains("the job was deleted"), "{refused}");
    }
}

#[test]
fn a_run_says_why_its_delivery_is_tried_again_until_it_has_arrived() {
    let world = World::new();
    world.ports.destinations.refuse("nothing is there; check the path");
    assert!(world.invoke(&Cut::never(), FOREVER));
    let run = world.run();
    assert_eq!((run.status, run.record_count), (RunStatus::Running, None));
    let error = run.error.unwrap();
    assert!(error.starts_with("nothing is there; check the path; the next attempt is due at 2026-01-01T"), "{error}");
    world.ports.destinations.refuse(None);
    let delivery = world.live_on();
    world.assert_delivered(&delivery);
    assert!(world.run().record_count.is_some());
}
