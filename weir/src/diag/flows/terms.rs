//! Rules in words.

use flowlog::policy::{Direction, Policy, PortRange, Rule, RuleAction};

use crate::diag::LayerAnswer;

/// Adds the words of the rule that answered, if `policy` has it.
pub(in crate::diag) fn fill(policy: &Policy, direction: Direction, answer: &mut LayerAnswer) {
    let Some(list) = answer.list.as_deref() else { return };
    let objects = policy.objects();
    let group = objects.security_groups.iter().find(|group| list == format!("security group {}", group.id));
    let acl = objects.network_acls.iter().find(|acl| list == format!("network ACL {}", acl.id));
    let rules = group.map(|group| group.rules(direction)).or_else(|| acl.map(|acl| acl.rules(direction)));
    let rule = rules.unwrap_or_default().iter().find(|rule| rule.id.0 == answer.rule);
    answer.terms = rule.map(|rule| words(rule, direction));
}

fn words(rule: &Rule, direction: Direction) -> String {
    let action = match rule.action {
        RuleAction::Allow => "allow",
        RuleAction::Deny => "deny",
    };
    let ports = |range: PortRange, name: &str| match range {
        PortRange::ANY => String::new(),
        range => format!(" {name} {}", String::from(range)),
    };
    let number = |number: Option<u8>, name: &str| number.map_or_else(String::new, |number| format!(" {name} {number}"));
    let side = if direction == Direction::Ingress { "from" } else { "to" };
    format!(
        "{action} {}{}{}{}{} {side} {}, priority {}",
        rule.protocol,
        ports(rule.ports, "port"),
        ports(rule.source_ports, "source port"),
        number(rule.icmp_type, "type"),
        number(rule.icmp_code, "code"),
        rule.peer,
        rule.priority
    )
}
