//! Records with the fields of a [`FieldList`], as a line of text or as a JSON object.
//!
//! A list is compiled once per stream and status: every field whose value is the same in all such
//! records, or that they do not have, becomes part of the bytes between the others.
//!
//! ```text
//!   version,srcaddr,x-skip-reason,bytes   ──▶   "2 " srcaddr " - " bytes "\n"          (OK, text)
//!                                         ──▶   "2 - " x-skip-reason " -\n"            (SKIPDATA, text)
//! ```

use super::cursor::{ADDRESS_BYTES_MAX, Cursor, SLACK_BYTES};
use super::{
    CommunityId, Entry, Field, FieldList, FlowFacts, LogStatus, RecordSettings, Skipped, Stream, VersionToken,
    WindowBounds,
};
use firmware_abi::key::Direction;

/// Writes the records of one [`Stream`] as lines of text with the fields of a list.
#[derive(Clone)]
pub struct ListWriter(Form<false>);

/// Writes the records of one [`Stream`] as NDJSON: one object a line, its keys the names of the
/// list's fields in the list's order, `null` for what a record does not have.
#[derive(Clone)]
pub struct JsonWriter(Form<true>);

impl ListWriter {
    /// For the records of `stream`.
    #[must_use]
    pub fn new(stream: &Stream, settings: RecordSettings, list: &FieldList) -> Self {
        Self(Form::new(stream, settings, list))
    }

    /// Appends the line of `entry`. The header is [`FieldList::write_header`].
    pub fn entry(&mut self, out: &mut Vec<u8>, window: &WindowBounds, entry: &Entry<'_>) {
        self.0.entry(out, window, entry);
    }
}

impl JsonWriter {
    /// For the records of `stream`.
    #[must_use]
    pub fn new(stream: &Stream, settings: RecordSettings, list: &FieldList) -> Self {
        Self(Form::new(stream, settings, list))
    }

    /// Appends the object of `entry` and a line feed.
    pub fn entry(&mut self, out: &mut Vec<u8>, window: &WindowBounds, entry: &Entry<'_>) {
        self.0.entry(out, window, entry);
    }
}

/// The most bytes of a value that is not fixed: an address, in quotes.
const VALUE_BYTES_MAX: usize = ADDRESS_BYTES_MAX + 2;

#[derive(Clone)]
struct Form<const JSON: bool> {
    settings: RecordSettings,
    flow: Vec<Piece>,
    no_data: Vec<Piece>,
    skip_data: Vec<Piece>,
    line: Box<[u8]>,
}

/// Bytes, and the value that follows them.
#[derive(Clone)]
struct Piece {
    literal: [u8; Self::BYTES_MAX],
    literal_bytes: u8,
    then: Option<Field>,
}

impl Piece {
    const BYTES_MAX: usize = SLACK_BYTES;
}

