//! Reading a line that has the fields of a [`FieldList`].

use super::cursor::{ADDRESS_BYTES_MAX, Cursor, SLACK_BYTES};
use super::parse::{
    ACTION, ADDRESS, NUMBER, OCTET, PORT, ParseError, STATUS, VERSION, address, number, octet, port, put_address,
    without_line_end,
};
use super::word::excerpt;
use super::{AccountId, Action, BadFieldList, EniId, Field, FieldKind, FieldList, Label, LogStatus, Version};
use std::net::IpAddr;

/// The value of a field as it was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Value<'a> {
    /// `-`: the record does not have it.
    Absent,
    /// A number.
    Number(u64),
    /// An address.
    Address(IpAddr),
    /// Printable ASCII without spaces.
    Text(&'a str),
}

/// A record with the fields of a list, as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedRecord<'a> {
    list: &'a FieldList,
    values: Vec<Value<'a>>,
}

impl FieldList {
    /// Reads a header line.
    ///
    /// # Errors
    ///
    /// As [`str::parse`] of a list; bytes that are not UTF-8 are part of a name that does not exist.
    pub fn parse_header(line: &[u8]) -> Result<Self, BadFieldList> {
        String::from_utf8_lossy(line).parse()
    }

    /// Reads a line that has these fields, with single spaces between them. A line feed at the
    /// end, with or without a carriage return before it, is ignored.
    ///
    /// # Errors
    ///
    /// If the number of fields is wrong, or a field does not hold what it should.
    pub fn parse_line<'a>(&'a self, line: &'a [u8]) -> Result<ListedRecord<'a>, ParseError> {
        let expected = self.fields().len();
        let mut texts = without_line_end(line).split(|byte| *byte == b' ');
        let mut values = Vec::with_capacity(expected);
        for (at, field) in self.fields().iter().enumerate() {
            let Some(text) = texts.next() else {
                return Err(ParseError::FieldCount { found: at, expected });
            };
            values.push(read(*field, text).map_err(|wanted| ParseError::Field {
                field: *field,
                number: at + 1,
                found: excerpt(text),
                expected: wanted,
            })?);
        }
        match texts.count() {
            0 => Ok(ListedRecord { list: self, values }),
            more => Err(ParseError::FieldCount { found: expected + more, expected }),
        }
    }
}

impl<'a> ListedRecord<'a> {
    /// The value of a field; none if the list does not have it.
    #[must_use]
    pub fn get(&self, field: Field) -> Option<Value<'a>> {
        self.iter().find(|(each, _)| *each == field).map(|(_, value)| value)
    }

    /// Fields and values, in order.
    pub fn iter(&self) -> impl Iterator<Item = (Field, Value<'a>)> {
        self.list.fields().iter().copied().zip(self.values.iter().copied())
    }

    /// Appends its line.
    pub fn write_line(&self, out: &mut Vec<u8>) {
        for value in &self.values {
            let mut buffer = [0; ADDRESS_BYTES_MAX + 1 + SLACK_BYTES];
            let mut cursor = Cursor::new(&mut buffer);
            match value {
                Value::Absent => cursor.bytes(b"- "),
                Value::Number(number) => cursor.number(*number, b' '),
                Value::Address(address) => put_address(&mut cursor, *address, b' '),
                Value::Text(text) => {
                    out.extend_from_slice(text.as_bytes());
                    cursor.byte(b' ');
                }
            }
            out.extend_from_slice(cursor.written());
        }
        out.pop();
        out.push(b'\n');
    }
}

/// What a text must be whose words are not checked one by one.
const TEXT: &str = "1 to 64 printable ASCII characters";

/// The value of `field`, or what it should be.
fn read(field: Field, text: &[u8]) -> Result<Value<'_>, &'static str> {
    let never_absent = matches!(
        field,
        Field::Version | Field::AccountId | Field::InterfaceId | Field::Start | Field::End | Field::LogStatus
    );
    if text == b"-" && !never_absent {
        return Ok(Value::Absent);
    }
    match field.kind() {
        FieldKind::Number => read_number(field, text).map(Value::Number),
        FieldKind::Address => address(text).map(Value::Address).ok_or(ADDRESS),
        FieldKind::Text => read_text(field, text).map(Value::Text),
    }
}

fn read_number(field: Field, text: &[u8]) -> Result<u64, &'static str> {
    match field {
        Field::SrcPort | Field::DstPort | Field::IcmpTypeCode => port(text).map(u64::from).ok_or(PORT),
        Field::Protocol | Field::TcpFlags | Field::TrafficPath => octet(text).map(u64::from).ok_or(OCTET),
        _ => number(text).ok_or(NUMBER),
    }
}

fn read_text(field: Field, text: &[u8]) -> Result<&str, &'static str> {
    let (known, expected) = match field {
        Field::Version => (Version::from_word(text).is_some(), VERSION),
        Field::AccountId => (AccountId::parse(text).is_some(), AccountId::EXPECTED),
        Field::InterfaceId => (EniId::parse(text).is_some(), EniId::EXPECTED),
        Field::Action => (Action::from_word(text).is_some(), ACTION),
        Field::LogStatus => (LogStatus::from_word(text).is_some(), STATUS),
        Field::VpcId | Field::SubnetId | Field::InstanceId | Field::Region => {
            (Label::parse(text).is_some(), Label::EXPECTED)
        }
        _ => {
            let fits = (1..=Label::BYTES_MAX).contains(&text.len());
            (fits && text.iter().all(u8::is_ascii_graphic), TEXT)
        }
    };
    let text = std::str::from_utf8(text).map_err(|_| expected)?;
    if known { Ok(text) } else { Err(expected) }
}
