//! The parser: from a frame to a key.
//!
//! ```text
//!  Ethernet ─ 0–2 VLAN tags ─ IPv4 + options ──────────┬─ TCP, UDP, SCTP ports ─ key
//!                           ─ IPv6 + ≤ 4 extensions ───┘  anything else: ports 0
//! ```
//!
//! The outermost IP header counts; tunnels, MPLS and PPPoE are not opened. All that is read must lie
//! in the first [`HEADER_BYTES_MAX`] bytes; an extension header may reach further, if what follows
//! it is neither another one nor has ports. A fragment and an ICMP message are marked: the host
//! judges those itself.

use firmware_abi::key::{Direction, FlowKey, Port, is_dhcp, protocol};

/// The parser sees this much of a frame.
pub const HEADER_BYTES_MAX: usize = 192;
/// An Ethernet header without a tag, one tag, and a header with two.
const LAYER2_BYTES_MIN: usize = 14;
const TAG_BYTES: usize = 4;
const LAYER2_BYTES_MAX: usize = LAYER2_BYTES_MIN + 2 * TAG_BYTES;
/// Extension headers of IPv6 that are walked.
const EXTENSIONS_MAX: u32 = 4;

const ETHERTYPE_IPV4: u16 = 0x0800;
const ETHERTYPE_IPV6: u16 = 0x86dd;
const ETHERTYPE_VLAN: u16 = 0x8100;
const ETHERTYPE_QINQ: u16 = 0x88a8;

/// What a frame turned out to be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Class {
    /// A packet to look up.
    Flow,
    /// A packet that only the host can attribute: ICMP or a fragment.
    HostOnly,
    /// DHCP: forwarded, not captured.
    Excluded,
    /// Not IP.
    #[default]
    NonIp,
    /// IP, but broken.
    Malformed,
}

/// Where a packet stands in a fragmented datagram.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fragment {
    /// Not fragmented.
    #[default]
    Whole,
    /// The first fragment, with the layer-4 header.
    First,
    /// A later one.
    Later,
}

/// What the parser found.
#[derive(Clone, Copy, Debug, Default)]
pub struct Parsed {
    /// The key, action bits 0.
    pub key: FlowKey,
    /// Layer-3 bytes; of a frame that is not IP or broken, all that follows the Ethernet header and tags.
    pub l3_bytes: u32,
    /// What it is.
    pub class: Class,
    /// Fragment position.
    pub fragment: Fragment,
    /// Identification of a fragmented datagram.
    pub identification: u32,
    /// ICMP type << 24 | code << 16 | identifier; 0 for anything else.
    pub icmp: u32,
}

/// A cursor over the bytes that the parser may see.
struct Header<'a> {
    bytes: &'a [u8],
}

impl Header<'_> {
    #[inline]
    fn byte(&self, at: usize) -> Option<u8> {
        self.bytes.get(at).copied()
    }

    #[inline]
    fn chunk<const N: usize>(&self, at: usize) -> Option<&[u8; N]> {
        self.bytes.get(at..)?.first_chunk::<N>()
    }

    #[inline]
    fn u16(&self, at: usize) -> Option<u16> {
        self.chunk::<2>(at).map(|b| u16::from_be_bytes(*b))
    }
}

/// Parses `bytes`, the beginning of a frame that is `wire_length` bytes long.
///
/// `bytes` may be shorter than the frame only because a capture was; a header that is cut off by
/// that makes the frame malformed.
#[must_use]
pub fn parse(bytes: &[u8], wire_length: u32, vport: u16, direction: Direction) -> Parsed {
    let port = port(vport, direction);
    plain(bytes, wire_length, port).unwrap_or_else(|| parse_any(bytes, wire_length, port))
}

/// The last bits of a key, but for the IP version.
#[inline]
pub(crate) fn port(vport: u16, direction: Direction) -> Port {
    Port(vport & 0xfff | (direction as u16) << 12)
}

/// The long way: every frame there is.
#[inline(never)]
pub(crate) fn parse_any(bytes: &[u8], wire_length: u32, port: Port) -> Parsed {
    let mut parsed = Parsed { key: FlowKey { port, ..FlowKey::default() }, ..Parsed::default() };
    let header = Header { bytes: &bytes[..bytes.len().min(HEADER_BYTES_MAX)] };
    let Some((ethertype, l3)) = layer2(&header) else {
        parsed.l3_bytes = wire_length.saturating_sub(14);
        return parsed;
    };
    let room = wire_length.saturating_sub(l3 as u32);
    parsed.l3_bytes = room;
    let found = match ethertype {
        ETHERTYPE_IPV4 => ipv4(&header, l3, room, &mut parsed),
        ETHERTYPE_IPV6 => ipv6(&header, l3, room, &mut parsed),
        _ => return parsed,
    };
    parsed.class = found.unwrap_or(Class::Malformed);
    if parsed.class == Class::Malformed {
        parsed.l3_bytes = room;
    }
    parsed
}

