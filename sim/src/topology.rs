//! What stands beside the guests: a load balancer and a NAT gateway, which rewrite addresses.
//!
//! ```text
//!   outside ─▶ pass ─▶ Wire ─▶ NIC ─▶ guest        a client ─▶ VIP          becomes  presented ─▶ backend
//!   outside ◀─ pass ◀───────── NIC ◀─ guest        backend ─▶ presented     becomes  VIP ─▶ client
//!                                                  private ─▶ peer          becomes  public ─▶ peer
//!                                                  peer ─▶ public           becomes  peer ─▶ private
//! ```
//!
//! - A device takes a frame and gives it back rewritten, in place: its MACs, its IPv4 addresses, its
//!   ports or the identifier of an ICMP echo, its hop limit. Checksums are updated as RFC 1624 says,
//!   so one that was wrong stays wrong. What is not addressed to the device passes as it is.
//! - A device knows no direction: it goes by addresses, as the real ones do.
//! - Everything has a limit, and what a device drops has a name: [`Refusal`].
//! - No clock, no randomness: the time is that of the frame, ports are given out in turn.

mod packet;

use packet::Packet;
use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::ops::RangeInclusive;

/// What a device did with a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Passage {
    /// It was not for the device, and is as it was.
    Untouched,
    /// It was rewritten.
    Translated,
    /// It was dropped.
    Refused(Refusal),
}

/// Why a device dropped a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Refusal {
    /// No listener has that protocol and port.
    NoListener,
    /// No rule forwards that protocol and port, and nobody asked for an answer there.
    NoMapping,
    /// The listener has no backend, or none that could tell the answers apart.
    NoBackend,
    /// As many sessions as there may be, none of them idle.
    SessionTableFull,
    /// Every port of the pool is in use, and none of them idle.
    PortPoolExhausted,
    /// A fragment: only the first one would have ports.
    Fragment,
    /// Neither TCP, UDP nor an ICMP echo.
    Protocol,
    /// Its hop limit came to 0.
    HopLimit,
}

/// What a device did since it was made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Frames that were not for it.
    pub untouched: u64,
    /// Frames rewritten.
    pub translated: u64,
    /// Frames dropped, by reason.
    pub refused: BTreeMap<Refusal, u64>,
}

impl Counters {
    fn count(&mut self, passage: Passage) -> Passage {
        match passage {
            Passage::Untouched => self.untouched += 1,
            Passage::Translated => self.translated += 1,
            Passage::Refused(refusal) => *self.refused.entry(refusal).or_default() += 1,
        }
        passage
    }
}

/// A device's place in the network.
#[derive(Clone, Debug, Default)]
pub struct Hop {
    /// Its own MAC address.
    pub mac: [u8; 6],
    /// Those it reaches directly.
    pub neighbours: BTreeMap<Ipv4Addr, [u8; 6]>,
    /// Where everything else goes.
    pub gateway: [u8; 6],
}

/// The ports of one address that are given out in turn, each protocol's apart.
#[derive(Clone, Debug)]
struct PortPool {
    range: RangeInclusive<u16>,
    next: u16,
    taken: BTreeSet<(u8, u16)>,
}

impl PortPool {
    fn new(range: RangeInclusive<u16>) -> Self {
        Self { next: *range.start(), range, taken: BTreeSet::new() }
    }

    /// The first free port from the last one on, if there is any.
    fn take(&mut self, ip_protocol: u8) -> Option<u16> {
        let around = (self.next..=*self.range.end()).chain(*self.range.start()..self.next);
        let mut free = around.filter(|port| self.range.contains(port));
        let port = free.find(|port| !self.taken.contains(&(ip_protocol, *port)))?;
        self.taken.insert((ip_protocol, port));
        self.next = if port == *self.range.end() { *self.range.start() } else { port + 1 };
        Some(port)
    }

    fn give_back(&mut self, ip_protocol: u8, port: u16) {
        self.taken.remove(&(ip_protocol, port));
    }
}

