//! Reading the line of 14 fields, and the old form of 13 that some status lines have.

use super::cursor::{ADDRESS_BYTES_MAX, Cursor, NUMBER_BYTES_MAX, SLACK_BYTES};
use super::word::{excerpt, words};
use super::{AccountId, Action, EniId, Field, LogStatus, SecondSpan};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

words! {
    /// The first field of a record, as it was read.
    pub enum Version, "version" {
        /// `1`.
        One = "1",
        /// `2`.
        Two = "2",
        /// `V1`.
        V1 = "V1",
        /// `V2`.
        V2 = "V2",
    }
}

/// A line that is no record.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// It has too few or too many fields.
    #[error("found {found} fields, expected {expected}")]
    FieldCount {
        /// How many there are; one more than expected may stand for any number more.
        found: usize,
        /// How many there should be.
        expected: usize,
    },
    /// A field does not hold what it should.
    #[error("field {number}, {field}: found `{found}`, expected {expected}")]
    Field {
        /// The field.
        field: Field,
        /// Its place in the line, from 1.
        number: usize,
        /// What it holds, cut after 64 bytes.
        found: String,
        /// What it should hold.
        expected: &'static str,
    },
}

/// A record as it was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ParsedRecord {
    /// The version token.
    pub version: Version,
    /// The account.
    pub account: AccountId,
    /// The ENI.
    pub eni: EniId,
    /// `start` and `end`.
    pub seconds: SecondSpan,
    /// The rest.
    pub body: ParsedBody,
}

/// What differs between records of each status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ParsedBody {
    /// OK.
    Flow(ParsedFlow),
    /// NODATA.
    NoData,
    /// SKIPDATA.
    SkipData,
}

/// The flow of an OK record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ParsedFlow {
    /// Source address.
    pub src: IpAddr,
    /// Destination address, of the same IP version.
    pub dst: IpAddr,
    /// Source port.
    pub src_port: u16,
    /// Destination port.
    pub dst_port: u16,
    /// IANA protocol number.
    pub protocol: u8,
    /// Packets.
    pub packets: u64,
    /// Layer-3 bytes.
    pub bytes: u64,
    /// What was done with the packets.
    pub action: Action,
}

const FIELDS: usize = Field::DEFAULT_COUNT;
/// Fields of a status line of the old samples: one `-` less between interface-id and start.
const OLD_STATUS_FIELDS: usize = FIELDS - 1;

pub(super) const PORT: &str = "a number from 0 to 65535";
pub(super) const OCTET: &str = "a number from 0 to 255";
pub(super) const NUMBER: &str = "a number from 0 to 18446744073709551615, without leading zeros";
pub(super) const ADDRESS: &str = "an IPv4 or IPv6 address";
pub(super) const ACTION: &str = "ACCEPT or REJECT";
pub(super) const STATUS: &str = "OK, NODATA or SKIPDATA";
pub(super) const VERSION: &str = "1, 2, V1 or V2";
const ABSENT: &str = "`-`, as on every NODATA or SKIPDATA line";
const SAME_VERSION: &str = "an address of the same IP version as srcaddr";
const OLD_STATUS: &str = "NODATA or SKIPDATA, as the line has 13 fields";

/// Reads a record in the default format: a line of 14 fields with single spaces between them, or
/// of 13 on a NODATA or SKIPDATA line. A line feed at the end, with or without a carriage return
/// before it, is ignored.
///
/// # Errors
///
/// If the number of fields is wrong, or a field does not hold what it should.
pub fn parse_line(line: impl AsRef<[u8]>) -> Result<ParsedRecord, ParseError> {
    let line = Line::split(without_line_end(line.as_ref()))?;
    let status = line.take(Field::LogStatus, LogStatus::from_word, STATUS)?;
    if line.left_out > 0 && status == LogStatus::Ok {
        return Err(line.bad(Field::LogStatus, OLD_STATUS));
    }
    let body = match status {
        LogStatus::Ok => ParsedBody::Flow(line.flow()?),
        LogStatus::NoData => line.without_flow(ParsedBody::NoData)?,
        LogStatus::SkipData => line.without_flow(ParsedBody::SkipData)?,
    };
    Ok(ParsedRecord {
        version: line.take(Field::Version, Version::from_word, VERSION)?,
        account: line.take(Field::AccountId, AccountId::parse, AccountId::EXPECTED)?,
        eni: line.take(Field::InterfaceId, EniId::parse, EniId::EXPECTED)?,
        seconds: SecondSpan {
            start: line.take(Field::Start, number, NUMBER)?,
            end: line.take(Field::End, number, NUMBER)?,
        },
        body,
    })
}

