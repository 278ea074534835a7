//! About how many records an export will have: as many as were written, for as much of the ids as was read.

use super::Exporting;
use super::pages::Turns;
use futures::stream::{StreamExt, iter};
use waybill_domain::RecordId;
use waybill_ports::{Extent, Reading};

/// Questions to the source on their way at once.
const SIDE_BY_SIDE: usize = 8;
/// A whole section, in the unit of shares.
const WHOLE: u128 = 1_000_000;

/// The ids of every section, as they were when first asked for.
pub(super) struct Extents(Vec<Extent>);

impl Extents {
    /// Asks the source. What it does not answer is unknown: an estimate is worth no failure.
    pub(super) async fn of(exporting: &Exporting, reading: &Reading) -> Self {
        let sections = 0..exporting.records.sections(reading);
        let asked = sections.map(|section| async move {
            exporting.records.extent(reading, section).await.unwrap_or_else(|error| {
                tracing::debug!(error = ?error, section, "the extent of a section is not known");
                Extent::Unknown
            })
        });
        Self(iter(asked.collect::<Vec<_>>()).buffered(SIDE_BY_SIDE).collect().await)
    }

    /// How many records there will be when `records` were written up to `turns`; `None` where that cannot be told.
    pub(super) fn estimate(
        &self,
        exporting: &Exporting,
        reading: &Reading,
        turns: &Turns,
        records: u64,
    ) -> Option<u64> {
        let (mut read, mut sections) = (0, 0);
        for (section, extent) in (0..).zip(&self.0) {
            let (first, last) = match extent {
                Extent::Unknown => return None,
                Extent::Nothing => continue,
                Extent::Between(first, last) => (*first, *last),
            };
            sections += WHOLE;
            read += match turns.of(section).map(|turn| &turn.from) {
                None => WHOLE,
                Some(None) => 0,
                Some(Some(cursor)) => share(exporting.records.reached(reading, cursor)?, first, last),
            };
        }
        if read == 0 {
            return None;
        }
        let estimate = u128::from(records) * sections / read;
        Some(u64::try_from(estimate).unwrap_or(u64::MAX).max(records))
    }
}

/// How much of a section lies before `reached`.
fn share(reached: RecordId, first: RecordId, last: RecordId) -> u128 {
    let (reached, first, last) = (number(reached), number(first), number(last));
    let all = last.saturating_sub(first).max(1);
    // An id has 96 bits: the product fits.
    (reached.saturating_sub(first) * WHOLE / all).min(WHOLE)
}

fn number(id: RecordId) -> u128 {
    u128::from_str_radix(&id.to_string(), 16).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_go_from_nothing_to_all() {
        let id = |number: u128| format!("{number:024x}").parse().unwrap();
        let (first, last) = (id(1000), id(3000));
        let shares = [0, 1000, 1500, 3000, u128::from(u64::MAX)].map(|at| share(id(at), first, last));
        assert_eq!(shares, [0, 0, WHOLE / 4, WHOLE, WHOLE]);
        assert_eq!((share(first, first, first), share(last, first, first)), (0, WHOLE));
    }
}
