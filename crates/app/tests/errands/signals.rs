//! Signals cut at every call that they make: whoever listens is told at least once, always in the same words, and it ends on record.

use crate::cut::{Cut, Fault, broken, demo};
use async_trait::async_trait;
use futures::FutureExt as _;
use futures::executor::block_on;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use waybill_app::{
    ChangeWebhook, CreateExport, CreateWebhook, DeliverySettings, Letter, SignalFacts, SignalWords, Signaling,
    cancel_export, change_webhook, create_export, create_webhook, delete_webhook, list_attempts, list_audit,
    read_webhook, send_signal, sweep,
};
use waybill_domain::{
    AuditAction, AuditEntry, DestinationSecrets, ErrandState, ExportFormat, ExportId, Principal, Signal, SignalEvent,
    Surface, Timestamp, WebhookConfig, WebhookId, WebhookState,
};
use waybill_ports::{
    Clock as _, DeliveryMessage, DestinationError, Mail, MailError, Mailer, MessagePoster, PostedMessage,
    WebhookMessage,
};
use waybill_testkit::{MemoryDeliveryQueue, MemoryPorts, MemoryVault};

const FOREVER: Duration = Duration::from_hours(1);

/// An address: answers one after the other, then 204 for ever, and keeps what it was told.
#[derive(Default)]
struct Address {
    answers: Mutex<Vec<u16>>,
    told: Mutex<Vec<(String, Value)>>,
}

struct CutAddress(Arc<Address>, Arc<Cut>);

#[async_trait]
impl MessagePoster for CutAddress {
    async fn post(
        &self,
        _config: &WebhookConfig,
        secrets: &DestinationSecrets,
        message: &WebhookMessage,
        _now: Timestamp,
    ) -> PostedMessage {
        assert!(secrets.get(WebhookConfig::SECRET).is_some_and(|secret| secret.starts_with("whsec_")));
        let answer = async {
            let body = serde_json::from_slice(&message.body).unwrap();
            self.0.told.lock().unwrap().push((message.id.clone(), body));
            let mut answers = self.0.answers.lock().unwrap();
            let status = if answers.is_empty() { 204 } else { answers.remove(0) };
            let outcome = match status {
                204 => Ok(()),
                410 => Err(DestinationError::Gone("410".to_owned())),
                _ => Err(DestinationError::Unavailable(status.to_string())),
            };
            Ok(PostedMessage { status: Some(status), outcome })
        };
        self.1.call(answer, broken).await.unwrap_or_else(|fault| PostedMessage { status: None, outcome: Err(fault) })
    }
}

/// Somebody who carries mail: says the answers one after the other, then yes for ever, and keeps what was sent.
#[derive(Default)]
struct Postman {
    answers: Mutex<Vec<MailError>>,
    sent: Mutex<Vec<Mail>>,
}

#[async_trait]
impl Mailer for Postman {
    async fn send(&self, mail: &Mail) -> Result<(), MailError> {
        self.sent.lock().unwrap().push(mail.clone());
        self.answers.lock().unwrap().pop().map_or(Ok(()), Err)
    }
}

struct Words;

impl SignalWords for Words {
    fn letter(&self, facts: &SignalFacts) -> Letter {
        let text = format!("{} {}", facts.event.name(), facts.export.progress.records);
        Letter { subject: facts.id.clone(), html: text.clone(), text }
    }

    fn message(&self, facts: &SignalFacts) -> Value {
        json!({"event": facts.event.name(), "export": facts.export.id.to_string(), "records": facts.export.progress.records})
    }
}

struct World {
    ports: MemoryPorts,
    admin: Principal,
    address: Arc<Address>,
    postman: Arc<Postman>,
    webhook: WebhookId,
    export: ExportId,
    /// Which of its signals is looked at.
    number: u16,
}

