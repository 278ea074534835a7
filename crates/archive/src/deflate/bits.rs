//! Bits into bytes, lowest first.

/// Appends bits to a buffer.
#[derive(Debug)]
pub(crate) struct BitWriter<'a> {
    out: &'a mut Vec<u8>,
    /// Whole bytes written; `out` may be longer while room is reserved.
    at: usize,
    pending: u64,
    /// How many bits of `pending` count, fewer than 16 between calls.
    count: u32,
}

impl<'a> BitWriter<'a> {
    pub(crate) fn new(out: &'a mut Vec<u8>) -> Self {
        let at = out.len();
        Self { out, at, pending: 0, count: 0 }
    }

    /// Makes room for `bits` more bits.
    pub(crate) fn reserve(&mut self, bits: u64) {
        let bytes = usize::try_from(bits / 8).unwrap_or(usize::MAX);
        self.out.resize(self.at.saturating_add(bytes).saturating_add(32), 0);
    }

    /// Appends the lowest `count` bits of `bits`, at most 48; those above must be 0, and room reserved.
    #[inline]
    pub(crate) fn put(&mut self, bits: u64, count: u32) {
        self.pending |= bits << self.count;
        self.count += count;
        if self.count >= 16 {
            self.spill();
        }
    }

    #[inline]
    fn spill(&mut self) {
        if let Some(room) = self.out.get_mut(self.at..).and_then(<[u8]>::first_chunk_mut::<8>) {
            *room = self.pending.to_le_bytes();
        }
        self.at += usize::try_from(self.count / 8).unwrap_or(0);
        self.pending >>= self.count & !7;
        self.count &= 7;
    }

    /// Appends zero bits up to the end of the byte, and gives the buffer, to which whole bytes can be appended.
    pub(crate) fn align(&mut self) -> &mut Vec<u8> {
        self.reserve(64);
        self.count = self.count.next_multiple_of(8);
        self.spill();
        self.out.truncate(self.at);
        self.out
    }

    /// Goes on behind what was appended to the buffer meanwhile.
    pub(crate) fn go_on(&mut self) {
        self.at = self.out.len();
    }
}
