//! What a broken configuration says: file, line and column, what was found, what was expected.

use weir::config::{Config, ConfigError};

/// Nine lines that every object below may refer to; what a test adds begins on line 10.
const BASE: &str = "\
[[account]]
id = '1251762227'
[[vpc]]
id = 'vpc-a'
account = '1251762227'
cidrs = ['10.0.0.0/16']
[[subnet]]
id = 'subnet-a'
vpc = 'vpc-a'
cidrs = ['10.0.1.0/24']
";

fn refusal(text: &str) -> String {
    match Config::parse("weir.toml", text) {
        Ok(_) => panic!("accepted:\n{text}"),
        Err(error) => error.to_string(),
    }
}

/// The error of lines that follow [`BASE`]; the first of them is line 11.
fn refusal_after_base(lines: &str) -> String {
    refusal(&format!("{BASE}{lines}"))
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let error = Config::load(std::path::Path::new("no/such/weir.toml")).expect_err("refused");
    assert!(matches!(error, ConfigError::Read { .. }));
    assert!(error.to_string().starts_with("no/such/weir.toml: "), "{error}");
}

#[test]
fn text_that_is_no_toml_is_refused() {
    assert_eq!(
        refusal("[settings]\nwindow = \n"),
        "weir.toml:2:10: string values must be quoted, expected literal string"
    );
}

#[test]
fn an_unknown_key_is_refused_with_those_known() {
    assert_eq!(
        refusal("[[account]]\nid = '1'\nnmae = 'x'\n"),
        "weir.toml:3:1: found unknown key `nmae`, expected `id` or `name`"
    );
}

#[test]
fn an_unknown_section_is_refused_with_those_known() {
    assert_eq!(
        refusal("\n[[enis]]\n"),
        "weir.toml:2:3: found unknown key `enis`, expected one of `settings`, `account`, `vpc`, \
         `subnet`, `instance`, `eni`, `security_group`, `network_acl`, `flow_log`, `policy_change`"
    );
}

#[test]
fn an_unknown_key_of_a_rule_is_refused() {
    assert_eq!(
        refusal("[[security_group]]\nid = 'sg-a'\ningress = [\n  { id = 1, port = 22 },\n]\n"),
        "weir.toml:4:13: found unknown key `port`, expected one of `id`, `priority`, `action`, \
         `protocol`, `ports`, `source_ports`, `icmp_type`, `icmp_code`, `peer`"
    );
}

#[test]
fn a_missing_key_is_refused_at_its_section() {
    assert_eq!(
        refusal("[[account]]\nid = '1'\n[[account]]\nname = 'x'\n"),
        "weir.toml:3:1: found no key `id`, expected one"
    );
}

#[test]
fn columns_are_counted_in_characters() {
    assert_eq!(
        refusal("account = [{ name = 'é', id = 'x' }]\n"),
        "weir.toml:1:31: `x` is no account; expected 1 to 20 digits"
    );
}

#[test]
fn a_window_that_is_too_short_or_too_long_is_refused() {
    for (window, found) in [("0", "0"), ("'0s'", "0"), ("601", "601"), ("'11m'", "660")] {
        assert_eq!(
            refusal(&format!("[settings]\nwindow = {window}\n")),
            format!("weir.toml:2:10: found a window of {found} s, expected 1 to 600 s")
        );
    }
}

#[test]
fn a_window_that_is_no_duration_is_refused() {
    for (window, found) in [("'soon'", "soon"), ("'1500ms'", "1500ms"), ("'1.5s'", "1.5s"), ("-1", "-1"), ("''", "")] {
        assert_eq!(
            refusal(&format!("[settings]\nwindow = {window}\n")),
            format!(
                "weir.toml:2:10: found window `{found}`, expected whole seconds from 1 to 600, \
                 like 60s, 5m or 300"
            )
        );
    }
}

#[test]
fn a_window_of_another_type_is_refused() {
    assert_eq!(
        refusal("[settings]\nwindow = 1.5\n"),
        "weir.toml:2:10: invalid type: floating point `1.5`, expected a duration like \"60s\" or \
         whole seconds"
    );
}

