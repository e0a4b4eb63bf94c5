//! What a sound configuration means.

use flowlog::catalogue::{Destination, Scope, WindowSeconds};
use flowlog::policy::{ListId, TrackedFlows};
use weir::config::{ChangeTime, Config, HostSettings, Nanoseconds, NicSettings, Settings, parse_window};

const EXAMPLE: &str = include_str!("../../docs/weir.example.toml");

fn example() -> Config {
    match Config::parse("weir.example.toml", EXAMPLE) {
        Ok(config) => config,
        Err(error) => panic!("{error}"),
    }
}

fn parse(text: &str) -> Config {
    match Config::parse("weir.toml", text) {
        Ok(config) => config,
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn the_example_is_read_whole() {
    let config = example();
    let catalogue = &config.catalogue;
    assert_eq!(catalogue.accounts().count(), 1);
    assert_eq!(catalogue.vpcs().count(), 1);
    assert_eq!(catalogue.subnets().count(), 2);
    assert_eq!(catalogue.instances().count(), 2);
    assert_eq!(catalogue.enis().len(), 2);
    assert_eq!(catalogue.flow_logs().count(), 2);
    assert_eq!(config.policy.objects().security_groups.len(), 2);
    assert_eq!(config.policy.objects().network_acls.len(), 1);
    assert_eq!(config.policy_changes.len(), 2);
}

#[test]
fn the_example_shows_the_defaults_of_sizes_and_time_outs() {
    let settings = example().settings;
    let licence_servers = settings.licence_servers.clone();
    assert_eq!(licence_servers.len(), 7);
    let expected =
        Settings { window: WindowSeconds::new(60).expect("a window"), licence_servers, ..Settings::default() };
    assert_eq!(settings, expected);
}

#[test]
fn the_flow_logs_of_the_example_filter_what_they_write() {
    let config = example();
    let eni = "eni-lq6mkcis".parse().expect("an id");
    let logs: Vec<_> = config.catalogue.flow_logs_of(&eni).collect();
    let ids: Vec<&str> = logs.iter().map(|log| log.id().as_str()).collect();
    assert_eq!(ids, ["fl-main", "fl-refused-web"]);
    let refused = logs[1].spec();
    assert_eq!(refused.destinations, [Destination::Directory("records/refused".to_owned())]);
    assert_eq!(refused.fields.fields().len(), 16);
    assert!(refused.filter.as_ref().is_some_and(|filter| filter.destination_ports.len() == 2));
}

#[test]
fn every_eni_of_the_example_has_a_policy_that_compiles() {
    let config = example();
    for eni in config.catalogue.enis() {
        let attachments = config.catalogue.attachments(&eni.id).expect("attachments");
        let membership = config.catalogue.membership();
        config.policy.compile(&attachments, &membership, 0).expect("a compiled policy");
    }
}

#[test]
fn an_empty_file_is_a_configuration_of_nothing_that_allows_all() {
    let config = parse("");
    assert_eq!(config.catalogue.enis().len(), 0);
    assert!(config.policy.is_allow_all());
    assert_eq!(config.settings, Settings::default());
}

#[test]
fn every_setting_can_be_chosen() {
    let settings = parse(
        "[settings]\nwindow = '5m'\noffload_at_packet = 1\ntracked_flows = 'reevaluate'\n\
         [settings.timeouts]\nudp_seconds = 7\n\
         [settings.record]\nversion_token = 'V1'\n\
         [settings.licence_activation]\naddresses = ['192.0.2.1', '192.0.2.1']\n\
         [settings.nic]\nslots_log2 = 7\ncommand_ring_log2 = 4\ncompletion_ring_log2 = 5\n\
         record_ring_log2 = 6\npunt_ring_log2 = 7\ninject_ring_log2 = 8\n\
         [settings.host]\nconnections_max = 9\nflows_max = 10\n",
    )
    .settings;
    let default = Settings::default();
    let expected = Settings {
        window: WindowSeconds::new(300).expect("a window"),
        record: flowlog::record::RecordSettings { version_token: flowlog::record::VersionToken::V1, ..default.record },
        offload_at_packet: 1,
        tracked_flows: TrackedFlows::Reevaluate,
        timeouts: flowlog::policy::Timeouts { udp_seconds: 7, ..default.timeouts },
        licence_servers: vec!["192.0.2.1".parse().expect("an address")],
        nic: NicSettings {
            slots_log2: 7,
            command_ring_log2: 4,
            completion_ring_log2: 5,
            record_ring_log2: 6,
            punt_ring_log2: 7,
            inject_ring_log2: 8,
        },
        host: HostSettings { connections_max: 9, flows_max: 10 },
    };
    assert_eq!(settings, expected);
}

#[test]
fn a_file_without_flow_logs_has_one_for_each_vpc() {
    let config = Config::default_promiscuous();
    let logs: Vec<_> = config.catalogue.flow_logs().collect();
    assert_eq!(logs.len(), 1);
    assert_eq!(logs[0].id().as_str(), "fl-00000000");
    assert_eq!(logs[0].spec().scope, "vpc-00000000".parse::<Scope>().expect("a scope"));
}

#[test]
fn without_configuration_one_eni_takes_everything_and_all_is_allowed() {
    let config = Config::default_promiscuous();
    let eni = config.catalogue.promiscuous_eni().expect("an ENI");
    assert_eq!(config.catalogue.enis().len(), 1);
    assert_eq!(eni.id.as_str(), "eni-00000000");
    assert!(eni.addresses.is_empty());
    assert!(config.policy.is_allow_all());
    assert_eq!(config.settings, Settings::default());
    let stream = config.catalogue.stream(&eni.id).expect("a stream");
    assert_eq!(stream.account.as_str(), "0");
    assert_eq!(config.catalogue.flow_logs_of(&eni.id).count(), 1);
}

#[test]
fn a_disabled_flow_log_is_read_as_disabled() {
    let text = EXAMPLE.replacen("enabled = true", "enabled = false", 1);
    let config = parse(&text);
    let eni = "eni-lq6mkcis".parse().expect("an id");
    let ids: Vec<&str> = config.catalogue.flow_logs_of(&eni).map(|log| log.id().as_str()).collect();
    assert_eq!(ids, ["fl-refused-web"]);
}

#[test]
fn a_policy_change_replaces_the_given_direction_and_keeps_the_other() {
    let config = example();
    let change = &config.policy_changes[0];
    assert_eq!(change.at, ChangeTime::AfterFirstPacket(Nanoseconds(30_000_000_000)));
    assert_eq!(change.list, ListId::NetworkAcl("acl-front".parse().expect("an id")));
    let acl = |policy: &flowlog::policy::Policy| {
        policy.network_acl(&"acl-front".parse().expect("an id")).expect("an ACL").clone()
    };
    let (before, after) = (acl(&config.policy), acl(&change.apply(&config.policy).expect("a policy")));
    assert_eq!(after.ingress, before.ingress);
    assert_eq!((before.egress.len(), after.egress.len()), (1, 0));
}

#[test]
fn policy_changes_follow_in_the_order_of_time_and_add_up() {
    let config = example();
    let first_packet_ns = 1_418_530_060_000_000_000;
    let timeline = config.policy_timeline(first_packet_ns).expect("policies");
    let times: Vec<u64> = timeline.iter().map(|timed| timed.from_ns).collect();
    assert_eq!(times, [1_418_530_070_000_000_000, 1_418_530_090_000_000_000]);
    let rules = |at: usize| {
        let policy = &timeline[at].policy;
        let group = policy.security_group(&"sg-web".parse().expect("an id")).expect("a group");
        let acl = policy.network_acl(&"acl-front".parse().expect("an id")).expect("an ACL");
        (group.ingress.len(), acl.egress.len())
    };
    assert_eq!((rules(0), rules(1)), ((1, 1), (1, 0)));
}

#[test]
fn a_window_is_read_with_and_without_a_unit() {
    for (text, seconds) in [("60s", 60), ("5m", 300), ("300", 300), ("1", 1), ("2 min", 120), ("2000ms", 2)] {
        assert_eq!(parse_window(text).map(WindowSeconds::get), Ok(seconds), "{text}");
    }
    for text in ["", "s", "-1s", "1d", "1.5s", "0", "601s", "1h", "99999999999999999999s", "99999999999999999h"] {
        assert!(parse_window(text).is_err(), "{text}");
    }
}

#[test]
fn the_promiscuous_eni_takes_a_model() {
    let mut config = Config::default_promiscuous();
    config.catalogue.set_model(&"S3.LARGE8".parse().expect("a model")).expect("set");
    let eni = config.catalogue.promiscuous_eni().expect("an ENI");
    let profile = eni.instance.as_ref().and_then(|id| config.catalogue.profile_of(id));
    assert_eq!(profile.map(|profile| profile.packets_per_second.value), Some(450_000));
    assert_eq!(config.catalogue.flow_logs_of(&eni.id).count(), 1);
}

#[test]
fn every_beginning_of_the_example_is_read_or_refused_at_a_place() {
    for (end, _) in EXAMPLE.char_indices().step_by(7) {
        if let Err(error) = Config::parse("weir.toml", &EXAMPLE[..end]) {
            let lines = EXAMPLE[..end].lines().count();
            let text = error.to_string();
            let line = text.split(':').nth(1).and_then(|line| line.parse::<usize>().ok());
            assert!(line.is_some_and(|line| (1..=lines + 1).contains(&line)), "{text}");
        }
    }
}
