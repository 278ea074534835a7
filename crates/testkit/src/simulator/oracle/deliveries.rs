//! What the oracle demands of deliveries: put down with the end of their export, each sent by one at a time, said to be there only when
//! the whole file is, and told to the run that waits for them.

use super::Oracle;
use crate::simulator::deliveries::{REFUSING, backoff};
use crate::simulator::history::{Actor, Role};
use crate::simulator::profile::Calamity;
use crate::simulator::weaken::{Kind, kind_of};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use waybill_domain::{
    Delivery, DestinationConfig, ErrandState, Export, ExportId, OrgCode, RunId, RunStatus, State, Timestamp,
};
use waybill_ports::Write;

/// What has been seen of deliveries.
#[derive(Debug, Default)]
pub(super) struct DeliveriesSeen {
    /// As their rows are, by their export and place.
    rows: BTreeMap<(ExportId, u16), Delivery>,
    /// Who took the last lease.
    holders: BTreeMap<(ExportId, u16), u32>,
    /// The length and digest of what stands under final names.
    there: BTreeMap<String, (u64, String)>,
}

impl Oracle {
    /// Looks at what a commit says of deliveries, before anything else of it is taken note of; `ended` = the exports that it ends,
    /// `deleted` = those that are deleted in it.
    pub(super) fn deliveries_written(
        &mut self,
        actor: Actor,
        asked_at: Timestamp,
        org: &OrgCode,
        (writes, ended, deleted): (&[Write], &[Export], &[ExportId]),
    ) {
        let rows = writes.iter().filter_map(|write| match write {
            Write::Put { row, .. } if kind_of(&row.key) == Kind::Delivery => Some(row),
            _ => None,
        });
        let rows: Vec<Delivery> = rows.filter_map(|row| serde_json::from_str(&row.body).ok()).collect();
        for export in ended {
            let due = matches!(export.state, State::Ready { .. }) && !export.deleted;
            let due = if due { usize::from(export.deliveries) } else { 0 };
            let put_down = rows.iter().filter(|row| row.export == export.id).count();
            self.demand(put_down == due, || format!("{}: ended with {put_down} deliveries of {due}", export.id));
        }
        for row in rows {
            self.delivery_written(actor, asked_at, org, &row, (ended, deleted.contains(&row.export)));
        }
    }

    fn delivery_written(
        &mut self,
        actor: Actor,
        asked_at: Timestamp,
        org: &OrgCode,
        now: &Delivery,
        (ended, deleted): (&[Export], bool),
    ) {
        let (id, key, number) = (now.id(), (now.export, now.number), actor.number);
        let before = self.deliveries.rows.insert(key, now.clone());
        let Some(before) = before else {
            let with_its_export = ended.iter().any(|export| export.id == now.export);
            self.demand(with_its_export, || format!("{id}: came without the end of its export"));
            let fresh = matches!(now.state, ErrandState::Waiting { .. }) && now.epoch.0 == 0;
            return self.demand(fresh, || format!("{id}: began as {:?}", now.state));
        };
        if let ErrandState::Failed { message, .. } = &now.state
            && before.state != now.state
            && !deleted
        {
            self.was_given_up(org, now, asked_at, message);
        }
        if matches!(now.state, ErrandState::Done { .. }) {
            let whole = self
                .deliveries
                .there
                .get(&id)
                .is_some_and(|there| *there == (now.what.file.size_bytes, now.what.file.sha256.clone()));
            self.demand(whole, || format!("{id}: is said to have arrived, and is not there"));
        }
        let courier = actor.role == Role::Courier;
        if now.epoch > before.epoch {
            let one_more = now.epoch.0 == before.epoch.0 + 1;
            let waited = matches!(before.state, ErrandState::Waiting { .. });
            let sends = matches!(now.state, ErrandState::Sending { .. });
            self.deliveries.holders.insert(key, number);
            return self.demand(courier && one_more && waited && sends, || {
                format!(
                    "{id}: #{number} took it, which was {:?}, under {}, as {:?}",
                    before.state, now.epoch, now.state
                )
            });
        }
        let same_epoch = now.epoch == before.epoch;
        let held = courier && self.deliveries.holders.get(&key) == Some(&number);
        let allowed = match (&before.state, &now.state) {
            (ErrandState::Waiting { .. }, ErrandState::Waiting { .. }) => {
                // Put off behind others of its org.
                actor.role == Role::Sweeper && before.state == now.state || courier && now.crowded_since.is_some()
            }
            (ErrandState::Sending { .. }, ErrandState::Sending { .. } | ErrandState::Done { .. }) => held,
            (ErrandState::Sending { lease_until, .. }, ErrandState::Waiting { .. } | ErrandState::Failed { .. }) => {
                held || courier && *lease_until <= asked_at || deleted
            }
            (ErrandState::Waiting { .. }, ErrandState::Failed { .. }) => deleted,
            // Rung for while its worker is gone.
            (ErrandState::Done { .. } | ErrandState::Failed { .. }, ErrandState::Waiting { .. }) => {
                actor.role == Role::Client
            }
            _ => false,
        } || actor.role == Role::Sweeper && before.state == now.state && !before.is_ended();
        self.demand(same_epoch && allowed, || {
            format!(
                "{id}: #{number} {:?} turned {:?} under {} into {:?}",
                actor.role, before.state, before.epoch, now.state
            )
        });
    }

