//! SIGHUP: the configuration's file is read again, and what is new in it is said and done.
//!
//! Rules and the windows' length change while packets flow. Whatever else is different needs another start; then
//! nothing is changed, so that a file holds as a whole or not at all.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Arc, PoisonError};

use flowlog::policy::{Policy, Rule};
use tokio::sync::oneshot;

use super::Daemon;
use super::nic::{Change, Request};
use crate::assembly;
use crate::config::Config;

/// What is different between two configurations, a line each: `+` is new, `-` is gone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reloaded {
    /// Of the rules.
    pub rules: Vec<String>,
    /// Of the windows' length.
    pub window: Vec<String>,
    /// Of what needs another start.
    pub others: Vec<String>,
}

impl Reloaded {
    /// From one configuration to another.
    #[must_use]
    pub fn between(old: &Config, new: &Config) -> Self {
        let window = |config: &Config| BTreeMap::from([("window".to_owned(), config.settings.window.to_string())]);
        Self {
            rules: difference(&rules(&old.policy), &rules(&new.policy)),
            window: difference(&window(old), &window(new)),
            others: difference(&others(old), &others(new)),
        }
    }

    /// Whether nothing is different.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self == &Self::default()
    }

    /// As text, a line each.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        for line in self.rules.iter().chain(&self.window).chain(&self.others) {
            let _ = write!(text, "\n  {line}");
        }
        text
    }
}

fn difference(old: &BTreeMap<String, String>, new: &BTreeMap<String, String>) -> Vec<String> {
    let names = old.keys().chain(new.keys().filter(|name| !old.contains_key(*name)));
    let mut lines = Vec::new();
    for name in names {
        let (before, after) = (old.get(name), new.get(name));
        if before != after {
            lines.extend(before.map(|value| format!("- {name}: {value}")));
            lines.extend(after.map(|value| format!("+ {name}: {value}")));
        }
    }
    lines
}

fn rules(policy: &Policy) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut add = |object: String, direction: &str, rules: &[Rule]| {
        for (place, rule) in rules.iter().enumerate() {
            // What is in a rule can be written as JSON.
            let text = serde_json::to_string(rule).unwrap_or_default();
            found.insert(format!("{object} {direction} {}", place + 1), text);
        }
    };
    for group in &policy.objects().security_groups {
        add(format!("security group {}", group.id), "ingress", &group.ingress);
        add(format!("security group {}", group.id), "egress", &group.egress);
    }
    for acl in &policy.objects().network_acls {
        add(format!("network ACL {}", acl.id), "ingress", &acl.ingress);
        add(format!("network ACL {}", acl.id), "egress", &acl.egress);
    }
    found
}

/// Everything but rules and the windows' length.
fn others(config: &Config) -> BTreeMap<String, String> {
    let catalogue = &config.catalogue;
    let mut found = BTreeMap::new();
    let mut add = |name: String, value: &dyn std::fmt::Debug| drop(found.insert(name, format!("{value:?}")));
    for account in catalogue.accounts() {
        add(format!("account {}", account.id), account);
    }
    for vpc in catalogue.vpcs() {
        add(format!("VPC {}", vpc.id), vpc);
    }
    for subnet in catalogue.subnets() {
        add(format!("subnet {}", subnet.id), subnet);
    }
    for instance in catalogue.instances() {
        add(format!("instance {}", instance.id), instance);
    }
    for (port, eni) in catalogue.enis().iter().enumerate() {
        add(format!("ENI {}", eni.id), &(port, eni));
    }
    for log in catalogue.flow_logs() {
        // Its window is the NIC's.
        let spec = log.spec();
        let what = (log.labels(), log.is_enabled(), &spec.scope, spec.traffic, &spec.filter, &spec.fields);
        add(format!("flow log {}", log.id()), &(what, &spec.destinations));
    }
    let settings = crate::config::Settings { window: Default::default(), ..config.settings.clone() };
    add("settings".to_owned(), &settings);
    found
}

impl Daemon {
    /// Reads the configuration again, and does what is new in it.
    pub(super) async fn reload(&self) {
        let Some(file) = &self.options.config_file else {
            return self.say("SIGHUP: there is no configuration file to read again");
        };
        let new = match Config::load(file) {
            Ok(new) => new,
            Err(error) => return self.say(&format!("SIGHUP: nothing was changed: {error}")),
        };
        let old = Arc::clone(&self.shared.config.lock().unwrap_or_else(PoisonError::into_inner));
        let reloaded = Reloaded::between(&old, &new);
        let file = file.display();
        if reloaded.is_empty() {
            return self.say(&format!("SIGHUP: {file} says nothing new"));
        }
        let text = reloaded.text();
        if !reloaded.others.is_empty() {
            return self.say(&format!("SIGHUP: nothing was changed; what is new in {file} needs a restart:{text}"));
        }
        self.say(&match self.apply(&reloaded, new).await {
            Ok(()) => format!("SIGHUP: {file} holds now:{text}"),
            Err(reason) => format!("SIGHUP: nothing was changed: {reason}"),
        });
    }

    async fn apply(&self, reloaded: &Reloaded, new: Config) -> Result<(), String> {
        let epoch = self.shared.next_epoch();
        let policies = if reloaded.rules.is_empty() {
            None
        } else {
            let policies = assembly::policies(&new.catalogue, &new.policy, epoch);
            Some(policies.map_err(|error| error.to_string())?)
        };
        let window_seconds = (!reloaded.window.is_empty()).then(|| new.settings.window.get());
        let (answer, answered) = oneshot::channel();
        let change = Request::Change(Change { policies, window_seconds }, answer);
        self.nic.ask(change).map_err(|error| error.to_string())?;
        answered.await.map_err(|_| "the NIC's thread has ended".to_owned())?;
        *self.shared.config.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(new);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_that_is_other_is_said_as_gone_and_new() {
        let text = include_str!("guests.toml");
        let read = |text: &str| Config::parse("guests.toml", text).expect("a configuration");
        let old = read(text);
        let new = read(&text.replace("ports = \"5433\"", "ports = \"5432\"").replace("\"10s\"", "\"20s\""));
        let reloaded = Reloaded::between(&old, &new);
        assert_eq!(reloaded.rules.len(), 2, "{reloaded:?}");
        assert!(reloaded.rules[0].starts_with("- security group sg-database ingress 1: {"), "{reloaded:?}");
        assert!(reloaded.rules[0].contains("5433") && reloaded.rules[1].contains("5432"), "{reloaded:?}");
        assert!(reloaded.rules[1].starts_with('+'), "{reloaded:?}");
        assert_eq!(reloaded.window, ["- window: 10 s", "+ window: 20 s"].map(str::to_owned));
        assert_eq!(reloaded.others, Vec::<String>::new());
        assert!(Reloaded::between(&old, &old).is_empty());
    }
}