/// The fields of a line, by [`Field`].
struct Line<'a> {
    fields: [&'a [u8]; FIELDS],
    /// Fields that the line does not have: 1 in the old form of a status line, else 0.
    left_out: usize,
}

impl<'a> Line<'a> {
    fn split(line: &'a [u8]) -> Result<Self, ParseError> {
        let mut fields = [b"-".as_slice(); FIELDS];
        let mut found = 0;
        let mut start = 0;
        for (at, byte) in line.iter().enumerate() {
            if *byte == b' ' {
                if let Some(place) = fields.get_mut(found) {
                    *place = line.get(start..at).unwrap_or_default();
                }
                found += 1;
                start = at + 1;
            }
        }
        if let Some(place) = fields.get_mut(found) {
            *place = line.get(start..).unwrap_or_default();
        }
        found += 1;
        match found {
            FIELDS => Ok(Self { fields, left_out: 0 }),
            OLD_STATUS_FIELDS => {
                // The last place still holds `-`: moved to the front of the others, it is the one
                // that the line leaves out.
                if let Some(after_ids) = fields.get_mut(Field::SrcAddr as usize..) {
                    after_ids.rotate_right(1);
                }
                Ok(Self { fields, left_out: 1 })
            }
            _ => Err(ParseError::FieldCount { found, expected: FIELDS }),
        }
    }

    fn field(&self, field: Field) -> &'a [u8] {
        self.fields.get(field as usize).copied().unwrap_or_default()
    }

    #[inline]
    fn take<T>(
        &self,
        field: Field,
        parse: impl FnOnce(&'a [u8]) -> Option<T>,
        expected: &'static str,
    ) -> Result<T, ParseError> {
        parse(self.field(field)).ok_or_else(|| self.bad(field, expected))
    }

    #[cold]
    fn bad(&self, field: Field, expected: &'static str) -> ParseError {
        let place = field as usize + 1;
        let number = if field > Field::SrcAddr { place - self.left_out } else { place };
        ParseError::Field { field, number, found: excerpt(self.field(field)), expected }
    }

    fn flow(&self) -> Result<ParsedFlow, ParseError> {
        let src = self.take(Field::SrcAddr, address, ADDRESS)?;
        let dst = self.take(Field::DstAddr, address, ADDRESS)?;
        if src.is_ipv4() != dst.is_ipv4() {
            return Err(self.bad(Field::DstAddr, SAME_VERSION));
        }
        Ok(ParsedFlow {
            src,
            dst,
            src_port: self.take(Field::SrcPort, port, PORT)?,
            dst_port: self.take(Field::DstPort, port, PORT)?,
            protocol: self.take(Field::Protocol, octet, OCTET)?,
            packets: self.take(Field::Packets, number, NUMBER)?,
            bytes: self.take(Field::Bytes, number, NUMBER)?,
            action: self.take(Field::Action, Action::from_word, ACTION)?,
        })
    }

    /// `body`, if the line has no flow.
    fn without_flow(&self, body: ParsedBody) -> Result<ParsedBody, ParseError> {
        let flow = Field::ALL.iter().copied().filter(|field| (Field::SrcAddr..=Field::Bytes).contains(field));
        for field in flow.chain([Field::Action]) {
            self.take(field, |text| (text == b"-").then_some(()), ABSENT)?;
        }
        Ok(body)
    }
}

impl ParsedRecord {
    /// Its status.
    #[must_use]
    pub const fn status(&self) -> LogStatus {
        match self.body {
            ParsedBody::Flow(_) => LogStatus::Ok,
            ParsedBody::NoData => LogStatus::NoData,
            ParsedBody::SkipData => LogStatus::SkipData,
        }
    }