/// A value that all records of a stream and status share.
enum Fixed<'a> {
    Absent,
    Number(&'a str),
    Text(&'a str),
}

impl<'a> Fixed<'a> {
    /// The value of `field`, unless it differs from record to record.
    fn of(field: Field, stream: &'a Stream, settings: &RecordSettings, status: LogStatus) -> Option<Self> {
        let label = |label: &'a Option<super::Label>| label.as_ref().map_or(Self::Absent, |l| Self::Text(l.as_str()));
        Some(match field {
            Field::Version => match settings.version_token {
                VersionToken::Two => Self::Number(VersionToken::Two.as_str()),
                VersionToken::V1 => Self::Text(VersionToken::V1.as_str()),
            },
            Field::AccountId => Self::Text(stream.account.as_str()),
            Field::InterfaceId => Self::Text(stream.eni.as_str()),
            Field::VpcId => label(&stream.vpc_id),
            Field::SubnetId => label(&stream.subnet_id),
            Field::InstanceId => label(&stream.instance_id),
            Field::Region => label(&stream.region),
            Field::LogStatus => Self::Text(status.as_str()),
            Field::TrafficPath => Self::Absent,
            Field::Start | Field::End | Field::WindowStartNs | Field::WindowEndNs => return None,
            Field::SkipReason | Field::SkippedPackets | Field::SkippedBytes => match status {
                LogStatus::SkipData => return None,
                _ => Self::Absent,
            },
            _ => match status {
                LogStatus::Ok => return None,
                _ => Self::Absent,
            },
        })
    }

    fn push<const JSON: bool>(&self, bytes: &mut Vec<u8>) {
        match (self, JSON) {
            (Self::Absent, false) => bytes.push(b'-'),
            (Self::Absent, true) => bytes.extend_from_slice(b"null"),
            (Self::Number(text), _) | (Self::Text(text), false) => bytes.extend_from_slice(text.as_bytes()),
            (Self::Text(text), true) => {
                bytes.push(b'"');
                bytes.extend_from_slice(text.as_bytes());
                bytes.push(b'"');
            }
        }
    }
}

impl<const JSON: bool> Form<JSON> {
    fn new(stream: &Stream, settings: RecordSettings, list: &FieldList) -> Self {
        let compile = |status| Self::compile(stream, &settings, list, status);
        let flow = compile(LogStatus::Ok);
        let no_data = compile(LogStatus::NoData);
        let skip_data = compile(LogStatus::SkipData);
        let pieces = flow.len().max(no_data.len()).max(skip_data.len());
        let line = vec![0; pieces * (Piece::BYTES_MAX + VALUE_BYTES_MAX) + SLACK_BYTES].into();
        Self { settings, flow, no_data, skip_data, line }
    }

    fn compile(stream: &Stream, settings: &RecordSettings, list: &FieldList, status: LogStatus) -> Vec<Piece> {
        let mut pieces = Vec::new();
        let mut literal = Vec::new();
        for (at, field) in list.fields().iter().enumerate() {
            Self::push_name(&mut literal, at, *field);
            match Fixed::of(*field, stream, settings, status) {
                Some(fixed) => fixed.push::<JSON>(&mut literal),
                None => {
                    push_pieces(&mut pieces, &literal, Some(*field));
                    literal.clear();
                }
            }
        }
        literal.extend_from_slice(if JSON { b"}\n" } else { b"\n" });
        push_pieces(&mut pieces, &literal, None);
        pieces
    }

    /// What stands before the value of the list's field number `at`.
    fn push_name(literal: &mut Vec<u8>, at: usize, field: Field) {
        if !JSON {
            literal.extend_from_slice(if at == 0 { b"" } else { b" " });
            return;
        }
        literal.extend_from_slice(if at == 0 { b"{\"" } else { b",\"" });
        literal.extend_from_slice(field.as_str().as_bytes());
        literal.extend_from_slice(b"\":");
    }

    fn entry(&mut self, out: &mut Vec<u8>, window: &WindowBounds, entry: &Entry<'_>) {
        let pieces = match entry {
            Entry::Flow(_) => &self.flow,
            Entry::NoData => &self.no_data,
            Entry::SkipData(_) => &self.skip_data,
        };
        let mut values = Values::<JSON>(Cursor::new(&mut self.line));
        for piece in pieces {
            values.0.fixed(&piece.literal, usize::from(piece.literal_bytes));
            match (piece.then, entry) {
                (None, _) => {}
                (Some(field), Entry::Flow(facts)) => values.flow(field, window, facts, &self.settings),
                (Some(field), Entry::NoData) => values.window(field, window),
                (Some(field), Entry::SkipData(skipped)) => values.skipped(field, window, skipped),
            }
        }
        out.extend_from_slice(values.0.written());
    }
}

/// Cuts `literal` into pieces; `then` follows the last.
fn push_pieces(pieces: &mut Vec<Piece>, literal: &[u8], then: Option<Field>) {
    let mut rest = literal;
    loop {
        let (now, later) = rest.split_at(rest.len().min(Piece::BYTES_MAX));
        let mut padded = [0; Piece::BYTES_MAX];
        padded[..now.len()].copy_from_slice(now);
        let then = if later.is_empty() { then } else { None };
        pieces.push(Piece { literal: padded, literal_bytes: now.len() as u8, then });
        if later.is_empty() {
            return;
        }
        rest = later;
    }
}

/// Writes the values that [`Fixed::of`] leaves open.
struct Values<'a, const JSON: bool>(Cursor<'a>);