/// Which address a load balancer presents to its backends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Presented {
    /// The client's own.
    Client,
    /// One of the load balancer's, with ports of a pool.
    Own(Ipv4Addr, RangeInclusive<u16>),
}

/// A port of the VIP, and who answers there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listener {
    /// IANA number: TCP or UDP.
    pub protocol: u8,
    /// Port of the VIP.
    pub port: u16,
    /// Who answers, chosen in turn for each session.
    pub backends: Vec<SocketAddrV4>,
}

/// Protocol, client, port of the VIP.
type SessionKey = (u8, SocketAddrV4, u16);

#[derive(Clone, Copy, Debug)]
struct Session {
    backend: SocketAddrV4,
    presented: SocketAddrV4,
    used_ns: u64,
}

/// A load balancer of layer 4. What answers a session is told by backend and presented address, so
/// clients and backends may be on any side of it.
#[derive(Clone, Debug)]
pub struct LoadBalancer {
    vip: Ipv4Addr,
    hop: Hop,
    own: Option<(Ipv4Addr, PortPool)>,
    listeners: Vec<(Listener, usize)>,
    sessions: BTreeMap<SessionKey, Session>,
    answers: BTreeMap<(u8, SocketAddrV4, SocketAddrV4), SessionKey>,
    sessions_max: usize,
    idle_ns: u64,
    counters: Counters,
}

impl LoadBalancer {
    /// A load balancer without sessions, of which there may be `sessions_max`. One that had no frame
    /// for `idle_ns` makes room for another.
    #[must_use]
    pub fn new(vip: Ipv4Addr, hop: Hop, presented: Presented, sessions_max: usize, idle_ns: u64) -> Self {
        let own = match presented {
            Presented::Client => None,
            Presented::Own(address, ports) => Some((address, PortPool::new(ports))),
        };
        Self {
            vip,
            hop,
            own,
            listeners: Vec::new(),
            sessions: BTreeMap::new(),
            answers: BTreeMap::new(),
            sessions_max,
            idle_ns,
            counters: Counters::default(),
        }
    }

    /// Opens a port of the VIP.
    #[must_use]
    pub fn with(mut self, listener: Listener) -> Self {
        self.listeners.push((listener, 0));
        self
    }

    /// What it did.
    #[must_use]
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Takes a frame that it sees at `now_ns`; one that is refused is not to be sent on.
    pub fn pass(&mut self, now_ns: u64, frame: &mut [u8]) -> Passage {
        let passage = self.translate(now_ns, frame).unwrap_or_else(Passage::Refused);
        self.counters.count(passage)
    }

    fn translate(&mut self, now_ns: u64, frame: &mut [u8]) -> Result<Passage, Refusal> {
        let Some(packet) = Packet::find(frame) else { return Ok(Passage::Untouched) };
        let own = self.own.as_ref().map(|(address, _)| *address);
        let for_it = packet.destination == self.vip || own == Some(packet.destination);
        let Some((source, destination)) = packet.endpoints(frame) else {
            return if for_it { Err(packet.why_no_endpoints()) } else { Ok(Passage::Untouched) };
        };
        if let Some(key) = self.answers.get(&(packet.protocol, source, destination)).copied() {
            self.touch(key, now_ns);
            let (_, client, port) = key;
            packet.forward(frame, &self.hop, SocketAddrV4::new(self.vip, port), client)?;
            return Ok(Passage::Translated);
        }
        if !for_it {
            return Ok(Passage::Untouched);
        }
        let key = (packet.protocol, source, destination.port());
        if packet.destination != self.vip {
            return Err(Refusal::NoMapping);
        }
        let session = match self.sessions.get(&key) {
            Some(session) => *session,
            None => self.open(key, now_ns)?,
        };
        self.touch(key, now_ns);
        packet.forward(frame, &self.hop, session.presented, session.backend)?;
        Ok(Passage::Translated)
    }

    fn touch(&mut self, key: SessionKey, now_ns: u64) {
        if let Some(session) = self.sessions.get_mut(&key) {
            session.used_ns = session.used_ns.max(now_ns);
        }
    }

