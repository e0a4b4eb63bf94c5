//! Bytes as a program: numbers taken from the front until there are none.

/// What is left of an input.
pub(super) struct Input<'a>(pub(super) &'a [u8]);

impl<'a> Input<'a> {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The next bytes; fewer at the end.
    pub(super) fn take(&mut self, count: usize) -> &'a [u8] {
        let (front, rest) = self.0.split_at(count.min(self.0.len()));
        self.0 = rest;
        front
    }

    /// The next `N` bytes; zeros where there are none.
    pub(super) fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        for (byte, taken) in bytes.iter_mut().zip(self.take(N)) {
            *byte = *taken;
        }
        bytes
    }

    pub(super) fn byte(&mut self) -> u8 {
        let [byte] = self.bytes();
        byte
    }

    pub(super) fn half(&mut self) -> u16 {
        u16::from_le_bytes(self.bytes())
    }

    pub(super) fn dword(&mut self) -> u32 {
        u32::from_le_bytes(self.bytes())
    }
}