#[test]
fn a_setting_outside_its_bounds_is_refused() {
    assert_eq!(refusal("[settings.nic]\nslots_log2 = 25\n"), "weir.toml:2:14: found slots_log2 = 25, expected 7 to 24");
    assert_eq!(
        refusal("[settings]\noffload_at_packet = 0\n"),
        "weir.toml:2:21: found offload_at_packet = 0, expected 1 to 1000000"
    );
}

#[test]
fn a_time_out_outside_its_bounds_is_refused() {
    assert_eq!(
        refusal("[settings]\nwindow = 1\n[settings.timeouts]\nudp_seconds = 0\n"),
        "weir.toml:3:1: found udp_seconds = 0, expected 1 to 864000"
    );
}

#[test]
fn an_unknown_licence_preset_is_refused_with_those_known() {
    assert_eq!(
        refusal("[settings.licence_activation]\npresets = ['aws', 'tencent']\n"),
        "weir.toml:2:19: found licence preset `tencent`, expected one of aws, azure"
    );
}

#[test]
fn a_duplicate_id_is_refused_with_the_line_of_the_first() {
    for (kind, lines, line, column, first) in [
        ("account 1251762227", "[[account]]\nid = '1251762227'\n", 12, 6, 2),
        ("VPC vpc-a", "[[vpc]]\naccount = '1251762227'\nid = 'vpc-a'\ncidrs = ['10.1.0.0/16']\n", 13, 6, 4),
        ("subnet subnet-a", "[[subnet]]\nid = 'subnet-a'\nvpc = 'vpc-a'\ncidrs = ['10.0.2.0/24']\n", 12, 6, 8),
        ("security group sg-a", "[[security_group]]\nid = 'sg-a'\n[[security_group]]\nid = 'sg-a'\n", 14, 6, 12),
        ("network ACL acl-a", "[[network_acl]]\nid = 'acl-a'\n[[network_acl]]\nid = 'acl-a'\n", 14, 6, 12),
        (
            "flow log fl-a",
            "[[flow_log]]\nid = 'fl-a'\nscope = 'vpc-a'\n[[flow_log]]\nid = 'fl-a'\nscope = 'vpc-a'\n",
            15,
            6,
            12,
        ),
        (
            "instance ins-a",
            "[[instance]]\nid = 'ins-a'\nmodel = 'S3.LARGE8'\nregion = 'Beijing'\n\
             [[instance]]\nid = 'ins-a'\nmodel = 'S3.LARGE8'\nregion = 'Beijing'\n",
            16,
            6,
            12,
        ),
        (
            "ENI eni-aaaaaaaa",
            "[[eni]]\nid = 'eni-aaaaaaaa'\nsubnet = 'subnet-a'\naddresses = ['10.0.1.1']\n\
             [[eni]]\nid = 'eni-aaaaaaaa'\nsubnet = 'subnet-a'\naddresses = ['10.0.1.2']\n",
            16,
            6,
            12,
        ),
    ] {
        assert_eq!(
            refusal_after_base(lines),
            format!("weir.toml:{line}:{column}: found a second {kind}, expected ids unique (line {first})")
        );
    }
}

#[test]
fn an_id_of_the_wrong_form_is_refused() {
    assert_eq!(
        refusal_after_base("[[eni]]\nid = 'eni-1'\n"),
        "weir.toml:12:6: `eni-1` is no ENI; expected `eni-` and 8 lower-case letters or digits"
    );
    assert_eq!(
        refusal_after_base("[[subnet]]\nid = 'vpc-a'\n"),
        "weir.toml:12:6: found `vpc-a`, expected a subnet id: subnet- and 1 to 32 of a-z, 0-9, -"
    );
}

#[test]
fn a_bad_cidr_is_refused() {
    assert_eq!(
        refusal_after_base("[[subnet]]\nid = 'subnet-b'\nvpc = 'vpc-a'\ncidrs = ['10.0.2.0/33']\n"),
        "weir.toml:14:10: found `10.0.2.0/33`, expected a CIDR like 10.0.0.0/8 or 2001:db8::/32, \
         or an address"
    );
}

