//! What the oracle demands when faults are over and everything had its time.

use super::Oracle;
use waybill_domain::{Export, State};

/// The keys of what an ended export shows: its archive, and the file that was made of that.
fn objects_of(export: &Export) -> impl Iterator<Item = &String> {
    export.archive().into_iter().flat_map(|archive| {
        let packaged = archive.packaged.as_ref().map(|file| &file.key);
        std::iter::once(&archive.key).chain(packaged)
    })
}

impl Oracle {
    /// Whether every export has ended.
    pub(in crate::simulator) fn is_everything_terminal(&self) -> bool {
        self.orgs.values().flat_map(|org| org.exports.values()).all(|seen| seen.export.is_terminal())
    }

    /// Whether nothing is left to be cleaned up.
    pub(in crate::simulator) fn is_everything_clean(&self) -> bool {
        let mut exports = self.orgs.values().flat_map(|org| org.exports.values());
        exports.all(|seen| seen.gone || (seen.export.cleanup_at.is_none() && !seen.export.deleted))
    }

    /// Exports that can still be seen.
    pub(in crate::simulator) fn remaining(&self) -> Vec<Export> {
        let exports = self.orgs.values().flat_map(|org| org.exports.values());
        exports.filter(|seen| !seen.gone && !seen.export.deleted).map(|seen| seen.export.clone()).collect()
    }

    /// How many exports there have been, and how many became ready.
    pub(in crate::simulator) fn counts(&self) -> (usize, usize) {
        let exports = || self.orgs.values().flat_map(|org| org.exports.values());
        (exports().count(), exports().filter(|seen| seen.export.archive().is_some()).count())
    }

    /// How many exports were begun more than once.
    pub(in crate::simulator) fn resumed(&self) -> usize {
        let exports = self.orgs.values().flat_map(|org| org.exports.values());
        exports.filter(|seen| seen.stamps > 1).count()
    }

    /// Nothing is lost, nothing is left.
    pub(in crate::simulator) fn settled(&mut self) {
        let mut broken = Vec::new();
        for (org, seen) in &self.orgs {
            for seen in seen.exports.values().filter(|seen| !seen.export.is_terminal()) {
                broken.push(format!("{org}: {} never ended: {:?}", seen.export.id, seen.export.state));
            }
            for seen in seen.exports.values() {
                let id = seen.export.id;
                let canceled = matches!(seen.export.state, State::Canceled { .. });
                if self.canceled.contains(&id) && !canceled {
                    broken.push(format!("{id} was to be canceled and is {:?}", seen.export.state));
                }
                if self.deleted.contains(&id) && !seen.gone {
                    broken.push(format!("{id} was deleted and is still there"));
                }
            }
        }
        for (id, org) in &self.accepted {
            let seen = self.orgs.get(org).is_some_and(|org| org.exports.values().any(|seen| seen.export.id == *id));
            if !seen {
                broken.push(format!("{org}: {id} was accepted and lost"));
            }
        }
        for (key, appeared) in &self.objects {
            let owner = self
                .orgs
                .values()
                .flat_map(|org| org.exports.values())
                .find(|seen| key.contains(&seen.export.id.to_string()));
            let Some(owner) = owner else {
                broken.push(format!("the object {key} is nobody's"));
                continue;
            };
            let archive = objects_of(&owner.export).any(|object| object == key);
            let shown = archive && !owner.gone;
            // What a late call wrote after the export had ended is left to the bucket's lifecycle.
            let late = owner.ended_at.is_some_and(|ended| *appeared >= ended);
            if !shown && !late {
                broken.push(format!("the object {key} was left behind"));
            }
        }
        for (org, seen) in &self.orgs {
            let shown = seen.exports.values().filter(|seen| !seen.gone);
            for object in
                shown.flat_map(|seen| objects_of(&seen.export)).filter(|object| !self.objects.contains_key(*object))
            {
                broken.push(format!("{org}: the object {object} is not there"));
            }
        }
        broken.extend(self.runs_left_running());
        broken.extend(self.scripts_left());
        broken.extend(self.deliveries_left());
        for what in broken {
            self.violate(what);
        }
    }

    /// After seven days nothing is left at all.
    pub(in crate::simulator) fn expired(&mut self) {
        let mut broken = Vec::new();
        for (org, seen) in &self.orgs {
            broken.extend(
                seen.exports
                    .values()
                    .filter(|seen| !seen.gone)
                    .map(|seen| format!("{org}: {} has expired and its row is still there", seen.export.id)),
            );
            if seen.used_bytes > 0 || seen.reserved_bytes > 0 {
                broken.push(format!("{org}: {} bytes are used by nothing", seen.used_bytes + seen.reserved_bytes));
            }
            for seen in seen.exports.values() {
                // A worker that stood still may make it appear again after it was removed: that is left to the bucket's lifecycle.
                let late = |appeared: &u64| seen.ended_at.is_some_and(|ended| *appeared >= ended);
                let left = |object: &&String| self.objects.get(*object).is_some_and(|appeared| !late(appeared));
                broken.extend(
                    objects_of(&seen.export)
                        .filter(left)
                        .map(|object| format!("{org}: the object {object} has outlived its export")),
                );
            }
        }
        for what in broken {
            self.violate(what);
        }
    }
}
