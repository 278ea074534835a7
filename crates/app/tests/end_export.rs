//! Ending exports by request: canceled or deleted, waiting or running, even when replies are lost.

#![expect(clippy::unwrap_used, reason = "a broken fixture fails the test")]

mod unanswered;

use futures::executor::block_on;
use waybill_app::{
    Context, CreateExport, Error, cancel_export, create_export, delete_export, read_export, update_export,
};
use waybill_domain::{Epoch, ExportFormat, ExportId, Principal, PropertyKind, Role, State, Stop, Surface};
use waybill_ports::Transaction;
use waybill_testkit::{MemoryPorts, samples};

struct Fixture {
    ports: MemoryPorts,
    member: Principal,
    admin: Principal,
}

impl Fixture {
    fn new() -> Self {
        let ports = MemoryPorts::new(1);
        let (member, admin) = (Role::Member, Role::Admin);
        let (member, admin) = (samples::principal("demo", member).unwrap(), samples::principal("demo", admin).unwrap());
        let properties = vec![samples::property("name", PropertyKind::String)];
        let collection = samples::collection(&admin.org, &"things".parse().unwrap(), properties);
        block_on(ports.insert(&collection)).unwrap();
        Self { ports, member, admin }
    }

    /// A context in which the replies to the next `lost` commits are.
    fn losing(&self, lost: u32) -> Context {
        unanswered::losing(self.ports.context(), lost)
    }

    fn create(&self, principal: &Principal) -> ExportId {
        let command = CreateExport::new(Surface::Cortex, "things".parse().unwrap(), ExportFormat::Ndjson);
        let context = self.ports.context();
        block_on(create_export(&context, &*self.ports.wake, principal, &command)).unwrap().export.id
    }

    /// Begins a step of an export.
    fn start(&self, id: ExportId) {
        let (context, org) = (self.ports.context(), &self.admin.org);
        block_on(async {
            let seq = context.rows().export_pointer(org, id).await.unwrap().unwrap().value.seq;
            let stored = context.rows().export(org, seq).await.unwrap().unwrap();
            let mut transaction: Transaction = context.transaction();
            transaction.update(stored.version, &stored.value.start(Epoch(1), context.now()).unwrap()).unwrap();
            transaction.commit(&*context.state).await.unwrap();
        });
    }

    fn lane_is_empty(&self) -> bool {
        block_on(self.ports.rows().queue_head(&self.admin.org)).unwrap().is_none()
    }

    fn entries(&self) -> usize {
        block_on(self.ports.rows().audit(&self.admin.org, None, 100)).unwrap().0.len()
    }
}

#[test]
fn a_waiting_export_is_canceled_at_once_and_stays_on_record() {
    let fixture = Fixture::new();
    let id = fixture.create(&fixture.member);
    let context = fixture.ports.context();
    let view = block_on(cancel_export(&context, &*fixture.ports.wake, &fixture.member, None, id)).unwrap();
    assert!(matches!(view.export.state, State::Canceled { .. }));
    assert!(fixture.lane_is_empty());
    let again = block_on(cancel_export(&context, &*fixture.ports.wake, &fixture.admin, None, id)).unwrap();
    assert_eq!(again, view);
    assert_eq!(fixture.entries(), 2);
}

#[test]
fn a_running_export_is_marked_and_keeps_its_place_until_its_holder_ends_it() {
    let fixture = Fixture::new();
    let id = fixture.create(&fixture.member);
    fixture.start(id);
    let view =
        block_on(cancel_export(&fixture.ports.context(), &*fixture.ports.wake, &fixture.member, None, id)).unwrap();
    assert_eq!(view.export.stop, Some(Stop::Cancel));
    assert!(!fixture.lane_is_empty());
    block_on(delete_export(&fixture.ports.context(), &*fixture.ports.wake, &fixture.member, None, id)).unwrap();
    let gone = block_on(read_export(&fixture.ports.context(), &fixture.admin, None, id));
    assert!(matches!(gone, Err(Error::NotFound { .. })));
}

#[test]
fn what_is_deleted_cannot_be_canceled() {
    let fixture = Fixture::new();
    let id = fixture.create(&fixture.member);
    let context = fixture.ports.context();
    block_on(delete_export(&context, &*fixture.ports.wake, &fixture.member, None, id)).unwrap();
    let refused = block_on(cancel_export(&context, &*fixture.ports.wake, &fixture.member, None, id));
    assert!(matches!(refused, Err(Error::NotFound { .. })));
}

#[test]
fn only_administrators_and_the_owner_may_end_or_change_an_export() {
    let fixture = Fixture::new();
    let id = fixture.create(&fixture.admin);
    let context = fixture.ports.context();
    let change = waybill_app::UpdateExport { label: Some(Some("x".into())), description: None };
    assert!(matches!(
        block_on(cancel_export(&context, &*fixture.ports.wake, &fixture.member, None, id)),
        Err(Error::Forbidden { .. })
    ));
    assert!(matches!(
        block_on(delete_export(&context, &*fixture.ports.wake, &fixture.member, None, id)),
        Err(Error::Forbidden { .. })
    ));
    let changed = block_on(update_export(&context, &fixture.member, None, id, &change));
    assert!(matches!(changed, Err(Error::Forbidden { .. })));
    let elsewhere = block_on(delete_export(&context, &*fixture.ports.wake, &fixture.admin, Some(Surface::Admin), id));
    assert!(matches!(elsewhere, Err(Error::NotFound { .. })));
    assert_eq!(fixture.entries(), 1);
}

#[test]
fn a_lost_reply_neither_doubles_nor_denies_what_happened() {
    let fixture = Fixture::new();
    let (first, second) = (fixture.create(&fixture.member), fixture.create(&fixture.member));
    block_on(delete_export(&fixture.losing(1), &*fixture.ports.wake, &fixture.member, None, first)).unwrap();
    let view =
        block_on(cancel_export(&fixture.losing(1), &*fixture.ports.wake, &fixture.member, None, second)).unwrap();
    assert!(matches!(view.export.state, State::Canceled { .. }));
    assert!(fixture.lane_is_empty());
    assert_eq!(fixture.entries(), 4);
}