#[test]
fn a_cidr_with_host_bits_is_refused_with_the_block() {
    assert_eq!(
        refusal_after_base("[[subnet]]\nid = 'subnet-b'\nvpc = 'vpc-a'\ncidrs = ['10.0.2.1/24']\n"),
        "weir.toml:14:10: found 10.0.2.1/24 with host bits set, expected 10.0.2.0/24"
    );
}

#[test]
fn a_subnet_outside_its_vpc_is_refused() {
    assert_eq!(
        refusal_after_base("[[subnet]]\nid = 'subnet-b'\nvpc = 'vpc-a'\ncidrs = ['10.0.2.0/24', '10.1.0.0/24']\n"),
        "weir.toml:14:25: found 10.1.0.0/24, expected a part of vpc-a: 10.0.0.0/16"
    );
}

#[test]
fn overlapping_subnets_are_refused_with_both_lines() {
    assert_eq!(
        refusal_after_base("[[subnet]]\nid = 'subnet-b'\nvpc = 'vpc-a'\ncidrs = ['10.0.1.128/25']\n"),
        "weir.toml:14:10: found 10.0.1.128/25, which overlaps 10.0.1.0/24 of subnet-a (line 10)"
    );
}

#[test]
fn overlapping_addresses_are_refused_with_both_lines() {
    assert_eq!(
        refusal_after_base(
            "[[eni]]\nid = 'eni-aaaaaaaa'\nsubnet = 'subnet-a'\naddresses = ['10.0.1.1', '10.0.1.2']\n\
             [[eni]]\nid = 'eni-bbbbbbbb'\nsubnet = 'subnet-a'\naddresses = [\n  '10.0.1.3',\n  '10.0.1.2',\n]\n"
        ),
        "weir.toml:20:3: found address 10.0.1.2, which is eni-aaaaaaaa's already (line 14)"
    );
}

#[test]
fn one_address_twice_on_an_eni_is_refused_at_the_second() {
    assert_eq!(
        refusal_after_base(
            "[[eni]]\nid = 'eni-aaaaaaaa'\nsubnet = 'subnet-a'\naddresses = [\n'10.0.1.1',\n'10.0.1.1']\n"
        ),
        "weir.toml:16:1: found address 10.0.1.1, which is eni-aaaaaaaa's already (line 15)"
    );
}

#[test]
fn one_mac_on_two_enis_is_refused_with_both_lines() {
    assert_eq!(
        refusal_after_base(
            "[[eni]]\nid = 'eni-aaaaaaaa'\nsubnet = 'subnet-a'\naddresses = ['10.0.1.1']\nmac = '52:54:00:00:00:01'\n\
             [[eni]]\nid = 'eni-bbbbbbbb'\nsubnet = 'subnet-a'\naddresses = ['10.0.1.2']\nmac = '52:54:00:00:00:01'\n"
        ),
        "weir.toml:20:7: found MAC 52:54:00:00:00:01, which is eni-aaaaaaaa's already (line 15)"
    );
}

#[test]
fn an_address_outside_the_subnet_is_refused() {
    assert_eq!(
        refusal_after_base("[[eni]]\nid = 'eni-aaaaaaaa'\nsubnet = 'subnet-a'\naddresses = ['10.0.2.1']\n"),
        "weir.toml:14:14: found address 10.0.2.1, expected one in subnet-a: 10.0.1.0/24"
    );
}

#[test]
fn text_that_is_no_address_is_refused() {
    assert_eq!(
        refusal_after_base("[[eni]]\nid = 'eni-aaaaaaaa'\nsubnet = 'subnet-a'\naddresses = ['10.0.1']\n"),
        "weir.toml:14:14: found `10.0.1`, expected an IPv4 or IPv6 address"
    );
}

#[test]
fn an_eni_without_address_is_refused() {
    assert_eq!(
        refusal_after_base("[[eni]]\nid = 'eni-aaaaaaaa'\nsubnet = 'subnet-a'\n"),
        "weir.toml:12:6: found no address, expected at least one, or promiscuous = true"
    );
}