impl World {
    /// An export that waits in its lane, and one webhook.
    fn new() -> Self {
        let (ports, admin) = demo(17);
        let command = CreateWebhook {
            name: String::new(),
            config: json!({"url": "https://a.example/in"}).as_object().unwrap().clone(),
            events: SignalEvent::ALL.into_iter().collect(),
            active: true,
            idempotency: None,
        };
        let context = ports.context();
        let webhook = block_on(create_webhook(&context, &*ports.vault, &admin, &command)).unwrap().webhook.id;
        let mut asked = CreateExport::new(Surface::Admin, "things".parse().unwrap(), ExportFormat::Csv);
        asked.delivery.notify = vec!["ann@example.com".parse().unwrap()];
        let view = block_on(create_export(&context, &*ports.wake, &admin, &asked)).unwrap();
        let (address, postman) = (Arc::default(), Arc::default());
        Self { ports, admin, address, postman, webhook, export: view.export.id, number: 0 }
    }

    fn export(&self) {
        block_on(self.ports.export(&self.admin.org, self.export));
    }

    /// One invocation; whether it came to an end.
    fn invoke(&self, cut: &Arc<Cut>) -> bool {
        let signaling = Signaling {
            context: cut.context(&self.ports),
            vault: Arc::<MemoryVault>::clone(&self.ports.vault),
            poster: Arc::new(CutAddress(Arc::clone(&self.address), Arc::clone(cut))),
            queue: Arc::<MemoryDeliveryQueue>::clone(&self.ports.deliveries),
            mailer: Arc::<Postman>::clone(&self.postman),
            words: Arc::new(Words),
            settings: DeliverySettings::default(),
        };
        let number = self.number;
        let message = DeliveryMessage::SignalV1 { org: self.admin.org.clone(), export: self.export, number };
        send_signal(&signaling, &message).now_or_never().is_some()
    }

    fn settled(&self) -> Option<Signal> {
        let found = block_on(self.ports.rows().errand(&self.admin.org, self.export, self.number)).unwrap();
        found.map(|signal| signal.value)
    }

    /// Time passes, the sweeper rings, and whoever is rung for comes, until it has ended.
    fn end(&self) -> Signal {
        let never = Cut::never();
        for _ in 0..100 {
            let signal = self.settled().unwrap();
            let Some(due) = signal.due_at() else { return signal };
            self.ports.clock.set(due.max(self.ports.clock.now()));
            self.ports.deliveries.take();
            assert!(block_on(sweep(&self.ports.sweeping(), FOREVER)).signals >= 1);
            assert!(!self.ports.deliveries.take().is_empty());
            assert!(self.invoke(&never));
        }
        panic!("it never ends");
    }

    fn told(&self) -> Vec<(String, Value)> {
        self.address.told.lock().unwrap().clone()
    }

    fn log(&self) -> Vec<(u32, Option<u16>, bool)> {
        let context = self.ports.context();
        let page = block_on(list_attempts(&context, &self.admin, self.webhook, None, 100)).unwrap();
        page.items.iter().rev().map(|one| (one.attempt, one.status, one.error.is_none())).collect()
    }
}

#[test]
fn a_process_that_ends_anywhere_leaves_a_signal_that_arrives_in_the_same_words() {
    let counted = Cut::never();
    let world = World::new();
    world.export();
    assert!(world.invoke(&counted));
    let calls = counted.calls();
    assert!(calls >= 8, "{calls} calls are few");
    for at in 0..calls {
        for fault in Fault::ALL {
            let world = World::new();
            world.export();
            let ended = world.invoke(&Cut::new(at, fault));
            assert_eq!(ended, !fault.crashes(), "{fault:?} at call {at}");
            let ended = world.end();
            assert!(matches!(ended.state, ErrandState::Done { .. }), "{fault:?} at call {at}: {ended:?}");
            let told = world.told();
            assert!(!told.is_empty() && told.len() <= 2 && told.iter().all(|one| *one == told[0]), "{at} {told:?}");
            assert_eq!(told[0].0, format!("{}-s0", world.export));
            assert_eq!(world.log().last(), Some(&(ended.attempt_count, Some(204), true)), "{fault:?} at call {at}");
        }
    }
}

