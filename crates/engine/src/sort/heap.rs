//! A binary heap whose order is asked of somebody else.

/// Numbers of inputs, the one whose row comes first on top.
#[derive(Debug, Default)]
pub(super) struct Heap(Vec<usize>);

impl Heap {
    pub(super) fn top(&self) -> Option<usize> {
        self.0.first().copied()
    }

    pub(super) fn push(&mut self, item: usize, before: impl Fn(usize, usize) -> bool) {
        self.0.push(item);
        let mut at = self.0.len() - 1;
        while at > 0 {
            let parent = (at - 1) / 2;
            if !before(self.0[at], self.0[parent]) {
                break;
            }
            self.0.swap(at, parent);
            at = parent;
        }
    }

    /// Takes the top away.
    pub(super) fn pop(&mut self, before: impl Fn(usize, usize) -> bool) {
        if let Some(last) = self.0.pop()
            && !self.0.is_empty()
        {
            self.0[0] = last;
            self.sink(before);
        }
    }

    /// Puts the top, whose row has changed, where it belongs.
    pub(super) fn sink(&mut self, before: impl Fn(usize, usize) -> bool) {
        let mut at = 0;
        loop {
            let left = 2 * at + 1;
            if left >= self.0.len() {
                return;
            }
            let right = left + 1;
            let child = if right < self.0.len() && before(self.0[right], self.0[left]) { right } else { left };
            if !before(self.0[child], self.0[at]) {
                return;
            }
            self.0.swap(child, at);
            at = child;
        }
    }
}
