//! Entries of a ring, as bytes.

use super::RingDump;
use crate::device::Device;
use crate::ring::Ring;
use serde::{Deserialize, Serialize};

/// Entries of a ring that a dump has at most.
pub const ENTRIES_MAX: u32 = 32;
/// Bytes of an entry that a dump has at most: of a frame its header, and nothing of what it carries.
const ENTRY_BYTES_MAX: usize = 64;

/// An entry of a ring.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EntryDump {
    /// Its index.
    pub index: u32,
    /// Whether its consumer has not got to it yet.
    pub waits: bool,
    /// A descriptor, or the header of a frame's slot, in hexadecimal digits.
    #[serde(with = "digits")]
    pub bytes: Vec<u8>,
}

/// Bytes as text.
mod digits {
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        let text: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        serializer.serialize_str(&text)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        let text = String::deserialize(deserializer)?;
        let wrong = || D::Error::custom(format!("found `{text}`, expected pairs of hexadecimal digits"));
        let pair = |pair: &[u8]| {
            let pair = std::str::from_utf8(pair).ok().filter(|pair| pair.len() == 2)?;
            u8::from_str_radix(pair, 16).ok()
        };
        text.as_bytes().chunks(2).map(pair).collect::<Option<_>>().ok_or_else(wrong)
    }
}

impl<D: Device> Ring<D> {
    /// The ring and its newest entries.
    pub(crate) fn dump(&self) -> RingDump {
        let state = self.state();
        let (producer, consumer) = if self.id.host_produces() {
            (state.host_index, state.nic_index)
        } else {
            (state.nic_index, state.host_index)
        };
        // Indices of a ring that was never used stand at 0; nothing lies before.
        let count = producer.min(ENTRIES_MAX).min(self.entries());
        let first = producer.wrapping_sub(count);
        let waiting = producer.wrapping_sub(consumer);
        let entry = |ahead: u32| {
            let index = first.wrapping_add(ahead);
            let at = (index & (self.entries() - 1)) as usize * self.id.entry_bytes();
            let bytes = self.id.entry_bytes().min(ENTRY_BYTES_MAX);
            let bytes = (0..bytes).map(|byte| self.memory.load::<u8>(at + byte)).collect();
            EntryDump { index, waits: count - ahead <= waiting, bytes }
        };
        RingDump { state, entries: (0..count).map(entry).collect() }
    }
}