    fn open(&mut self, key: SessionKey, now_ns: u64) -> Result<Session, Refusal> {
        let (ip_protocol, client, port) = key;
        let mut listeners = self.listeners.iter();
        let found = listeners.position(|(at, _)| (at.protocol, at.port) == (ip_protocol, port));
        let found = found.ok_or(Refusal::NoListener)?;
        if self.sessions.len() >= self.sessions_max {
            self.forget_idle(now_ns);
        }
        if self.sessions.len() >= self.sessions_max {
            return Err(Refusal::SessionTableFull);
        }
        let presented = self.present(ip_protocol, client, now_ns)?;
        let (listener, turn) = &mut self.listeners[found];
        let in_turn = listener.backends.iter().cycle().skip(*turn % listener.backends.len().max(1));
        let mut candidates = in_turn.take(listener.backends.len());
        let backend = candidates.find(|backend| !self.answers.contains_key(&(ip_protocol, **backend, presented)));
        let Some(backend) = backend.copied() else {
            self.release(ip_protocol, presented);
            return Err(Refusal::NoBackend);
        };
        *turn = turn.wrapping_add(1);
        let session = Session { backend, presented, used_ns: now_ns };
        self.sessions.insert(key, session);
        self.answers.insert((ip_protocol, backend, presented), key);
        Ok(session)
    }

    /// The address that the backend is to see.
    fn present(&mut self, ip_protocol: u8, client: SocketAddrV4, now_ns: u64) -> Result<SocketAddrV4, Refusal> {
        for _ in 0..2 {
            let Some((address, ports)) = &mut self.own else { return Ok(client) };
            if let Some(port) = ports.take(ip_protocol) {
                return Ok(SocketAddrV4::new(*address, port));
            }
            self.forget_idle(now_ns);
        }
        Err(Refusal::PortPoolExhausted)
    }

    fn release(&mut self, ip_protocol: u8, presented: SocketAddrV4) {
        if let Some((_, ports)) = &mut self.own {
            ports.give_back(ip_protocol, presented.port());
        }
    }

    fn forget_idle(&mut self, now_ns: u64) {
        let idle = |session: &Session| now_ns.saturating_sub(session.used_ns) >= self.idle_ns;
        let keys: Vec<_> = self.sessions.iter().filter(|(_, session)| idle(session)).map(|(key, _)| *key).collect();
        for key in keys {
            if let Some(session) = self.sessions.remove(&key) {
                self.answers.remove(&(key.0, session.backend, session.presented));
                self.release(key.0, session.presented);
            }
        }
    }
}

/// Inbound traffic of a NAT gateway's public address: protocol and port, and where they go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Forwarding {
    /// IANA number: TCP or UDP.
    pub protocol: u8,
    /// Port of the public address; not one of the pool.
    pub port: u16,
    /// Who answers.
    pub to: SocketAddrV4,
}

/// A NAT gateway with one public address. A private endpoint has one port there, whomever it talks to
/// (RFC 4787, endpoint-independent mapping), and everybody may answer it.
#[derive(Clone, Debug)]
pub struct NatGateway {
    public: Ipv4Addr,
    private: (Ipv4Addr, u32),
    hop: Hop,
    ports: PortPool,
    forwardings: Vec<Forwarding>,
    mappings: BTreeMap<(u8, SocketAddrV4), (u16, u64)>,
    owners: BTreeMap<(u8, u16), SocketAddrV4>,
    idle_ns: u64,
    counters: Counters,
}

impl NatGateway {
    /// A gateway from the network `private` (address and prefix length) to the address `public`, with a
    /// pool of ports. One that had no frame for `idle_ns` makes room for another.
    #[must_use]
    pub fn new(public: Ipv4Addr, private: (Ipv4Addr, u32), hop: Hop, ports: RangeInclusive<u16>, idle_ns: u64) -> Self {
        Self {
            public,
            private,
            hop,
            ports: PortPool::new(ports),
            forwardings: Vec::new(),
            mappings: BTreeMap::new(),
            owners: BTreeMap::new(),
            idle_ns,
            counters: Counters::default(),
        }
    }

