//! Points of time on the command line.

use std::str::FromStr;

use firmware_abi::time::SECOND_NS;

use crate::config::Nanoseconds;

/// A point of time, as it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// Nanoseconds after the first packet.
    After(u64),
    /// Unix nanoseconds.
    At(u64),
}

/// The text is no point of time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "found `{found}`, expected RFC 3339 like 2014-11-14T00:00:10Z, Unix seconds like 1415923210.5, or an offset from the first packet like +10s"
)]
pub struct WhenError {
    found: String,
}

impl When {
    /// As Unix time.
    #[must_use]
    pub const fn unix_ns(self, first_packet_ns: u64) -> u64 {
        match self {
            Self::After(offset) => first_packet_ns.saturating_add(offset),
            Self::At(time) => time,
        }
    }
}

impl FromStr for When {
    type Err = WhenError;

    fn from_str(text: &str) -> Result<Self, WhenError> {
        let read = || {
            if let Some(offset) = text.strip_prefix('+') {
                return offset.parse().ok().map(|Nanoseconds(ns)| Self::After(ns));
            }
            if let Some(time) = unix_seconds(text) {
                return Some(Self::At(time));
            }
            let time: jiff::Timestamp = text.parse().ok()?;
            u64::try_from(time.as_nanosecond()).ok().map(Self::At)
        };
        read().ok_or_else(|| WhenError { found: text.to_owned() })
    }
}

/// Seconds with up to nine decimals, exactly.
fn unix_seconds(text: &str) -> Option<u64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(fraction) || fraction.len() > 9 {
        return None;
    }
    let nanoseconds: u64 = format!("{fraction:0<9}").parse().ok()?;
    whole.parse::<u64>().ok()?.checked_mul(SECOND_NS)?.checked_add(nanoseconds)
}

#[cfg(test)]
mod tests {
    use super::When;

    #[test]
    fn a_point_of_time_is_a_date_or_unix_seconds_or_an_offset() {
        let when = |text: &str| text.parse::<When>().ok();
        assert_eq!(when("1970-01-01T00:00:10Z"), Some(When::At(10_000_000_000)));
        assert_eq!(when("1970-01-01T01:00:10.5+01:00"), Some(When::At(10_500_000_000)));
        assert_eq!(when("10.000000001"), Some(When::At(10_000_000_001)));
        assert_eq!(when("+1500ms"), Some(When::After(1_500_000_000)));
        for wrong in ["", "+", "10.", "-5", "yesterday", "1969-12-31T00:00:00Z", "99999999999999999999"] {
            assert_eq!(when(wrong), None, "{wrong}");
        }
    }
}
