//! A page of a list, and where the next one begins.

use waybill_ports::Stored;

/// A page of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T, P> {
    /// What is on it, in order.
    pub items: Vec<T>,
    /// Position of the last item, when there may be more behind it.
    pub next: Option<P>,
}

impl<T, P> Page<T, P> {
    /// A page of rows; `more` tells whether there may be others behind the last.
    pub(crate) fn of(rows: Vec<Stored<T>>, more: bool, position: impl Fn(&T) -> P) -> Self {
        let items: Vec<T> = rows.into_iter().map(|row| row.value).collect();
        let next = items.last().filter(|_| more).map(position);
        Self { items, next }
    }
}
