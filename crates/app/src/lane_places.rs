//! Where waiting exports stand in their org's lane.

use crate::{Context, Error};
use std::collections::BTreeMap;
use waybill_domain::{OrgCode, Ticket};

/// Most places that are counted; who stands further back is not told where.
pub const MAX_PLACES: usize = 1000;

/// The places of `tickets` in the lane, counted from 1, the running export included; those beyond [`MAX_PLACES`], or that have left
/// meanwhile, are missing. Reads the lane only if there is a ticket.
///
/// # Errors
/// `Unavailable`, `Throttled`, `Internal`.
pub async fn lane_places(context: &Context, org: &OrgCode, tickets: &[Ticket]) -> Result<BTreeMap<Ticket, u64>, Error> {
    let mut places = BTreeMap::new();
    if tickets.is_empty() {
        return Ok(places);
    }
    let (entries, _) = context.rows().queue(org, MAX_PLACES).await?;
    for (place, entry) in (1..).zip(entries) {
        if tickets.contains(&entry.value.ticket) {
            places.insert(entry.value.ticket, place);
        }
    }
    Ok(places)
}