    /// Lets the outside reach a private endpoint.
    #[must_use]
    pub fn with(mut self, forwarding: Forwarding) -> Self {
        self.forwardings.push(forwarding);
        self
    }

    /// What it did.
    #[must_use]
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Takes a frame that it sees at `now_ns`; one that is refused is not to be sent on.
    pub fn pass(&mut self, now_ns: u64, frame: &mut [u8]) -> Passage {
        let passage = self.translate(now_ns, frame).unwrap_or_else(Passage::Refused);
        self.counters.count(passage)
    }

    fn is_private(&self, address: Ipv4Addr) -> bool {
        let (network, prefix) = self.private;
        let mask = u32::MAX.checked_shl(32 - prefix.min(32)).unwrap_or(0);
        (address.to_bits() ^ network.to_bits()) & mask == 0
    }

    fn translate(&mut self, now_ns: u64, frame: &mut [u8]) -> Result<Passage, Refusal> {
        let Some(packet) = Packet::find(frame) else { return Ok(Passage::Untouched) };
        let inward = packet.destination == self.public;
        let unicast = !packet.destination.is_multicast() && !packet.destination.is_broadcast();
        let outward = unicast && self.is_private(packet.source) && !self.is_private(packet.destination);
        if !inward && !outward {
            return Ok(Passage::Untouched);
        }
        let (source, destination) = packet.endpoints(frame).ok_or_else(|| packet.why_no_endpoints())?;
        if inward {
            let private = self.owner(packet.protocol, destination.port(), now_ns).ok_or(Refusal::NoMapping)?;
            packet.forward(frame, &self.hop, source, private)?;
        } else {
            let port = self.port_of(packet.protocol, source, now_ns)?;
            packet.forward(frame, &self.hop, SocketAddrV4::new(self.public, port), destination)?;
        }
        Ok(Passage::Translated)
    }

    /// Whose port it is.
    fn owner(&mut self, ip_protocol: u8, port: u16, now_ns: u64) -> Option<SocketAddrV4> {
        let mut rules = self.forwardings.iter();
        if let Some(rule) = rules.find(|rule| (rule.protocol, rule.port) == (ip_protocol, port)) {
            return Some(rule.to);
        }
        let owner = *self.owners.get(&(ip_protocol, port))?;
        self.mappings.insert((ip_protocol, owner), (port, now_ns));
        Some(owner)
    }

    /// The port that stands for a private endpoint; a new one if it has none.
    fn port_of(&mut self, ip_protocol: u8, private: SocketAddrV4, now_ns: u64) -> Result<u16, Refusal> {
        let mut rules = self.forwardings.iter();
        if let Some(rule) = rules.find(|rule| (rule.protocol, rule.to) == (ip_protocol, private)) {
            return Ok(rule.port);
        }
        if let Some((port, used_ns)) = self.mappings.get_mut(&(ip_protocol, private)) {
            *used_ns = now_ns;
            return Ok(*port);
        }
        let port = match self.ports.take(ip_protocol) {
            Some(port) => port,
            None => {
                self.forget_idle(now_ns);
                self.ports.take(ip_protocol).ok_or(Refusal::PortPoolExhausted)?
            }
        };
        self.mappings.insert((ip_protocol, private), (port, now_ns));
        self.owners.insert((ip_protocol, port), private);
        Ok(port)
    }

    fn forget_idle(&mut self, now_ns: u64) {
        let (ports, owners, idle_ns) = (&mut self.ports, &mut self.owners, self.idle_ns);
        self.mappings.retain(|(ip_protocol, _), (port, used_ns)| {
            let stays = now_ns.saturating_sub(*used_ns) < idle_ns;
            if !stays {
                ports.give_back(*ip_protocol, *port);
                owners.remove(&(*ip_protocol, *port));
            }
            stays
        });
    }
}
