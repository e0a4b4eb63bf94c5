//! The states of tracked connections, their time-outs, and which ICMP messages are replies.

use flowlog::policy::ConnectionState::{
    Other, TcpClosing, TcpEstablished, TcpOriginalAcked, TcpReplyAcked, TcpSynSent, UdpAnswered, UdpSingle, UdpStream,
};
use flowlog::policy::{ConnectionState, Timeouts, TrackedFlows, UnknownConnectionState, icmp_request_of_reply};

const TCP: u8 = 6;
const UDP: u8 = 17;
const FIN: u8 = 1;
const SYN: u8 = 2;
const RST: u8 = 4;
const PSH: u8 = 8;
const ACK: u8 = 16;

const ALL: [ConnectionState; 9] =
    [TcpSynSent, TcpOriginalAcked, TcpReplyAcked, TcpEstablished, TcpClosing, UdpSingle, UdpAnswered, UdpStream, Other];

#[test]
fn a_handshake_establishes_a_connection_at_the_third_packet() {
    let state = ConnectionState::first(TCP, SYN);
    assert_eq!(state, TcpSynSent);
    let state = state.advance(TCP, SYN | ACK, true);
    assert_eq!(state, TcpReplyAcked);
    assert_eq!(state.advance(TCP, ACK, false), TcpEstablished);
}

#[test]
fn flags_of_a_whole_window_establish_a_connection_in_either_order() {
    let (first, window) = (ConnectionState::first(TCP, SYN), SYN | ACK | PSH);
    for is_reply_first in [false, true] {
        let state = first.advance(TCP, window, is_reply_first).advance(TCP, window, !is_reply_first);
        assert_eq!(state, TcpEstablished);
    }
}

#[test]
fn acknowledgements_of_one_side_alone_never_establish() {
    for (is_reply, expected) in [(false, TcpOriginalAcked), (true, TcpReplyAcked)] {
        let state = TcpSynSent.advance(TCP, ACK, is_reply).advance(TCP, ACK | PSH, is_reply);
        assert_eq!(state, expected);
    }
}

#[test]
fn a_connection_met_in_its_middle_is_established_by_the_other_side() {
    let state = ConnectionState::first(TCP, ACK | PSH);
    assert_eq!(state, TcpOriginalAcked);
    assert_eq!(state.advance(TCP, ACK, true), TcpEstablished);
}

#[test]
fn fin_or_rst_of_either_side_closes_from_every_state() {
    for state in &ALL[..5] {
        for flags in [FIN | ACK, RST, SYN | ACK | PSH | FIN, RST | ACK] {
            for is_reply in [false, true] {
                assert_eq!(state.advance(TCP, flags, is_reply), TcpClosing);
            }
        }
    }
    assert_eq!(ConnectionState::first(TCP, RST), TcpClosing);
}

#[test]
fn late_acknowledgements_leave_a_closing_connection_closing() {
    for is_reply in [false, true] {
        assert_eq!(TcpClosing.advance(TCP, ACK, is_reply), TcpClosing);
    }
}

#[test]
fn a_syn_of_the_original_side_restarts_a_closing_connection() {
    assert_eq!(TcpClosing.advance(TCP, SYN, false), TcpSynSent);
    assert_eq!(TcpClosing.advance(TCP, SYN | ACK, false), TcpOriginalAcked);
    assert_eq!(TcpClosing.advance(TCP, SYN | ACK, true), TcpClosing);
}

#[test]
fn a_syn_repeated_on_an_established_connection_changes_nothing() {
    assert_eq!(TcpEstablished.advance(TCP, SYN, false), TcpEstablished);
}

#[test]
fn udp_is_a_stream_once_the_original_side_speaks_after_an_answer() {
    let state = ConnectionState::first(UDP, 0);
    assert_eq!(state, UdpSingle);
    assert_eq!(state.advance(UDP, 0, false), UdpSingle);
    let state = state.advance(UDP, 0, true);
    assert_eq!(state, UdpAnswered);
    assert_eq!(state.advance(UDP, 0, true), UdpAnswered);
    let state = state.advance(UDP, 0, false);
    assert_eq!(state, UdpStream);
    assert_eq!(state.advance(UDP, 0, true), UdpStream);
}

#[test]
fn every_other_protocol_has_one_state() {
    for protocol in (0..=255).filter(|number| ![TCP, UDP].contains(number)) {
        let state = ConnectionState::first(protocol, SYN);
        assert_eq!(state, Other);
        assert_eq!(state.advance(protocol, FIN, true), Other);
    }
}

#[test]
fn a_state_of_another_protocol_starts_over() {
    assert_eq!(UdpStream.advance(TCP, SYN, false), TcpSynSent);
    assert_eq!(TcpEstablished.advance(UDP, 0, false), UdpSingle);
    assert_eq!(Other.advance(UDP, 0, true), UdpSingle);
}

#[test]
fn every_state_has_the_published_timeout_by_default() {
    let found = ALL.map(|state| state.timeout_seconds(&Timeouts::default()));
    assert_eq!(found, [600, 600, 600, 432_000, 600, 30, 30, 180, 600], "in the order of {ALL:?}");
}

#[test]
fn a_state_survives_its_way_through_a_byte() {
    for state in ALL {
        assert_eq!(ConnectionState::try_from(state as u8), Ok(state));
    }
    assert_eq!(ConnectionState::try_from(9), Err(UnknownConnectionState { found: 9 }));
}

#[test]
fn tracked_flows_are_kept_by_default() {
    assert_eq!(TrackedFlows::default(), TrackedFlows::Keep);
    for (value, text) in [(TrackedFlows::Keep, "\"keep\""), (TrackedFlows::Reevaluate, "\"reevaluate\"")] {
        assert_eq!(serde_json::to_string(&value).unwrap(), text);
        assert_eq!(serde_json::from_str::<TrackedFlows>(text).unwrap(), value);
    }
}

#[test]
fn only_answers_with_an_identifier_are_icmp_replies() {
    let mut found = Vec::new();
    for protocol in 0..=255 {
        for icmp_type in 0..=255 {
            if let Some(request) = icmp_request_of_reply(protocol, icmp_type) {
                found.push((protocol, icmp_type, request));
            }
        }
    }
    assert_eq!(found, [(1, 0, 8), (1, 14, 13), (1, 16, 15), (1, 18, 17), (58, 129, 128)]);
}
