//! A 5-tuple as people write it.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use flowlog::policy::Protocol;

use super::entry::{FlowEntry, has_ports};

/// Protocol, addresses and ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FiveTuple {
    /// IANA protocol number.
    pub protocol: u8,
    /// Source address.
    pub src: IpAddr,
    /// Source port; 0 for protocols without.
    pub src_port: u16,
    /// Destination address.
    pub dst: IpAddr,
    /// Destination port; 0 for protocols without.
    pub dst_port: u16,
}

/// The text is no 5-tuple.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "found `{found}`, expected a 5-tuple like `tcp 10.0.0.1:1234 > 10.0.0.2:443` or `10.0.0.1 10.0.0.2 1234 443 6`"
)]
pub struct TupleError {
    found: String,
}

impl FiveTuple {
    /// Reads `PROTOCOL SRC:PORT > DST:PORT`, or addresses, ports and protocol in a record's order. Blanks, commas
    /// and arrows may stand between them.
    ///
    /// # Errors
    /// When it is neither.
    pub fn parse(words: &[String]) -> Result<Self, TupleError> {
        let text = words.join(" ");
        let parts: Vec<&str> = text.split([' ', ',', '>', '→']).filter(|part| !matches!(*part, "" | "-")).collect();
        let parts: Vec<&str> = parts.iter().map(|part| part.trim_end_matches('-')).collect();
        let read = || match parts.as_slice() {
            [src, dst, src_port, dst_port, number] => Self::of(
                protocol(number)?,
                (src.parse().ok()?, src_port.parse().ok()?),
                (dst.parse().ok()?, dst_port.parse().ok()?),
            ),
            [name, src, dst] if protocol(name).is_some() => Self::of(protocol(name)?, end(src)?, end(dst)?),
            [src, dst, name] => Self::of(protocol(name)?, end(src)?, end(dst)?),
            _ => None,
        };
        read().ok_or(TupleError { found: text })
    }

    fn of(protocol: u8, (src, src_port): (IpAddr, u16), (dst, dst_port): (IpAddr, u16)) -> Option<Self> {
        (src.is_ipv4() == dst.is_ipv4()).then_some(Self { protocol, src, src_port, dst, dst_port })
    }

    /// Whether a flow has it.
    #[must_use]
    pub fn is_of(&self, entry: &FlowEntry) -> bool {
        let Self { protocol, src, src_port, dst, dst_port } = *self;
        let ends = (entry.protocol, entry.src, entry.dst) == (protocol, src, dst);
        ends && (!has_ports(protocol) || (entry.src_port, entry.dst_port) == (src_port, dst_port))
    }
}

fn protocol(text: &str) -> Option<u8> {
    match text.to_ascii_lowercase().parse() {
        Ok(Protocol::Number(number)) => Some(number),
        _ => None,
    }
}

fn end(text: &str) -> Option<(IpAddr, u16)> {
    let with_port: Option<SocketAddr> = text.parse().ok();
    with_port.map(|end| (end.ip(), end.port())).or_else(|| Some((text.parse().ok()?, 0)))
}

impl fmt::Display for FiveTuple {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let protocol = Protocol::Number(self.protocol);
        if !has_ports(self.protocol) {
            return write!(f, "{protocol} {} > {}", self.src, self.dst);
        }
        let end = SocketAddr::new;
        write!(f, "{protocol} {} > {}", end(self.src, self.src_port), end(self.dst, self.dst_port))
    }
}

#[cfg(test)]
mod tests {
    use super::FiveTuple;

    #[test]
    fn a_tuple_is_read_as_people_and_records_write_it() {
        let read =
            |text: &str| FiveTuple::parse(&[text.to_owned()]).map_or_else(|_| String::new(), |tuple| tuple.to_string());
        let tcp = "tcp 10.0.0.1:1234 > 10.0.0.2:443";
        for same in
            [tcp, "10.0.0.1 10.0.0.2 1234 443 6", "10.0.0.1:1234 -> 10.0.0.2:443 TCP", "10.0.0.1,10.0.0.2,1234,443,tcp"]
        {
            assert_eq!(read(same), tcp, "{same}");
        }
        assert_eq!(read("udp [2001:db8::1]:53 > [2001:db8::2]:9"), "udp [2001:db8::1]:53 > [2001:db8::2]:9");
        assert_eq!(read("icmp 10.0.0.1 > 10.0.0.2"), "icmp 10.0.0.1 > 10.0.0.2");
        for wrong in ["", "10.0.0.1", "tcp 10.0.0.1:1 > [2001:db8::2]:9", "tcp 10.0.0.1:70000 > 10.0.0.2:1"] {
            assert_eq!(read(wrong), "", "{wrong}");
        }
    }
}
