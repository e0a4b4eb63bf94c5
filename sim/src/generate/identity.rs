//! Who talks to whom: everything about a connection that does not change, computed from its number.
//!
//! Nothing is stored per connection for it. A number is first permuted, then spread over address and
//! port in such a way that no two numbers share a 5-tuple:
//!
//! | | client | host |
//! |---|---|---|
//! | TCP, UDP | `10.0.x.x` or `2001:db8:1::x`: 16 bits; port 32768 up: 8 bits | well-known port |
//! | ICMP | `10.x.x.x` or `2001:db8:1::x`: 24 bits | |
//! | scan | `203.0.113.x` or `2001:db8:2::x`: 8 bits | port: 16 bits |

use std::net::{Ipv4Addr, Ipv6Addr};

use super::random::{GOLDEN, below, mix};
use super::spec::Spec;

/// Source of all frames to a host and destination of all frames from one.
pub const GATEWAY_MAC: [u8; 6] = [0x02, 0, 0, 0, 0, 0x01];

/// Address of host number `host`, counted from 0: `192.168.0.1` and up. Only the low 8 bits count.
#[must_use]
pub fn host_ipv4(host: u32) -> Ipv4Addr {
    Ipv4Addr::new(192, 168, 0, (host as u8).wrapping_add(1))
}

/// IPv6 address of host number `host`, counted from 0: `2001:db8::1` and up. Only the low 8 bits
/// count.
#[must_use]
pub fn host_ipv6(host: u32) -> Ipv6Addr {
    let last = u16::from((host as u8).wrapping_add(1));
    Ipv6Addr::new(0x2001, 0x0db8, 0, 0, 0, 0, 0, last)
}

/// MAC address of host number `host`, counted from 0: `02:00:00:01:00:01` and up. Only the low 8
/// bits count.
#[must_use]
pub fn host_mac(host: u32) -> [u8; 6] {
    [0x02, 0, 0, 0x01, 0, (host as u8).wrapping_add(1)]
}

/// The protocol of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    Tcp,
    Udp,
    Icmp,
}

/// Addresses of one IP version: the client's and the host's.
#[derive(Clone, Copy, Debug)]
pub(super) enum Addresses {
    V4([u8; 4], [u8; 4]),
    V6([u8; 16], [u8; 16]),
}

/// What stays the same through a connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Identity {
    pub(super) protocol: Protocol,
    pub(super) addresses: Addresses,
    pub(super) host_mac: [u8; 6],
    pub(super) client_port: u16,
    pub(super) host_port: u16,
    /// The VLAN's number, if the frames have a tag.
    pub(super) vlan: Option<u16>,
    /// Random and constant, for whatever else is needed.
    pub(super) bits: u64,
}

/// Computes identities.
#[derive(Clone, Debug)]
pub(super) struct Identities {
    key: u64,
    hosts: u32,
    tcp_below: u32,
    udp_below: u32,
    protocols: u32,
    ipv6_below: u32,
    vlan_below: u32,
}

impl Identities {
    pub(super) fn new(spec: &Spec) -> Self {
        let of_65536 = |share: f64| (share * 65_536.0) as u32;
        let weights = spec.protocols;
        Self {
            key: mix(spec.seed ^ GOLDEN),
            hosts: spec.hosts,
            tcp_below: u32::from(weights.tcp),
            udp_below: u32::from(weights.tcp) + u32::from(weights.udp),
            protocols: weights.sum(),
            ipv6_below: of_65536(spec.ipv6_share),
            vlan_below: of_65536(spec.vlan_share),
        }
    }

