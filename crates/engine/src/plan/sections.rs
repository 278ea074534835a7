//! Plans of several collections in one archive, each with an entry of its own.

use super::Plan;
use std::sync::Arc;
use waybill_archive::{EntryName, file_folders, records_names};

/// The records of one of several collections.
#[derive(Clone, Debug)]
pub(crate) struct Section {
    pub(crate) collection: String,
    /// The entry that they lie in.
    pub(crate) entry: EntryName,
    /// The folder that their files lie in.
    pub(crate) folder: String,
    pub(crate) plan: Plan,
}

impl Plan {
    /// A plan of several collections, each with an entry of its own and what is done to its records; `None` of none. Entries and folders
    /// are called as the collections, safe and unique on every system. For formats that make one file of all records, the same of each.
    pub fn of_each(plans: Vec<(String, Self)>) -> Option<Self> {
        let first = plans.first().map(|(_, plan)| plan.clone())?;
        let collections = || plans.iter().map(|(collection, _)| collection.as_str());
        let entries = records_names(collections(), first.format().file_extension());
        let folders = file_folders(collections());
        let mut files: Vec<String> = Vec::new();
        let mut sections = Vec::with_capacity(plans.len());
        for (((collection, plan), entry), folder) in plans.into_iter().zip(entries).zip(folders) {
            let plan = Self { first_file: files.len(), spare: Arc::clone(&first.spare), ..plan };
            files.extend_from_slice(&plan.files);
            sections.push(Section { collection, entry, folder, plan });
        }
        Some(Self { sections: sections.into(), files, ..first })
    }

    /// What is done to the records of the collection at that place: the plan itself where there is one for all.
    #[must_use]
    pub fn section(&self, place: usize) -> &Self {
        self.sections.get(place).map_or(self, |section| &section.plan)
    }

    pub(crate) fn sections(&self) -> &[Section] {
        &self.sections
    }

    /// The collection, of several, that a file property belongs to.
    pub(crate) fn section_of_file(&self, property: usize) -> Option<&Section> {
        let of = |section: &&Section| {
            let plan = &section.plan;
            (plan.first_file..plan.first_file + plan.files.len()).contains(&property)
        };
        self.sections.iter().find(of)
    }
}