/// The EtherType behind at most two tags, and where layer 3 starts.
#[inline]
fn layer2(header: &Header<'_>) -> Option<(u16, usize)> {
    let mut at = 12;
    let mut ethertype = header.u16(at)?;
    for _ in 0..2 {
        if ethertype != ETHERTYPE_VLAN && ethertype != ETHERTYPE_QINQ {
            break;
        }
        at += 4;
        ethertype = header.u16(at)?;
    }
    Some((ethertype, at + 2))
}

/// Most packets: TCP or UDP in IPv4 without options or in IPv6 without extensions, whole, not DHCP.
/// `None` if it is anything else. The rules are those of the long way.
#[inline(always)]
pub(crate) fn plain(bytes: &[u8], wire_length: u32, port: Port) -> Option<Parsed> {
    let mut l3 = LAYER2_BYTES_MIN;
    loop {
        let (l2, packet) = bytes.split_at_checked(l3)?;
        let room = wire_length.checked_sub(l3 as u32)?;
        match u16::from_be_bytes(*l2.last_chunk()?) {
            ETHERTYPE_IPV4 => return plain_ipv4(packet, room, port),
            ETHERTYPE_IPV6 => return plain_ipv6(packet, room, port),
            ETHERTYPE_VLAN | ETHERTYPE_QINQ if l3 < LAYER2_BYTES_MAX => l3 += TAG_BYTES,
            _ => return None,
        }
    }
}

#[inline(always)]
fn plain_ipv4(packet: &[u8], room: u32, port: Port) -> Option<Parsed> {
    let ip = packet.first_chunk::<34>()?;
    let total = u32::from(u16::from_be_bytes([ip[2], ip[3]]));
    // Version 4, five words, no flag but "don't fragment", offset 0.
    if ip[0] != 0x45 || (ip[6] & 0xbf) | ip[7] != 0 || total < 34 || total > room {
        return None;
    }
    let address = |at: usize| u64::from(u32::from_le_bytes([ip[at], ip[at + 1], ip[at + 2], ip[at + 3]]));
    let last = plain_layer4(ip[9], ip.last_chunk()?, port)?;
    let key = FlowKey::from_words([address(12), 0, address(16), 0, last]);
    Some(Parsed { key, l3_bytes: total, class: Class::Flow, ..Parsed::default() })
}

#[inline(always)]
fn plain_ipv6(packet: &[u8], room: u32, mut port: Port) -> Option<Parsed> {
    let ip = packet.first_chunk::<54>()?;
    let payload = u32::from(u16::from_be_bytes([ip[4], ip[5]]));
    if ip[0] >> 4 != 6 || payload < 14 || payload + 40 > room {
        return None;
    }
    port.set_ip6(true);
    let word = |at: usize| ip[at..].first_chunk().map_or(0, |word| u64::from_le_bytes(*word));
    let last = plain_layer4(ip[6], ip.last_chunk()?, port)?;
    let key = FlowKey::from_words([word(8), word(16), word(24), word(32), last]);
    Some(Parsed { key, l3_bytes: payload + 40, class: Class::Flow, ..Parsed::default() })
}

/// The key's last word of TCP or UDP; `None` for anything else and for DHCP.
#[inline(always)]
fn plain_layer4(ip_protocol: u8, l4: &[u8; 14], port: Port) -> Option<u64> {
    let ports = u32::from_be_bytes([l4[0], l4[1], l4[2], l4[3]]);
    let (src, dst) = ((ports >> 16) as u16, ports as u16);
    let tcp_flags = match ip_protocol {
        protocol::TCP => l4[13],
        protocol::UDP if !is_dhcp(src, dst) => 0,
        _ => return None,
    };
    Some(FlowKey::last_word(src, dst, ip_protocol, tcp_flags, port))
}

/// `None` is malformed.
#[inline]
fn ipv4(header: &Header<'_>, l3: usize, room: u32, parsed: &mut Parsed) -> Option<Class> {
    let ip: &[u8; 20] = header.chunk(l3)?;
    let header_bytes = usize::from(ip[0] & 0x0f) * 4;
    let total = u32::from(u16::from_be_bytes([ip[2], ip[3]]));
    if ip[0] >> 4 != 4 || header_bytes < 20 || total < header_bytes as u32 || total > room {
        return None;
    }
    parsed.key.src[..4].copy_from_slice(&ip[12..16]);
    parsed.key.dst[..4].copy_from_slice(&ip[16..20]);
    parsed.key.protocol = ip[9];
    parsed.l3_bytes = total;
    let fragment = u16::from_be_bytes([ip[6], ip[7]]);
    parsed.fragment = match (fragment & 0x1fff, fragment & 0x2000) {
        (0, 0) => Fragment::Whole,
        (0, _) => Fragment::First,
        _ => Fragment::Later,
    };
    if parsed.fragment != Fragment::Whole {
        parsed.identification = u32::from(u16::from_be_bytes([ip[4], ip[5]]));
    }
    layer4(header, l3 + header_bytes, total as usize - header_bytes, parsed)
}

