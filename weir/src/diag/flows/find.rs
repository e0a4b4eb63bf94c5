//! Which flows are looked for: an address, a network, a port, a protocol, a verdict, a direction, an ENI.

use std::net::IpAddr;

use flowlog::policy::{Cidr, Protocol};

use super::entry::{FlowEntry, has_ports};
use crate::diag::DiagError;

/// Terms, all of which must fit.
#[derive(Clone, Debug)]
pub struct Terms(Vec<Term>);

#[derive(Clone, Debug)]
enum Term {
    Address(IpAddr),
    Network(Cidr),
    Port(u16),
    Protocol(u8),
    Verdict(&'static str),
    Direction(&'static str),
    Cookie(u32),
    Rule(u32),
    Eni(String),
    Stray,
}

impl Terms {
    /// Reads them.
    ///
    /// # Errors
    /// The first word that is none.
    pub fn parse(words: &[String]) -> Result<Self, DiagError> {
        words.iter().map(|word| Term::parse(word)).collect::<Result<_, _>>().map(Self)
    }

    /// Whether all fit a flow.
    #[must_use]
    pub fn fit(&self, entry: &FlowEntry) -> bool {
        self.0.iter().all(|term| term.fits(entry))
    }
}

impl Term {
    fn parse(word: &str) -> Result<Self, DiagError> {
        let numbered = |name: &str| word.strip_prefix(name).and_then(|number| number.parse::<u32>().ok());
        Ok(match word.to_ascii_lowercase().as_str() {
            "accept" => Self::Verdict("ACCEPT"),
            "reject" => Self::Verdict("REJECT"),
            "excluded" => Self::Verdict("EXCLUDED"),
            "ingress" => Self::Direction("ingress"),
            "egress" => Self::Direction("egress"),
            "stray" => Self::Stray,
            lower => {
                if let Ok(address) = word.parse() {
                    Self::Address(address)
                } else if let Some(port) = word.strip_prefix(':').and_then(|port| port.parse().ok()) {
                    Self::Port(port)
                } else if let Some(cookie) = numbered("cookie=") {
                    Self::Cookie(cookie)
                } else if let Some(rule) = numbered("rule=") {
                    Self::Rule(rule)
                } else if word.starts_with("eni-") || word.starts_with("port-") {
                    Self::Eni(word.to_owned())
                } else if let Some(network) = word.contains('/').then(|| word.parse().ok()).flatten() {
                    Self::Network(network)
                } else if let Ok(Protocol::Number(number)) = lower.parse() {
                    Self::Protocol(number)
                } else {
                    let expected = "an address, a network like 10.0.0.0/8, a port like :443, a protocol, accept, reject, \
                                    excluded, ingress, egress, stray, an ENI, rule=N or cookie=N";
                    return Err(DiagError::usage(format!("`{word}`"), expected));
                }
            }
        })
    }

    fn fits(&self, entry: &FlowEntry) -> bool {
        let addresses = [entry.src, entry.dst];
        match self {
            Self::Address(address) => addresses.contains(address),
            Self::Network(network) => addresses.iter().any(|address| network.contains(*address)),
            Self::Port(port) => has_ports(entry.protocol) && [entry.src_port, entry.dst_port].contains(port),
            Self::Protocol(number) => entry.protocol == *number,
            Self::Verdict(verdict) => entry.verdict == *verdict,
            Self::Direction(direction) => entry.direction == *direction,
            Self::Cookie(cookie) => entry.cookie == *cookie,
            Self::Rule(rule) => entry.rule == Some(*rule),
            Self::Eni(eni) => entry.eni == *eni,
            Self::Stray => entry.stray,
        }
    }
}
