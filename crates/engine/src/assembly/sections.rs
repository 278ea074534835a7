//! Archives in which each of several collections has an entry of its own, one after the other.

use super::{Assembly, AssemblyError, place};
use crate::manifest::SectionLine;
use crate::plan::Plan;
use waybill_archive::SizeBound;

impl Assembly {
    /// What is done to the records of the entry that is open.
    pub(super) fn open_plan(&self) -> &Plan {
        self.plan.section(place(self.parts.saturating_sub(1)))
    }

    /// Ends the entries of the collections before that at place `section` and begins those up to it; nothing where all have one.
    ///
    /// # Errors
    /// [`AssemblyError::OutOfOrder`] for one that has ended.
    pub fn enter_section(&mut self, section: usize, out: &mut Vec<u8>) -> Result<(), AssemblyError> {
        if section >= self.plan.sections().len() {
            return Ok(());
        }
        if section + 1 < place(self.parts) {
            return Err(AssemblyError::OutOfOrder);
        }
        while place(self.parts) <= section {
            self.end_part(out)?;
            self.start_part(SizeBound::Unknown, out)?;
        }
        Ok(())
    }

    /// Begins what is left: collections of which nothing came have an entry, too.
    pub(super) fn enter_last_section(&mut self, out: &mut Vec<u8>) -> Result<(), AssemblyError> {
        match self.plan.sections().len().checked_sub(1) {
            Some(last) => self.enter_section(last, out),
            None => Ok(()),
        }
    }

    /// How many records each collection has so far, where each has an entry of its own, as far as they have begun; else none.
    pub fn section_records(&self) -> Vec<u64> {
        if self.plan.sections().is_empty() {
            return Vec::new();
        }
        self.section_records.iter().copied().chain([self.part_records]).collect()
    }

    /// What the manifest says of them.
    pub(super) fn section_lines(&self) -> Vec<SectionLine<'_>> {
        let sections = self.plan.sections().iter().zip(self.section_records());
        let lines = sections.map(|(section, records)| SectionLine {
            collection: &section.collection,
            name: section.entry.as_str(),
            records,
        });
        lines.collect()
    }
}