/// `None` is malformed.
#[inline]
fn ipv6(header: &Header<'_>, l3: usize, room: u32, parsed: &mut Parsed) -> Option<Class> {
    let ip: &[u8; 40] = header.chunk(l3)?;
    let payload = usize::from(u16::from_be_bytes([ip[4], ip[5]]));
    if ip[0] >> 4 != 6 || payload as u32 + 40 > room {
        return None;
    }
    parsed.key.src.copy_from_slice(&ip[8..24]);
    parsed.key.dst.copy_from_slice(&ip[24..40]);
    parsed.key.port.set_ip6(true);
    parsed.l3_bytes = payload as u32 + 40;
    let end = l3 + 40 + payload;
    let mut at = l3 + 40;
    let mut next = ip[6];
    let mut walked = 0;
    while let Some(length) = extension_bytes(header, next, at)? {
        if walked == EXTENSIONS_MAX || at + length > end {
            return None;
        }
        walked += 1;
        let kind = next;
        next = header.byte(at)?;
        if kind == 44 && ipv6_fragment(header, at, parsed)? == Fragment::Later {
            at += length;
            break;
        }
        at += length;
    }
    parsed.key.protocol = next;
    layer4(header, at, end - at, parsed)
}

/// The length of the extension header `kind` at `at`: `Some(None)` if it is none, `None` if it is cut off.
#[inline]
fn extension_bytes(header: &Header<'_>, kind: u8, at: usize) -> Option<Option<usize>> {
    Some(match kind {
        // Hop-by-hop, routing, destination options: RFC 8200, 8-byte units behind the first.
        0 | 43 | 60 => Some((usize::from(header.byte(at + 1)?) + 1) * 8),
        44 => Some(8),
        // Authentication header: RFC 4302, 4-byte units less two.
        51 => Some((usize::from(header.byte(at + 1)?) + 2) * 4),
        _ => None,
    })
}

#[inline]
fn ipv6_fragment(header: &Header<'_>, at: usize, parsed: &mut Parsed) -> Option<Fragment> {
    let extension: &[u8; 8] = header.chunk(at)?;
    let offset = u16::from_be_bytes([extension[2], extension[3]]);
    let fragment = match (offset >> 3, offset & 1) {
        (0, 0) => Fragment::Whole,
        (0, _) => Fragment::First,
        _ => Fragment::Later,
    };
    if fragment != Fragment::Whole {
        parsed.fragment = fragment;
        parsed.identification = u32::from_be_bytes([extension[4], extension[5], extension[6], extension[7]]);
    }
    Some(parsed.fragment)
}

/// Ports, TCP flags, ICMP fields. `payload` is what the IP header leaves for layer 4.
#[inline]
fn layer4(header: &Header<'_>, at: usize, payload: usize, parsed: &mut Parsed) -> Option<Class> {
    let whole = if parsed.fragment == Fragment::Whole { Class::Flow } else { Class::HostOnly };
    if parsed.fragment == Fragment::Later {
        return Some(whole);
    }
    match parsed.key.protocol {
        protocol::TCP | protocol::UDP | protocol::SCTP => {
            if payload < 4 {
                return None;
            }
            let ports: &[u8; 4] = header.chunk(at)?;
            let (src, dst) = (u16::from_be_bytes([ports[0], ports[1]]), u16::from_be_bytes([ports[2], ports[3]]));
            parsed.key.src_port = src;
            parsed.key.dst_port = dst;
            if parsed.key.protocol == protocol::TCP && payload >= 14 {
                parsed.key.tcp_flags = header.byte(at + 13).unwrap_or(0);
            }
            // Of a fragmented datagram the host excludes all fragments, since the later ones have no ports.
            if parsed.key.protocol == protocol::UDP && whole == Class::Flow && is_dhcp(src, dst) {
                return Some(Class::Excluded);
            }
            Some(whole)
        }
        protocol::ICMP | protocol::ICMPV6 => {
            if payload >= 2 {
                let [kind, code] = *header.chunk::<2>(at)?;
                let identifier = if payload >= 6 { header.u16(at + 4).unwrap_or(0) } else { 0 };
                parsed.icmp = u32::from(kind) << 24 | u32::from(code) << 16 | u32::from(identifier);
            }
            Some(Class::HostOnly)
        }
        _ => Some(whole),
    }
}
