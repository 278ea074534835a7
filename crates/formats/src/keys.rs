//! Finding a key among the few that are wanted.

use waybill_record::Value;

/// A small hash table from names to their positions.
#[derive(Clone, Debug)]
pub(crate) struct KeyTable {
    names: Vec<Box<[u8]>>,
    /// Position + 1 per bucket, 0 for none; a power of two in length and at most half full.
    buckets: Vec<u16>,
}

impl KeyTable {
    /// A table of at most 32 000 distinct names; what is over that is not found.
    pub(crate) fn new<'n>(names: impl Iterator<Item = &'n str>) -> Self {
        let names: Vec<Box<[u8]>> = names.map(|name| Box::from(name.as_bytes())).collect();
        let mut buckets = vec![0; (names.len() * 2).next_power_of_two().max(8)];
        for (position, name) in names.iter().enumerate().take(32_000) {
            let mut bucket = hash(name) & (buckets.len() - 1);
            while buckets[bucket] != 0 {
                bucket = (bucket + 1) & (buckets.len() - 1);
            }
            buckets[bucket] = u16::try_from(position + 1).unwrap_or(0);
        }
        Self { names, buckets }
    }

    /// The position of the name that a key of an object stands for.
    #[inline]
    pub(crate) fn find(&self, key: Value<'_>) -> Option<usize> {
        let text = key.text()?;
        if text.is_escaped() {
            return self.position(text.decoded().as_bytes());
        }
        self.position(text.source().as_bytes())
    }

    #[inline]
    fn position(&self, name: &[u8]) -> Option<usize> {
        let mask = self.buckets.len() - 1;
        let mut bucket = hash(name) & mask;
        loop {
            let position = usize::from(*self.buckets.get(bucket)?).checked_sub(1)?;
            if self.names.get(position).is_some_and(|own| same(own, name)) {
                return Some(position);
            }
            bucket = (bucket + 1) & mask;
        }
    }
}

/// Whether two names are the same; most are so short that their two ends are all of them.
#[inline]
fn same(own: &[u8], name: &[u8]) -> bool {
    if own.len() != name.len() {
        return false;
    }
    match own.len() {
        4..8 => own.first_chunk::<4>() == name.first_chunk() && own.last_chunk::<4>() == name.last_chunk(),
        8..=16 => own.first_chunk::<8>() == name.first_chunk() && own.last_chunk::<8>() == name.last_chunk(),
        _ => own == name,
    }
}

/// Mixes the length, the ends and the middle: keys of one collection seldom agree in all of them.
#[inline]
fn hash(name: &[u8]) -> usize {
    let (Some(&first), Some(&last)) = (name.first(), name.last()) else {
        return 0;
    };
    let middle = name[name.len() / 2];
    let mixed = name.len() ^ (usize::from(first) << 3) ^ (usize::from(last) << 6) ^ (usize::from(middle) << 1);
    mixed ^ (mixed >> 5)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_every_length_are_told_apart_by_every_byte() {
        for length in 0..20 {
            let name: Vec<u8> = (b'a'..).take(length).collect();
            assert!(same(&name, &name.clone()));
            assert!(!same(&name, &[&name[..], b"x"].concat()));
            for at in 0..length {
                let mut other = name.clone();
                other[at] = b'_';
                assert!(!same(&name, &other), "{length} {at}");
            }
        }
    }
}