impl<const JSON: bool> Values<'_, JSON> {
    #[inline]
    fn flow(&mut self, field: Field, window: &WindowBounds, facts: &FlowFacts, settings: &RecordSettings) {
        let key = &facts.key;
        match field {
            Field::SrcAddr | Field::PktSrcAddr => self.address(&key.src, facts.is_ipv6()),
            Field::DstAddr | Field::PktDstAddr => self.address(&key.dst, facts.is_ipv6()),
            Field::SrcPort => self.port(facts.ports(settings).src),
            Field::DstPort => self.port(facts.ports(settings).dst),
            Field::Protocol => self.octet(key.protocol),
            Field::Packets => self.number(facts.packets),
            Field::Bytes => self.number(facts.bytes),
            Field::Start => self.number(facts.seconds(window, settings).start),
            Field::End => self.number(facts.seconds(window, settings).end),
            Field::Action => self.word(Some(facts.action.as_str())),
            Field::TcpFlags => self.octet(facts.aws_tcp_flags()),
            Field::Type => self.word(Some(if facts.is_ipv6() { "IPv6" } else { "IPv4" })),
            Field::FlowDirection => self.word(Some(match facts.direction() {
                Direction::Ingress => "ingress",
                Direction::Egress => "egress",
            })),
            Field::RejectReason => self.word(facts.reject_reason().map(super::Layer::as_str)),
            Field::Layer => self.word(Some(facts.layer.as_str())),
            Field::RuleId => self.number(u64::from(facts.rule_id)),
            Field::PolicyEpoch => self.number(u64::from(facts.policy_epoch)),
            Field::FirstNs => self.number(facts.packet_times(window).start_ns),
            Field::LastNs => self.number(facts.packet_times(window).end_ns),
            Field::EndReason => self.word(Some(facts.end_reason.as_str())),
            Field::IcmpTypeCode => self.number_or_absent(facts.icmp_type_code().map(u64::from)),
            Field::CommunityId => self.word(CommunityId::of(facts).as_ref().map(CommunityId::as_str)),
            Field::Sequence => self.number(facts.sequence),
            _ => self.window(field, window),
        }
    }

    fn skipped(&mut self, field: Field, window: &WindowBounds, skipped: &Skipped) {
        match field {
            Field::SkipReason => self.word(Some(skipped.reason.as_str())),
            Field::SkippedPackets => self.number(skipped.packets),
            Field::SkippedBytes => self.number(skipped.bytes),
            _ => self.window(field, window),
        }
    }

    fn window(&mut self, field: Field, window: &WindowBounds) {
        match field {
            Field::Start => self.number(window.seconds().start),
            Field::End => self.number(window.seconds().end),
            Field::WindowStartNs => self.number(window.start_ns),
            Field::WindowEndNs => self.number(window.end_ns),
            _ => unreachable!("{field} has a fixed value in such a record"),
        }
    }

    #[inline(always)]
    fn quote(&mut self) {
        if JSON {
            self.0.byte(b'"');
        }
    }

    #[inline]
    fn number(&mut self, number: u64) {
        self.0.number(number, b' ');
        self.0.take_back();
    }

    #[inline]
    fn port(&mut self, port: u16) {
        self.0.port(port, b' ');
        self.0.take_back();
    }

    #[inline]
    fn octet(&mut self, number: u8) {
        self.0.octet(number, b' ');
        self.0.take_back();
    }

    fn address(&mut self, bytes: &[u8; 16], ip6: bool) {
        self.quote();
        self.0.address(bytes, ip6, b'"');
        if !JSON {
            self.0.take_back();
        }
    }

    fn word(&mut self, word: Option<&str>) {
        let Some(word) = word else {
            return self.absent();
        };
        self.quote();
        self.0.bytes(word.as_bytes());
        self.quote();
    }

    fn number_or_absent(&mut self, number: Option<u64>) {
        match number {
            Some(number) => self.number(number),
            None => self.absent(),
        }
    }

    fn absent(&mut self) {
        self.0.bytes(if JSON { b"null" } else { b"-" });
    }
}
