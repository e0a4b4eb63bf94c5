//! The wire: which ENI a frame of a capture crosses, and which way.
//!
//! A capture shows a frame once. On the host it crosses the ENI that sends it, outward; and, if
//! another ENI of the same host receives it, that one inward, once the first has let it through.
//! A frame that concerns no ENI is for a promiscuous one, if there is any, as ingress.

use crate::frames::Frame;
use firmware_abi::key::Direction;
use hw_model::parse::{Class, parse};
use std::collections::HashMap;
use std::net::IpAddr;

/// Where an ENI is reached.
#[derive(Clone, Debug, Default)]
pub struct Tap {
    /// Its MAC address.
    pub mac: Option<[u8; 6]>,
    /// Its addresses.
    pub addresses: Vec<IpAddr>,
    /// It takes what is nobody's.
    pub promiscuous: bool,
}

/// A frame's way: the port that sends it, the port that receives it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Route {
    /// Crosses this port outward.
    pub egress: Option<u16>,
    /// Crosses this port inward.
    pub ingress: Option<u16>,
}

/// All ENIs of a host.
#[derive(Clone, Debug)]
pub struct Wire {
    macs: HashMap<[u8; 6], u16>,
    addresses: HashMap<IpAddr, u16>,
    promiscuous: Option<u16>,
    takes_all: Option<u16>,
}

impl Wire {
    /// The ENIs in the order of their ports.
    #[must_use]
    pub fn new(taps: &[Tap]) -> Self {
        let mut wire = Self { macs: HashMap::new(), addresses: HashMap::new(), promiscuous: None, takes_all: None };
        for (tap, vport) in taps.iter().zip(0..) {
            if let Some(mac) = tap.mac {
                wire.macs.entry(mac).or_insert(vport);
            }
            for address in &tap.addresses {
                wire.addresses.entry(*address).or_insert(vport);
            }
            if tap.promiscuous {
                wire.promiscuous = wire.promiscuous.or(Some(vport));
            }
        }
        wire.takes_all = wire.promiscuous.filter(|_| wire.macs.is_empty() && wire.addresses.is_empty());
        wire
    }

    /// The port that every frame crosses inward, if there is one.
    #[must_use]
    #[inline]
    pub fn takes_all(&self) -> Option<u16> {
        self.takes_all
    }

    /// The way of a frame.
    #[must_use]
    #[inline]
    pub fn route(&self, frame: &Frame<'_>) -> Route {
        match self.takes_all {
            Some(vport) => Route { egress: None, ingress: Some(vport) },
            None => self.route_by_address(frame),
        }
    }

    fn route_by_address(&self, frame: &Frame<'_>) -> Route {
        let (src, dst) = addresses(frame);
        let mac = |at: usize| frame.bytes.get(at..at + 6).and_then(|mac| mac.first_chunk::<6>());
        let find = |mac: Option<&[u8; 6]>, address: Option<IpAddr>| {
            let by_mac = mac.and_then(|mac| self.macs.get(mac));
            by_mac.or_else(|| address.and_then(|address| self.addresses.get(&address))).copied()
        };
        let route = Route { egress: find(mac(6), src), ingress: find(mac(0), dst) };
        if route == Route::default() {
            return Route { egress: None, ingress: self.promiscuous };
        }
        // What an ENI sends to itself does not cross the wire twice.
        if route.egress == route.ingress { Route { ingress: None, ..route } } else { route }
    }
}

fn addresses(frame: &Frame<'_>) -> (Option<IpAddr>, Option<IpAddr>) {
    let parsed = parse(frame.bytes, frame.wire_length, 0, Direction::Ingress);
    if matches!(parsed.class, Class::NonIp | Class::Malformed) {
        return (None, None);
    }
    let address = |bytes: &[u8; 16]| -> IpAddr {
        if parsed.key.port.ip6() {
            return (*bytes).into();
        }
        let [a, b, c, d, ..] = *bytes;
        [a, b, c, d].into()
    };
    (Some(address(&parsed.key.src)), Some(address(&parsed.key.dst)))
}