    /// The connection of this number, below 2^24.
    #[inline]
    pub(super) fn connection(&self, number: u32) -> Identity {
        const TCP_PORTS: [u16; 8] = [443, 443, 443, 80, 8080, 22, 3306, 6379];
        const UDP_PORTS: [u16; 8] = [53, 53, 53, 53, 443, 443, 123, 3478];
        let (bits, more) = self.bits(number);
        let kind = below(self.protocols, (more >> 32) as u32);
        let port = (more & 7) as usize;
        let place = permute(number, self.key);
        let client_port = 0x8000 | (place >> 16 << 7) as u16 | (more >> 8 & 0x7f) as u16;
        let (protocol, client, client_port, host_port) = if kind < self.tcp_below {
            (Protocol::Tcp, place & 0xffff, client_port, TCP_PORTS[port])
        } else if kind < self.udp_below {
            (Protocol::Udp, place & 0xffff, client_port, UDP_PORTS[port])
        } else {
            (Protocol::Icmp, place, 0, 0)
        };
        let [_, a, b, c] = client.to_be_bytes();
        Identity { protocol, client_port, host_port, ..self.placed(bits, more, [10, a, b, c], 1) }
    }

    /// The scan of this number, below 2^24. Scans and connections of the same number differ.
    #[inline]
    pub(super) fn scan(&self, number: u32) -> Identity {
        let (bits, more) = self.bits(!number);
        let place = permute(number, self.key);
        Identity {
            protocol: Protocol::Tcp,
            client_port: 40_000 + (place >> 16) as u16,
            host_port: place as u16,
            ..self.placed(bits, more, [203, 0, 113, (place >> 16) as u8], 2)
        }
    }

    #[inline]
    fn bits(&self, number: u32) -> (u64, u64) {
        let bits = mix(self.key.wrapping_add(u64::from(number).wrapping_mul(GOLDEN)));
        (bits, mix(bits))
    }

    /// Everything but protocol and ports. IPv6 clients have their IPv4 address in the last bytes,
    /// so they are as distinct.
    #[inline]
    fn placed(&self, bits: u64, more: u64, client: [u8; 4], subnet: u8) -> Identity {
        let host = below(self.hosts, (bits >> 32) as u32);
        let host_byte = (host as u8).wrapping_add(1);
        let [c0, c1, c2, c3] = client;
        let addresses = if (bits as u32 & 0xffff) < self.ipv6_below {
            let v6 = |subnet, [a, b, c, d]: [u8; 4]| [0x20, 0x01, 0x0d, 0xb8, 0, subnet, 0, 0, 0, 0, 0, 0, a, b, c, d];
            Addresses::V6(v6(subnet, [c0, c1, c2, c3]), v6(0, [0, 0, 0, host_byte]))
        } else {
            Addresses::V4(client, [192, 168, 0, host_byte])
        };
        let tagged = (bits as u32 >> 16) < self.vlan_below;
        Identity {
            protocol: Protocol::Tcp,
            addresses,
            host_mac: [0x02, 0, 0, 0x01, 0, host_byte],
            client_port: 0,
            host_port: 0,
            vlan: tagged.then_some(100 + (more >> 16 & 0xf) as u16),
            bits: more,
        }
    }
}

/// A permutation of the numbers below 2^24: products with odd numbers and folds onto itself can all
/// be undone.
#[inline]
fn permute(number: u32, key: u64) -> u32 {
    const MASK: u32 = 0x00ff_ffff;
    let number = (number ^ key as u32) & MASK;
    let number = number.wrapping_mul(0x009e_3779) & MASK;
    let number = number ^ (number >> 11);
    let number = number.wrapping_mul(0x0085_ebcb) & MASK;
    number ^ (number >> 13)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_numbers_share_a_place() {
        let mut seen = vec![false; 1 << 24];
        for number in 0..1 << 24 {
            let place = permute(number, 0x1234_5678_9abc_def0) as usize;
            assert!(!std::mem::replace(&mut seen[place], true), "{number}");
        }
    }

    #[test]
    fn hosts_have_the_addresses_that_are_told() {
        let identities = Identities::new(&Spec { hosts: 1, ipv6_share: 0.5, ..Spec::default() });
        for number in 0..100 {
            let identity = identities.connection(number);
            assert_eq!(identity.host_mac, host_mac(0));
            match identity.addresses {
                Addresses::V4(_, host) => assert_eq!(host, host_ipv4(0).octets()),
                Addresses::V6(_, host) => assert_eq!(host, host_ipv6(0).octets()),
            }
        }
    }
}