    /// A delivery is given up when its destination does not want it, when there is nothing to deliver any more, or after long enough.
    fn was_given_up(&mut self, org: &OrgCode, delivery: &Delivery, now: Timestamp, message: &str) {
        let refused =
            matches!(&delivery.what.destination.config, DestinationConfig::S3(config) if config.bucket == REFUSING);
        let Some(seen) = self.orgs.get(org) else { return };
        let export = seen.exports.get(&delivery.seq.0);
        let gone = export.is_none_or(|seen| seen.gone || seen.export.deleted)
            || delivery.what.run.as_ref().is_some_and(|of| !self.is_job_there(org, &of.job, of.started_at));
        // Where clocks are set or nobody runs for days, times say little.
        let odd = seen.traits.has(Calamity::Jump) || seen.traits.has(Calamity::DarkDays);
        let limits = backoff();
        let tried = delivery.failing_since.is_some_and(|since| now.since(since) + limits.then >= limits.give_up_after);
        self.demand(refused || gone || odd || tried, || format!("{}: was given up: {message}", delivery.id()));
    }

    /// Something was put under a final name, or should have been.
    pub(in crate::simulator) fn stands_there(&mut self, id: &str, file: Option<&[u8]>) {
        let Some(file) = file else { return };
        let there = (u64::try_from(file.len()).unwrap_or(0), hex::encode(Sha256::digest(file)));
        let found = self.deliveries.rows.values().find(|delivery| delivery.id() == id);
        let whole =
            found.is_some_and(|delivery| there == (delivery.what.file.size_bytes, delivery.what.file.sha256.clone()));
        self.demand(whole, || format!("{id}: half a file stands under its final name"));
        self.deliveries.there.insert(id.to_owned(), there);
    }

    /// Whether every delivery has ended.
    pub(in crate::simulator) fn are_deliveries_over(&self) -> bool {
        self.deliveries.rows.values().all(Delivery::is_ended)
    }

    /// Whether something that a run waits for is on its way.
    pub(super) fn has_open_deliveries(&self, run: RunId) -> bool {
        let mut of_it =
            self.deliveries.rows.values().filter(|row| row.what.run.as_ref().is_some_and(|of| of.id == run));
        of_it.any(|row| !row.is_ended())
    }

    /// Deliveries that never ended, and runs that say something else of theirs.
    pub(super) fn deliveries_left(&self) -> Vec<String> {
        let rows = || self.deliveries.rows.values();
        let mut broken: Vec<String> = rows()
            .filter(|delivery| !delivery.is_ended())
            .map(|delivery| format!("{}: never arrived: {:?}", delivery.id(), delivery.state))
            .collect();
        for delivery in rows() {
            let Some(run) = delivery.what.run.as_ref().and_then(|of| self.run_of(&delivery.org, of.id)) else {
                continue;
            };
            let of_it = || rows().filter(|other| other.export == delivery.export);
            let failed = of_it().any(|other| matches!(other.state, ErrandState::Failed { .. }));
            let status = if failed { RunStatus::Failed } else { RunStatus::Success };
            if of_it().all(Delivery::is_ended) && run.status != status {
                broken.push(format!("{}: its run says {:?}, and is {status:?}", delivery.id(), run.status));
            }
        }
        broken
    }
}