#[test]
fn what_is_not_taken_is_told_again_for_a_day_and_then_given_up() {
    let world = World::new();
    world.export();
    *world.address.answers.lock().unwrap() = vec![500, 302, 404];
    assert!(matches!(world.end().state, ErrandState::Done { .. }));
    let expected = [(1, Some(500), false), (2, Some(302), false), (3, Some(404), false), (4, Some(204), true)];
    assert_eq!(world.log(), expected);

    let world = World::new();
    world.export();
    *world.address.answers.lock().unwrap() = vec![503; 100];
    let ended = world.end();
    assert!(matches!(&ended.state, ErrandState::Failed { message, .. } if message == "503"), "{ended:?}");
    assert_eq!((ended.attempt_count, world.log().len()), (27, 27));
}

#[test]
fn one_that_is_gone_is_switched_off_and_told_nothing_until_somebody_switches_it_on() {
    let world = World::new();
    world.export();
    *world.address.answers.lock().unwrap() = vec![410];
    assert!(matches!(world.end().state, ErrandState::Failed { .. }));
    let context = world.ports.context();
    let webhook = block_on(read_webhook(&context, &world.admin, world.webhook)).unwrap();
    assert!(matches!(webhook.state, WebhookState::Gone { .. }), "{webhook:?}");
    assert!(!webhook.listens_to(SignalEvent::Completed));
    let audit = block_on(list_audit(&context, &world.admin, None, 10)).unwrap().items;
    let switched_off =
        |entry: &AuditEntry| entry.action == AuditAction::WebhookSwitchedOff && entry.target == webhook.id.to_string();
    assert_eq!(audit.iter().filter(|entry| switched_off(entry)).count(), 1);
    let on = ChangeWebhook { active: Some(true), ..ChangeWebhook::default() };
    let webhook = block_on(change_webhook(&context, &*world.ports.vault, &world.admin, world.webhook, &on)).unwrap();
    assert!(webhook.listens_to(SignalEvent::Completed));
}

#[test]
fn nobody_is_told_of_what_was_canceled_and_a_webhook_that_is_deleted_ends_what_waits_for_it() {
    let world = World::new();
    let context = world.ports.context();
    block_on(cancel_export(&context, &*world.ports.wake, &world.admin, None, world.export)).unwrap();
    world.export();
    assert_eq!(world.settled(), None);

    let world = World::new();
    world.export();
    let context = world.ports.context();
    block_on(delete_webhook(&context, &world.admin, world.webhook)).unwrap();
    let ended = world.end();
    assert!(matches!(&ended.state, ErrandState::Failed { message, .. } if message.contains("deleted")), "{ended:?}");
    assert_eq!(world.told(), []);
}

#[test]
fn a_mail_goes_again_until_it_is_taken_and_not_after_it_was_refused() {
    let world = World { number: 1, ..World::new() };
    world.export();
    *world.postman.answers.lock().unwrap() = vec![MailError::Unavailable("later".into())];
    assert!(matches!(world.end().state, ErrandState::Done { .. }));
    let sent = world.postman.sent.lock().unwrap().clone();
    assert_eq!((sent.len(), &sent[0], sent[0].to.as_str()), (2, &sent[1], "ann@example.com"));
    assert_eq!(sent[0].subject, format!("{}-s1", world.export));

    let world = World { number: 1, ..World::new() };
    world.export();
    *world.postman.answers.lock().unwrap() = vec![MailError::Refused("nobody of that name".into())];
    let ended = world.end();
    assert!(matches!(&ended.state, ErrandState::Failed { message, .. } if message == "nobody of that name"));
    assert_eq!((ended.attempt_count, world.postman.sent.lock().unwrap().len()), (1, 1));
}
