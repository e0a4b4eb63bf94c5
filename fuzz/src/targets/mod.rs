//! The targets: one for every door through which others' bytes come in.

mod captures;
mod frames;
mod input;
mod nic;
mod records;
mod replay;
mod state;
mod texts;

use crate::Target;

/// All of them.
pub const ALL: &[Target] = &[
    captures::PCAP,
    captures::PCAPNG,
    captures::GZIP,
    captures::ZSTD,
    frames::FRAME,
    records::LINE,
    records::LIST,
    texts::CONFIG,
    texts::TABLES,
    texts::POLICY,
    nic::NIC,
    state::STATE,
    replay::REPLAY,
];