    /// Appends its line, in the form of 14 fields.
    pub fn write_line(&self, out: &mut Vec<u8>) {
        const WORDS_BYTES_MAX: usize = 3 + 1 + AccountId::BYTES_MAX + 1 + EniId::BYTES + 1 + 8 + 10;
        const VALUES_BYTES_MAX: usize = 2 * (ADDRESS_BYTES_MAX + 1) + 7 * (NUMBER_BYTES_MAX + 1);
        let mut buffer = [0; WORDS_BYTES_MAX + VALUES_BYTES_MAX + SLACK_BYTES];
        let mut line = Cursor::new(&mut buffer);
        for token in [self.version.as_str(), self.account.as_str(), self.eni.as_str()] {
            line.bytes(token.as_bytes());
            line.byte(b' ');
        }
        match &self.body {
            ParsedBody::Flow(flow) => {
                for address in [flow.src, flow.dst] {
                    put_address(&mut line, address, b' ');
                }
                let ports = [flow.src_port, flow.dst_port].map(u64::from);
                for number in [ports[0], ports[1], flow.protocol.into(), flow.packets, flow.bytes] {
                    line.number(number, b' ');
                }
            }
            ParsedBody::NoData | ParsedBody::SkipData => line.bytes(b"- - - - - - - "),
        }
        for number in [self.seconds.start, self.seconds.end] {
            line.number(number, b' ');
        }
        line.bytes(match &self.body {
            ParsedBody::Flow(flow) => flow.action.as_str().as_bytes(),
            ParsedBody::NoData | ParsedBody::SkipData => b"-",
        });
        line.byte(b' ');
        line.bytes(self.status().as_str().as_bytes());
        line.byte(b'\n');
        out.extend_from_slice(line.written());
    }
}

pub(super) fn put_address(line: &mut Cursor<'_>, address: IpAddr, after: u8) {
    match address {
        IpAddr::V4(v4) => {
            let [a, b, c, d] = v4.octets();
            line.address(&[a, b, c, d, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], false, after);
        }
        IpAddr::V6(v6) => line.address(&v6.octets(), true, after),
    }
}

pub(super) fn without_line_end(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// A decimal number as records have it: digits only, no leading zeros.
#[inline]
pub(super) fn number(text: &[u8]) -> Option<u64> {
    /// Any number of so many digits fits into 64 bits.
    const SAFE_DIGITS: usize = 19;
    if text.is_empty() || text.len() > NUMBER_BYTES_MAX || (text.len() > 1 && text.first() == Some(&b'0')) {
        return None;
    }
    let (safe, last) = text.split_at(text.len().min(SAFE_DIGITS));
    let mut number = 0_u64;
    for byte in safe {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        number = number * 10 + u64::from(digit);
    }
    if let Some(byte) = last.first() {
        let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'))?;
        number = number.checked_mul(10)?.checked_add(digit)?;
    }
    Some(number)
}

pub(super) fn port(text: &[u8]) -> Option<u16> {
    number(text)?.try_into().ok()
}

pub(super) fn octet(text: &[u8]) -> Option<u8> {
    number(text)?.try_into().ok()
}

#[inline]
pub(super) fn address(text: &[u8]) -> Option<IpAddr> {
    if let Some(v4) = ipv4(text) {
        return Some(v4.into());
    }
    let text = std::str::from_utf8(text).ok()?;
    text.parse::<Ipv6Addr>().ok().map(IpAddr::V6)
}

/// Four octets without leading zeros, with dots between them.
fn ipv4(text: &[u8]) -> Option<Ipv4Addr> {
    let (mut done, mut octet, mut digits, mut dots) = (0_u32, 0_u32, 0, 0);
    for byte in text {
        let digit = byte.wrapping_sub(b'0');
        if digit <= 9 && (digits == 0 || octet != 0) {
            octet = octet * 10 + u32::from(digit);
            digits += 1;
        } else if *byte == b'.' && digits > 0 && dots < 3 {
            done = done << 8 | octet;
            (octet, digits) = (0, 0);
            dots += 1;
        } else {
            return None;
        }
        if octet > 255 {
            return None;
        }
    }
    (dots == 3 && digits > 0).then(|| (done << 8 | octet).into())
}
