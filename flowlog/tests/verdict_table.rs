//! The worked example, row by row: 203.0.113.12 pings the ENI 172.31.16.139.

use std::net::{IpAddr, Ipv4Addr};

use flowlog::policy::{
    Attachments, Direction, ListId, Membership, NetworkAcl, Peer, Policy, PolicyObjects, PortRange, Protocol, Rule,
    RuleAction, RuleId, SecurityGroup, TrackedFlows,
};
use flowlog::verdict::{Action, EniPolicy, Layer, Packet, Step, Track, Verdict};

const GUEST: IpAddr = IpAddr::V4(Ipv4Addr::new(172, 31, 16, 139));
const REMOTE: IpAddr = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 12));

const REQUEST: Packet = Packet {
    direction: Direction::Ingress,
    src: REMOTE,
    dst: GUEST,
    protocol: 1,
    src_port: 0,
    dst_port: 0,
    icmp: Some((8, 0)),
};

const REPLY: Packet = Packet { direction: Direction::Egress, src: GUEST, dst: REMOTE, icmp: Some((0, 0)), ..REQUEST };

fn icmp_rule(id: u32, priority: u16, action: RuleAction) -> Rule {
    Rule {
        id: RuleId(id),
        priority,
        action,
        protocol: Protocol::ICMP,
        ports: PortRange::ANY,
        source_ports: PortRange::ANY,
        icmp_type: None,
        icmp_code: None,
        peer: Peer::Any,
    }
}

fn allow(id: u32) -> Vec<Rule> {
    vec![icmp_rule(id, 100, RuleAction::Allow)]
}

fn deny(id: u32) -> Vec<Rule> {
    vec![icmp_rule(id, 100, RuleAction::Deny)]
}

/// The four lists of the table: ACL in, group in, group out, ACL out.
struct Row {
    acl_in: Vec<Rule>,
    group_in: Vec<Rule>,
    group_out: Vec<Rule>,
    acl_out: Vec<Rule>,
    tracked_flows: TrackedFlows,
}

impl Row {
    fn keep(acl_in: Vec<Rule>, group_in: Vec<Rule>, acl_out: Vec<Rule>) -> Self {
        Self { acl_in, group_in, group_out: Vec::new(), acl_out, tracked_flows: TrackedFlows::Keep }
    }

    fn compile(self, epoch: u32) -> EniPolicy {
        let group = SecurityGroup { id: "sg-web".parse().unwrap(), ingress: self.group_in, egress: self.group_out };
        let acl = NetworkAcl { id: "acl-front".parse().unwrap(), ingress: self.acl_in, egress: self.acl_out };
        let attachments = Attachments { security_groups: vec![group.id.clone()], network_acl: Some(acl.id.clone()) };
        Policy::new(PolicyObjects {
            tracked_flows: self.tracked_flows,
            security_groups: vec![group],
            network_acls: vec![acl],
            ..PolicyObjects::default()
        })
        .unwrap()
        .compile(&attachments, &Membership::default(), epoch)
        .unwrap()
    }
}

fn accept(layer: Layer, rule: RuleId) -> Verdict {
    let action = Action::Accept;
    Verdict { action, layer, rule }
}

fn reject(layer: Layer, rule: RuleId) -> Verdict {
    let action = Action::Reject;
    Verdict { action, layer, rule }
}

#[test]
fn v1_reply_to_an_allowed_ping_is_rejected_by_the_stateless_acl() {
    let policy = Row::keep(allow(1), allow(2), deny(3)).compile(1);
    assert_eq!(policy.judge(&REQUEST, Track::New), accept(Layer::SecurityGroup, RuleId(2)));
    assert_eq!(policy.reply_track(&REQUEST), Track::ReplyOfAccepted);
    assert_eq!(policy.judge(&REPLY, Track::ReplyOfAccepted), reject(Layer::NetworkAcl, RuleId(3)));
}

#[test]
fn v2_reply_to_an_allowed_ping_passes_without_an_egress_rule_in_the_group() {
    let policy = Row::keep(allow(1), allow(2), allow(3)).compile(1);
    assert_eq!(policy.judge(&REQUEST, Track::New), accept(Layer::SecurityGroup, RuleId(2)));
    assert_eq!(policy.judge(&REPLY, Track::ReplyOfAccepted), accept(Layer::NetworkAcl, RuleId(3)));
    assert_eq!(policy.judge(&REPLY, Track::New), reject(Layer::SecurityGroup, RuleId::GROUP_EGRESS_DEFAULT_DENY));
}

#[test]
fn v3_request_denied_by_the_group_names_the_group_although_the_acl_allows_it() {
    let policy = Row::keep(allow(1), deny(2), allow(3)).compile(1);
    assert_eq!(policy.judge(&REQUEST, Track::New), reject(Layer::SecurityGroup, RuleId(2)));
}

#[test]
fn v4_request_denied_by_the_acl_names_the_acl_and_never_asks_the_group() {
    let policy = Row::keep(deny(1), deny(2), allow(3)).compile(1);
    let explanation = policy.explain(&REQUEST, Track::New);
    assert_eq!(explanation.verdict, reject(Layer::NetworkAcl, RuleId(1)));
    assert_eq!(
        explanation.steps,
        [Step {
            layer: Layer::NetworkAcl,
            action: RuleAction::Deny,
            rule: RuleId(1),
            list: Some(ListId::NetworkAcl("acl-front".parse().unwrap())),
        }]
    );
}