#[test]
fn unknown_references_are_refused() {
    for (lines, expected) in [
        (
            "[[vpc]]\nid = 'vpc-b'\naccount = '7'\ncidrs = ['10.1.0.0/16']\n",
            "13:11: found 7, expected the id of a known account",
        ),
        (
            "[[subnet]]\nid = 'subnet-b'\nvpc = 'vpc-b'\ncidrs = ['10.0.2.0/24']\n",
            "13:7: found vpc-b, expected the id of a known VPC",
        ),
        (
            "[[eni]]\nid = 'eni-aaaaaaaa'\nsubnet = 'subnet-b'\naddresses = ['10.0.1.1']\n",
            "13:10: found subnet-b, expected the id of a known subnet",
        ),
        (
            "[[eni]]\nid = 'eni-aaaaaaaa'\nsubnet = 'subnet-a'\naddresses = ['10.0.1.1']\ninstance = 'ins-b'\n",
            "15:12: found ins-b, expected the id of a known instance",
        ),
        (
            "[[flow_log]]\nid = 'fl-a'\nscope = 'eni-aaaaaaaa'\n",
            "13:9: found eni-aaaaaaaa, expected the id of a known ENI",
        ),
        (
            "[[subnet]]\nid = 'subnet-b'\nvpc = 'vpc-a'\ncidrs = ['10.0.2.0/24']\nnetwork_acl = 'acl-b'\n",
            "15:15: found acl-b, expected the id of a [[network_acl]] of this file",
        ),
        (
            "[[eni]]\nid = 'eni-aaaaaaaa'\nsubnet = 'subnet-a'\naddresses = ['10.0.1.1']\nsecurity_groups = ['sg-b']\n",
            "15:20: found sg-b, expected the id of a [[security_group]] of this file",
        ),
    ] {
        assert_eq!(refusal_after_base(lines), format!("weir.toml:{expected}"));
    }
}

#[test]
fn an_unsupported_model_is_refused_with_the_list_of_those_supported() {
    assert_eq!(
        refusal("[[instance]]\nid = 'ins-a'\nmodel = 'SA4.2XLARGE16'\nregion = 'Beijing'\n"),
        "weir.toml:3:9: found model `SA4.2XLARGE16`, but flow logs are supported only on \
         S1 S2 S3 M1 M2 M3 I1 I2 I3 C2 C3 CN3 D1"
    );
}

#[test]
fn an_unsupported_region_is_refused_with_the_list_of_those_supported() {
    assert_eq!(
        refusal("[[instance]]\nid = 'ins-a'\nmodel = 'S3.LARGE8'\nregion = 'Paris'\n"),
        "weir.toml:4:10: found region `Paris`, but flow logs are supported only in \
         ap-guangzhou (Guangzhou), ap-shanghai (Shanghai), ap-beijing (Beijing), \
         ap-chengdu (Chengdu), na-siliconvalley (Western US)"
    );
}

#[test]
fn an_eni_of_a_database_is_refused() {
    assert_eq!(
        refusal_after_base("[[eni]]\nid = 'eni-aaaaaaaa'\nsubnet = 'subnet-a'\ninstance = 'cdb-1a2b3c4d'\n"),
        "weir.toml:14:12: found `cdb-1a2b3c4d`, a database, but flow logs are supported only on ENIs \
         of instances in a VPC: expected an instance id: ins- or i- and 1 to 32 of a-z, 0-9, -"
    );
}

#[test]
fn too_many_enis_on_an_instance_are_refused() {
    let eni = |n| {
        format!("[[eni]]\nid = 'eni-0000000{n}'\nsubnet = 'subnet-a'\naddresses = ['10.0.1.{n}']\ninstance = 'ins-a'\n")
    };
    let instance = "[[instance]]\nid = 'ins-a'\nmodel = 'S3.SMALL1'\nregion = 'Beijing'\n";
    assert_eq!(
        refusal_after_base(&format!("{instance}{}{}{}", eni(1), eni(2), eni(3))),
        "weir.toml:29:12: found 3 ENIs on ins-a, expected at most 2: it is of model S3.SMALL1"
    );
}

