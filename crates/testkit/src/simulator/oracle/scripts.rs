//! What the oracle demands of scripts: each at most once, after its export has ended by itself, and its end on record.

use super::Oracle;
use crate::simulator::history::{Actor, Role};
use crate::simulator::profile::Calamity;
use crate::simulator::weaken::{Kind, kind_of};
use std::collections::{BTreeMap, BTreeSet};
use waybill_domain::{
    Export, ExportId, LogEntry, OrgCode, ScriptFailure, ScriptFailureCode, ScriptRun, ScriptState, State,
};
use waybill_ports::{Table, Write};

/// What has been seen of scripts.
#[derive(Debug, Default)]
pub(super) struct ScriptsSeen {
    /// As their rows are.
    runs: BTreeMap<ExportId, ScriptRun>,
    /// Who ran them.
    begun: BTreeMap<ExportId, u32>,
    /// How those ended that came to their end.
    ended: BTreeMap<ExportId, Option<ScriptFailure>>,
    /// The numbers that the counter of an org gave.
    counted: BTreeSet<(OrgCode, u64)>,
}

impl Oracle {
    /// Looks at what a commit says of scripts, before anything else of it is taken note of; `ended` = the exports that it ends.
    pub(super) fn scripts_written(&mut self, actor: Actor, org: &OrgCode, writes: &[Write], ended: &[Export]) {
        if actor.role == Role::Script {
            let astray = writes.iter().map(Write::key).find(|key| key.table != Table::Scripts);
            let astray = astray.map(|key| key.sk.clone());
            self.demand(astray.is_none(), || format!("{org}: a script's worker wrote {astray:?}"));
        }
        let rows = |kind: Kind| {
            writes.iter().filter_map(move |write| match write {
                Write::Put { row, .. } if kind_of(&row.key) == kind => Some(row),
                _ => None,
            })
        };
        let runs: Vec<ScriptRun> = rows(Kind::Script).filter_map(|row| serde_json::from_str(&row.body).ok()).collect();
        let failures = rows(Kind::Log).filter_map(|row| serde_json::from_str::<LogEntry>(&row.body).ok());
        let logged: Vec<ExportId> = failures.filter(|line| line.failure.is_some()).map(|line| line.script).collect();
        for export in ended {
            let by_itself = matches!(export.state, State::Ready { .. } | State::Failed { .. }) && !export.deleted;
            let due = export.after_script && by_itself;
            let found = runs.iter().any(|run| run.export == export.id);
            self.demand(due == found, || format!("{}: ended with a script: {found}, due: {due}", export.id));
        }
        for run in &runs {
            self.script_written(actor, run, ended, &logged);
        }
    }

    /// Whether this is the end of an export that had none.
    pub(super) fn ends(&self, org: &OrgCode, export: &Export) -> bool {
        let before = self.orgs.get(org).and_then(|seen| seen.exports.get(&export.seq.0));
        export.is_terminal() && before.is_some_and(|before| !before.export.is_terminal())
    }

    fn script_written(&mut self, actor: Actor, run: &ScriptRun, ended: &[Export], logged: &[ExportId]) {
        let (id, number) = (run.export, actor.number);
        let before = self.scripts.runs.insert(id, run.clone());
        match (before.map(|before| before.state), &run.state) {
            (None, state) => {
                let with_its_export = ended.iter().any(|export| export.id == id);
                self.demand(with_its_export, || format!("{id}: a script came without the end of its export"));
                self.demand(*state == ScriptState::Waiting, || format!("{id}: its script began as {state:?}"));
            }
            (Some(ScriptState::Waiting), ScriptState::Waiting) => {
                self.demand(actor.role == Role::Sweeper, || format!("{id}: #{number} put its script back"));
            }
            (Some(ScriptState::Waiting), ScriptState::Running { .. }) => {
                self.demand(actor.role == Role::Script, || format!("{id}: #{number} claimed its script"));
            }
            (Some(ScriptState::Running { .. }), ScriptState::Ended { failure, .. }) if actor.role == Role::Script => {
                let mine = self.scripts.begun.get(&id) == Some(&number);
                let told = self.scripts.ended.get(&id) == Some(failure);
                self.demand(mine && told, || format!("{id}: #{number} told {failure:?} of its script"));
            }
            (Some(ScriptState::Running { .. } | ScriptState::Waiting), ScriptState::Ended { failure, .. }) => {
                let given_up = actor.role == Role::Sweeper && failure.is_some();
                self.demand(given_up, || format!("{id}: #{number} ended its script with {failure:?}"));
            }
            (Some(before), after) => self.violate(format!("{id}: its script went from {before:?} to {after:?}")),
        }
        if run.failure().is_some() {
            self.demand(logged.contains(&id), || format!("{id}: its script failed, and the log does not say so"));
        }
        if run.failure().is_some_and(|failure| failure.code == ScriptFailureCode::NotStarted) {
            let dark = self.orgs.get(&run.org).is_some_and(|org| org.traits.has(Calamity::DarkDays));
            self.demand(dark, || format!("{id}: nobody ran its script"));
        }
    }

    /// Something begins to run the script of an export.
    pub(in crate::simulator) fn script_begins(&mut self, actor: u32, id: ExportId) {
        let state = self.scripts.runs.get(&id).map(|run| run.state.clone());
        let claimed = match &state {
            Some(ScriptState::Running { .. }) => true,
            // Whose clock is ahead gives a claim up before its time.
            Some(ScriptState::Ended { failure: Some(failure), .. }) => failure.code == ScriptFailureCode::Crashed,
            _ => false,
        };
        self.demand(claimed, || format!("{id}: #{actor} runs its script, which is {state:?}"));
        let earlier = self.scripts.begun.insert(id, actor);
        self.demand(earlier.is_none(), || format!("{id}: #{actor} runs its script, which {earlier:?} ran already"));
    }

    /// It comes to its end.
    pub(in crate::simulator) fn script_ends(&mut self, id: ExportId, failure: Option<ScriptFailure>) {
        self.scripts.ended.insert(id, failure);
    }

    /// Its org's counter gave it a number.
    pub(in crate::simulator) fn script_counted(&mut self, id: ExportId, number: Option<u64>) {
        let Some(org) = self.scripts.runs.get(&id).map(|run| run.org.clone()) else { return };
        let Some(number) = number else { return self.violate(format!("{id}: a counter gave no number")) };
        let fresh = self.scripts.counted.insert((org, number));
        self.demand(fresh, || format!("{id}: a counter gave {number} twice"));
    }

    /// Whether every script has ended.
    pub(in crate::simulator) fn are_scripts_over(&self) -> bool {
        self.scripts.runs.values().all(ScriptRun::is_over)
    }

    /// Scripts that never ended, or did not end as they did.
    pub(super) fn scripts_left(&self) -> Vec<String> {
        let wrong = |(id, run): (&ExportId, &ScriptRun)| {
            let ran = self.scripts.ended.get(id);
            match &run.state {
                ScriptState::Ended { failure: None, .. } if ran != Some(&None) => {
                    Some(format!("{id}: its script is said to have ended well, and came to {ran:?}"))
                }
                ScriptState::Ended { .. } => None,
                state => Some(format!("{id}: its script never ended: {state:?}")),
            }
        };
        self.scripts.runs.iter().filter_map(wrong).collect()
    }
}