/// The allow of row 5 with a deny put before it, as in the middle of a window.
fn v5(tracked_flows: TrackedFlows) -> (EniPolicy, EniPolicy) {
    let row = |group_in| Row { tracked_flows, ..Row::keep(allow(1), group_in, allow(3)) };
    let after = vec![icmp_rule(2, 100, RuleAction::Allow), icmp_rule(9, 10, RuleAction::Deny)];
    (row(allow(2)).compile(1), row(after).compile(2))
}

#[test]
fn v5_a_tracked_ping_stays_accepted_under_keep_when_a_deny_is_added() {
    let (before, after) = v5(TrackedFlows::Keep);
    assert_eq!((before.epoch(), after.epoch()), (1, 2));
    assert_eq!(before.judge(&REQUEST, Track::New), accept(Layer::SecurityGroup, RuleId(2)));
    assert_eq!(after.judge(&REQUEST, Track::Tracked), accept(Layer::SecurityGroup, RuleId::TRACKED));
    assert_eq!(after.reply_track(&REQUEST), Track::ReplyOfAccepted);
    assert_eq!(after.judge(&REPLY, Track::ReplyOfAccepted), accept(Layer::NetworkAcl, RuleId(3)));
    assert_eq!(after.judge(&REQUEST, Track::New), reject(Layer::SecurityGroup, RuleId(9)));
}

#[test]
fn v5_a_tracked_ping_is_rejected_under_reevaluate_when_a_deny_is_added() {
    let (before, after) = v5(TrackedFlows::Reevaluate);
    assert_eq!(before.judge(&REQUEST, Track::Tracked), accept(Layer::SecurityGroup, RuleId(2)));
    assert_eq!(before.reply_track(&REQUEST), Track::ReplyOfAccepted);
    assert_eq!(after.judge(&REQUEST, Track::Tracked), reject(Layer::SecurityGroup, RuleId(9)));
    assert_eq!(after.reply_track(&REQUEST), Track::New);
    assert_eq!(
        after.judge(&REPLY, after.reply_track(&REQUEST)),
        reject(Layer::SecurityGroup, RuleId::GROUP_EGRESS_DEFAULT_DENY)
    );
}

#[test]
fn v6_replies_are_rejected_then_accepted_when_the_acl_is_flipped_to_allow() {
    let before = Row::keep(allow(1), allow(2), deny(3)).compile(1);
    let after = Row::keep(allow(1), allow(2), allow(3)).compile(2);
    assert_eq!(before.judge(&REPLY, Track::ReplyOfAccepted), reject(Layer::NetworkAcl, RuleId(3)));
    assert_eq!(after.judge(&REPLY, Track::ReplyOfAccepted), accept(Layer::NetworkAcl, RuleId(3)));
}

#[test]
fn a_change_of_the_ingress_acl_does_not_touch_what_the_group_remembers() {
    let policy = Row { tracked_flows: TrackedFlows::Reevaluate, ..Row::keep(deny(1), allow(2), allow(3)) }.compile(1);
    assert_eq!(policy.judge(&REQUEST, Track::Tracked), reject(Layer::NetworkAcl, RuleId(1)));
    assert_eq!(policy.reply_track(&REQUEST), Track::ReplyOfAccepted);
}

#[test]
fn explain_names_the_group_of_the_rule_and_the_acl_in_the_order_consulted() {
    let row = Row { group_out: allow(4), ..Row::keep(allow(1), allow(2), allow(3)) };
    let explanation = row.compile(1).explain(&REPLY, Track::New);
    assert_eq!(explanation.verdict, accept(Layer::NetworkAcl, RuleId(3)));
    let step = |layer, rule, list| Step { layer, action: RuleAction::Allow, rule: RuleId(rule), list: Some(list) };
    assert_eq!(
        explanation.steps,
        [
            step(Layer::SecurityGroup, 4, ListId::SecurityGroup("sg-web".parse().unwrap())),
            step(Layer::NetworkAcl, 3, ListId::NetworkAcl("acl-front".parse().unwrap())),
        ]
    );
}

#[test]
fn an_eni_without_a_group_is_denied_and_one_without_an_acl_names_the_group() {
    let policy = Policy::new(PolicyObjects::default()).unwrap();
    let bare = policy.compile(&Attachments::default(), &Membership::default(), 1).unwrap();
    assert_eq!(bare.judge(&REQUEST, Track::New), reject(Layer::SecurityGroup, RuleId::GROUP_INGRESS_DEFAULT_DENY));
    assert_eq!(bare.judge(&REPLY, Track::ReplyOfAccepted), accept(Layer::SecurityGroup, RuleId::TRACKED));
}

#[test]
fn the_allow_all_policy_accepts_everything_whatever_is_attached() {
    let attachments = Attachments {
        security_groups: vec!["sg-nowhere".parse().unwrap()],
        network_acl: Some("acl-nowhere".parse().unwrap()),
    };
    let policy = Policy::allow_all().compile(&attachments, &Membership::default(), 5).unwrap();
    assert_eq!(policy.epoch(), 5);
    for packet in [REQUEST, REPLY] {
        assert_eq!(policy.judge(&packet, Track::New), accept(Layer::SecurityGroup, RuleId::ALLOW_ALL));
    }
    assert_eq!(policy.explain(&REQUEST, Track::New).steps[0].list, None);
}