#[test]
fn a_second_promiscuous_eni_is_refused_with_both_lines() {
    let eni = |n| format!("[[eni]]\nid = 'eni-0000000{n}'\nsubnet = 'subnet-a'\npromiscuous = true\n");
    assert_eq!(
        refusal_after_base(&format!("{}{}", eni(1), eni(2))),
        "weir.toml:18:15: found a second promiscuous ENI, expected only eni-00000001 (line 14)"
    );
}

#[test]
fn a_bad_rule_is_refused_at_its_line() {
    let rule = |rest: &str| {
        format!(
            "[[security_group]]\nid = 'sg-a'\ningress = [\n  {{ id = 1, priority = 1, action = 'allow', {rest} }},\n]\n"
        )
    };
    for (rest, expected) in [
        (
            "protocol = 'icmp', ports = 80, peer = 'any'",
            "4:3: found ports 80 with protocol icmp, expected tcp, udp or 132 (sctp), or no ports",
        ),
        (
            "protocol = 'tcp', ports = '90-80', peer = 'any'",
            "4:3: found ports 90-80, expected the lower one first: 80-90",
        ),
        ("protocol = 'tcp', peer = '10.0.0.1/8'", "4:3: found 10.0.0.1/8 with host bits set, expected 10.0.0.0/8"),
        ("protocol = 'tcp', peer = 'sg-b'", "4:3: found sg-b, expected the id of a security group of this policy"),
    ] {
        assert_eq!(refusal(&rule(rest)), format!("weir.toml:{expected}"));
    }
    assert_eq!(refusal(&rule("protocol = 'tcp', peer = 'nowhere'")).split(": ").next(), Some("weir.toml:4:70"));
}

#[test]
fn a_duplicate_rule_is_refused_with_both_lines() {
    let rule = "{ id = 7, priority = 1, action = 'allow', protocol = 'tcp', peer = 'any' },\n";
    assert_eq!(
        refusal(&format!("[[network_acl]]\nid = 'acl-a'\negress = [\n{rule}{rule}]\n")),
        "weir.toml:5:1: found id 7 for a second time, expected ids unique in their list (line 4)"
    );
}

#[test]
fn a_flow_log_with_another_window_is_refused() {
    assert_eq!(
        refusal_after_base("[[flow_log]]\nid = 'fl-a'\nscope = 'vpc-a'\nwindow = '1m'\n"),
        "weir.toml:14:10: found a window of 60 s, expected 300 s as in [settings]: all flow logs of \
         a NIC share its window"
    );
}

#[test]
fn two_flow_logs_of_one_eni_and_destination_are_refused_with_both_lines() {
    assert_eq!(
        refusal_after_base(
            "[[flow_log]]\nid = 'fl-a'\nscope = 'vpc-a'\n\
             [[flow_log]]\nid = 'fl-b'\nscope = 'subnet-a'\ndestinations = ['dir:x', 'stdout']\n"
        ),
        "weir.toml:17:26: found destination stdout for subnet-a, expected one flow log per ENI and \
         destination: fl-a on vpc-a writes there already (line 12)"
    );
}

#[test]
fn bad_values_of_a_flow_log_are_refused_at_their_place() {
    let log = |rest: &str| format!("[[flow_log]]\nid = 'fl-a'\nscope = 'vpc-a'\n{rest}\n");
    for (rest, expected) in [
        ("traffic = 'DROP'", "14:11: found traffic filter `DROP`, expected ACCEPT, REJECT or ALL"),
        ("destinations = ['kafka']", "14:17: found destination `kafka`, expected stdout or dir:PATH"),
        ("destinations = []", "12:6: found no destination, expected at least one"),
        ("filter = { source_ports = ['9-1'] }", "12:6: found ports 9-1, expected the lower one first"),
    ] {
        assert_eq!(refusal_after_base(&log(rest)), format!("weir.toml:{expected}"));
    }
    let fields = refusal_after_base(&log("fields = 'version colour'"));
    assert!(fields.starts_with("weir.toml:14:10: field 2, `colour`, does not exist"), "{fields}");
}

