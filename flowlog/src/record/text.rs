//! The line of 14 fields: `2 1251762227 eni-lq6mkcis 172.31.16.139 … ACCEPT OK`.

use super::cursor::{ADDRESS_BYTES_MAX, Cursor, NUMBER_BYTES_MAX, OwnAddress, SLACK_BYTES, SecondDigits};
use super::{AccountId, Action, Entry, FlowFacts, RecordSettings, Stream, WindowBounds};

/// `V1`, account and ENI, each with its space.
const PREFIX_BYTES_MAX: usize = 3 + (AccountId::BYTES_MAX + 1) + (super::EniId::BYTES + 1);
/// Addresses, ports, protocol, packets, bytes, start, end, each with its space. Seconds have at
/// most 11 digits, as they come from nanoseconds in 64 bits.
const FACTS_BYTES_MAX: usize = 2 * (ADDRESS_BYTES_MAX + 1) + 2 * 6 + 4 + 2 * (NUMBER_BYTES_MAX + 1) + 2 * 12;
/// `ACCEPT OK`, `- SKIPDATA` and the line's end, with what the longest store adds.
const ENDING_BYTES: usize = 16;
const LINE_BYTES_MAX: usize = PREFIX_BYTES_MAX + FACTS_BYTES_MAX + ENDING_BYTES;
/// What a line takes while it is written.
const ROOM_BYTES: usize = 256;
const _: () = assert!(LINE_BYTES_MAX + SLACK_BYTES <= ROOM_BYTES);

const ACCEPT_OK: &[u8; ENDING_BYTES] = b"ACCEPT OK\n\0\0\0\0\0\0";
const REJECT_OK: &[u8; ENDING_BYTES] = b"REJECT OK\n\0\0\0\0\0\0";
const OK_BYTES: usize = 10;

/// Lines that are gathered before they are appended to the output.
const LINES: usize = 16;

/// Writes the records of one [`Stream`] as lines of 14 fields.
///
/// It keeps the bytes that lines share; a record costs neither an allocation (but for the growth
/// of the output) nor a division per digit.
#[derive(Clone)]
pub struct TextWriter {
    shared: Shared,
    /// Where lines are written before their length is known.
    lines: Box<[u8]>,
}

/// What lines have in common.
#[derive(Clone)]
struct Shared {
    settings: RecordSettings,
    prefix: [u8; PREFIX_BYTES_MAX],
    prefix_bytes: usize,
    own: OwnAddress,
    start: SecondDigits,
    end: SecondDigits,
}

impl TextWriter {
    /// For the records of `stream`.
    #[must_use]
    pub fn new(stream: &Stream, settings: RecordSettings) -> Self {
        let mut line = [0; ROOM_BYTES];
        let mut cursor = Cursor::new(&mut line);
        for token in [settings.version_token.as_str(), stream.account.as_str(), stream.eni.as_str()] {
            cursor.bytes(token.as_bytes());
            cursor.byte(b' ');
        }
        let prefix_bytes = cursor.written().len();
        let mut prefix = [0; PREFIX_BYTES_MAX];
        prefix[..prefix_bytes].copy_from_slice(cursor.written());
        let (start, end) = (SecondDigits::new(), SecondDigits::new());
        let shared = Shared { settings, prefix, prefix_bytes, own: OwnAddress::new(), start, end };
        Self { shared, lines: vec![0; LINES * ROOM_BYTES].into() }
    }

    /// The settings it was made with.
    #[must_use]
    pub const fn settings(&self) -> &RecordSettings {
        &self.shared.settings
    }

    /// Appends the line of `entry`.
    pub fn entry(&mut self, out: &mut Vec<u8>, window: &WindowBounds, entry: &Entry<'_>) {
        match entry {
            Entry::Flow(facts) => self.flow(out, window, facts),
            Entry::NoData => self.status(out, window, b"- NODATA\n"),
            Entry::SkipData(_) => self.status(out, window, b"- SKIPDATA\n"),
        }
    }

    /// Appends the line of a flow.
    pub fn flow(&mut self, out: &mut Vec<u8>, window: &WindowBounds, facts: &FlowFacts) {
        self.flows(out, window, std::slice::from_ref(facts));
    }

    /// Appends the lines of flows; quicker than one by one.
    pub fn flows(&mut self, out: &mut Vec<u8>, window: &WindowBounds, flows: &[FlowFacts]) {
        for flows in flows.chunks(LINES) {
            let mut end = 0;
            for facts in flows {
                let room = self.lines[end..].first_chunk_mut::<ROOM_BYTES>();
                let room = room.expect("there is room for as many lines");
                end += self.shared.line(room, window, facts);
            }
            out.extend_from_slice(&self.lines[..end]);
        }
    }

    fn status(&mut self, out: &mut Vec<u8>, window: &WindowBounds, ending: &[u8]) {
        let seconds = window.seconds();
        let mut line = [0; ROOM_BYTES];
        let mut line = Cursor::new(&mut line);
        line.fixed(&self.shared.prefix, self.shared.prefix_bytes);
        line.bytes(b"- - - - - - - ");
        self.shared.start.put(&mut line, seconds.start, b' ');
        self.shared.end.put(&mut line, seconds.end, b' ');
        line.bytes(ending);
        out.extend_from_slice(line.written());
    }
}

impl Shared {
    /// Writes the line of a flow at the start of `room`; its length.
    #[inline(always)]
    fn line(&mut self, room: &mut [u8; ROOM_BYTES], window: &WindowBounds, facts: &FlowFacts) -> usize {
        let key = &facts.key;
        let ports = facts.ports(&self.settings);
        let seconds = facts.seconds(window, &self.settings);

        let mut line = Cursor::new(room);
        line.fixed(&self.prefix, self.prefix_bytes);
        if !facts.is_ipv6() {
            line.address(&key.src, false, b' ');
            line.address(&key.dst, false, b' ');
        } else if key.port.egress() {
            self.own.put(&mut line, &key.src);
            line.address(&key.dst, true, b' ');
        } else {
            line.address(&key.src, true, b' ');
            self.own.put(&mut line, &key.dst);
        }
        line.port(ports.src, b' ');
        line.port(ports.dst, b' ');
        line.octet(key.protocol, b' ');
        line.small_number(facts.packets, b' ');
        line.number(facts.bytes, b' ');
        self.start.put(&mut line, seconds.start, b' ');
        self.end.put(&mut line, seconds.end, b' ');
        let ending = match facts.action {
            Action::Accept => ACCEPT_OK,
            Action::Reject => REJECT_OK,
        };
        line.fixed(ending, OK_BYTES);
        line.position()
    }
}