#[test]
fn a_policy_change_needs_a_known_list_and_new_rules() {
    let change = |rest: &str| format!("[[security_group]]\nid = 'sg-a'\n[[policy_change]]\n{rest}\n");
    for (rest, expected) in [
        (
            "at = '1s'\ningress = []",
            "3:1: found neither, expected a policy change of one: security_group or network_acl",
        ),
        (
            "at = '1s'\nsecurity_group = 'sg-a'\nnetwork_acl = 'acl-a'",
            "6:15: found both, expected a policy change of one: security_group or network_acl",
        ),
        (
            "at = '1s'\nsecurity_group = 'sg-b'\ningress = []",
            "5:18: found sg-b, expected the id of a [[security_group]] of this file",
        ),
        (
            "at = '1s'\nsecurity_group = 'sg-a'",
            "5:18: found neither ingress nor egress, expected the new rules of one or both",
        ),
        (
            "at = 30\nsecurity_group = 'sg-a'\ningress = []",
            "4:6: found at = 30, expected an offset from the first packet like \"90s\", or Unix seconds like 1418530030",
        ),
        (
            "at = 'noon'\nsecurity_group = 'sg-a'\ningress = []",
            "4:6: found duration `noon`, expected a number and ms, s, m, h or d, like 60s or 5m",
        ),
        (
            "at = '1s'\nsecurity_group = 'sg-a'\nnetwork_acl = 'acl-a'\n",
            "6:15: found both, expected a policy change of one: security_group or network_acl",
        ),
    ] {
        assert_eq!(refusal(&change(rest)), format!("weir.toml:{expected}"));
    }
}

#[test]
fn a_bad_rule_of_a_policy_change_is_refused_at_its_line() {
    assert_eq!(
        refusal(
            "[[security_group]]\nid = 'sg-a'\n[[policy_change]]\nat = '1s'\nsecurity_group = 'sg-a'\n\
             egress = [{ id = 1, priority = 1, action = 'deny', protocol = 'tcp', peer = 'sg-b' }]\n"
        ),
        "weir.toml:6:11: found sg-b, expected the id of a security group of this policy"
    );
}

#[test]
fn an_element_of_a_long_list_is_refused_at_its_own_line() {
    for (list, element, expected) in [
        (
            "[[eni]]\nid = 'eni-aaaaaaaa'\nsubnet = 'subnet-a'\naddresses",
            "'10.0.1'",
            "found `10.0.1`, expected an IPv4 or IPv6 address",
        ),
        (
            "[[eni]]\nid = 'eni-aaaaaaaa'\nsubnet = 'subnet-a'\nsecurity_groups",
            "'web'",
            "found `web`, expected a security group id: sg- and 1 to 32 of a-z, 0-9, -",
        ),
        (
            "[[flow_log]]\nid = 'fl-a'\nscope = 'vpc-a'\nfilter.sources",
            "'all'",
            "found `all`, expected a CIDR like 10.0.0.0/8 or 2001:db8::/32, or an address",
        ),
        (
            "[[flow_log]]\nid = 'fl-a'\nscope = 'vpc-a'\nfilter.source_ports",
            "70000",
            "found `70000`, expected ports: any, a port 0 to 65535, or a range like 8000-8080",
        ),
        (
            "[[flow_log]]\nid = 'fl-a'\nscope = 'vpc-a'\nfilter.protocols",
            "'http'",
            "found `http`, expected a protocol: any, tcp, udp, icmp, icmpv6 or a number 0 to 255",
        ),
        (
            "[settings]\nwindow = 60\n[settings.licence_activation]\naddresses",
            "'kms'",
            "found `kms`, expected an IPv4 or IPv6 address",
        ),
    ] {
        assert_eq!(
            refusal_after_base(&format!("{list} = [\n\n  {element},\n]\n")),
            format!("weir.toml:16:3: {expected}")
        );
    }
}
