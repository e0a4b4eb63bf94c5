//! What leaves the house in a bug report: without secrets, and without what people have named.

use serde_json::Value;

/// What stands in the place of what was taken out.
const REDACTED: &str = "[redacted]";
/// Parts of names whose values are secrets.
const SECRETS: [&str; 8] =
    ["secret", "password", "passwd", "token", "credential", "authorization", "apikey", "privatekey"];
/// Names whose values people chose, and which no bug hangs on.
const NAMED: [&str; 2] = ["name", "tags"];
/// Names that look like a secret's and are none.
const PLAIN: [&str; 1] = ["versiontoken"];

/// A configuration or log without secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redacted(pub String);

/// A name without what separates its words, in small letters.
fn plain(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

fn is_secret(name: &str) -> bool {
    let name = plain(name);
    let is_key = name.ends_with("key") || name.ends_with("keyid");
    !PLAIN.contains(&name.as_str()) && (is_key || SECRETS.iter().any(|secret| name.contains(secret)))
}

impl Redacted {
    /// A configuration, as JSON.
    ///
    /// # Errors
    /// When the text is no TOML.
    pub fn config(text: &str) -> Result<Self, toml::de::Error> {
        let mut value: Value = toml::from_str(text)?;
        redact(&mut value);
        Ok(Self(super::json(&value)))
    }

    /// The last `most` lines of a log.
    #[must_use]
    pub fn log(text: &str, most: usize) -> Self {
        let lines: Vec<&str> = text.lines().collect();
        let last = lines.iter().skip(lines.len().saturating_sub(most));
        Self(last.map(|line| redact_line(line) + "\n").collect())
    }
}

fn redact(value: &mut Value) {
    match value {
        Value::Object(map) => {
            for (name, value) in map.iter_mut() {
                if is_secret(name) || NAMED.contains(&name.as_str()) {
                    *value = Value::String(REDACTED.to_owned());
                } else {
                    redact(value);
                }
            }
        }
        Value::Array(values) => values.iter_mut().for_each(redact),
        Value::String(text) => *text = without_user(text),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// A text whose URLs name no user and password.
fn without_user(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("://") {
        let end = after.find(|c: char| c == '/' || c == '"' || c.is_whitespace()).unwrap_or(after.len());
        let (authority, behind) = after.split_at(end);
        out.push_str(before);
        out.push_str("://");
        match authority.rsplit_once('@') {
            Some((_, host)) => out.push_str(&format!("{REDACTED}@{host}")),
            None => out.push_str(authority),
        }
        rest = behind;
    }
    out + rest
}

/// A line without the values of secrets: `token=…`, `"password": "…"`, `Authorization: Bearer …`.
fn redact_line(line: &str) -> String {
    let line = without_user(line);
    let mut out = String::new();
    let mut rest = line.as_str();
    while let Some(at) = rest.find(['=', ':']) {
        let (head, tail) = rest.split_at(at + 1);
        out.push_str(head);
        let name = head[..at].trim_end().trim_end_matches(['"', '\'']);
        let name = name.rsplit(|c: char| !c.is_alphanumeric() && c != '_' && c != '-').next().unwrap_or_default();
        rest = tail;
        if is_secret(name) {
            let blanks = tail.len() - tail.trim_start_matches([' ', '"', '\'']).len();
            let (lead, value) = tail.split_at(blanks);
            // A header's value is all of its line; another ends where the next begins.
            let is_header = plain(name).contains("authorization");
            let ends = |c: char| {
                if is_header { c == '"' } else { c.is_whitespace() || matches!(c, ',' | '"' | '\'' | ';' | '&' | '}') }
            };
            let end = value.find(ends).unwrap_or(value.len());
            out.push_str(lead);
            if end > 0 {
                out.push_str(REDACTED);
            }
            rest = &value[end..];
        }
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::{Redacted, redact_line};

    #[test]
    fn secrets_and_what_people_named_are_taken_out_of_a_configuration() {
        let text = "name = \"ours\"\n[settings.record]\nversion_token = \"V1\"\n[[sink]]\nurl = \"https://me:pw@host/x\"\n\
                    secret_key = \"abc\"\ntags = { team = \"a\" }\nwindow = 60\n";
        let redacted = Redacted::config(text).map(|redacted| redacted.0).unwrap_or_default();
        for gone in ["ours", "me:pw", "abc", "team"] {
            assert!(!redacted.contains(gone), "{gone} in {redacted}");
        }
        for kept in ["V1", "host/x", "60"] {
            assert!(redacted.contains(kept), "{kept} in {redacted}");
        }
    }

    #[test]
    fn secrets_are_taken_out_of_log_lines_and_the_rest_is_kept() {
        let same = "12:00:01 attach: the NIC runs, window=60s";
        assert_eq!(redact_line(same), same);
        assert_eq!(redact_line("sink token=abc123, retry=3"), "sink token=[redacted], retry=3");
        assert_eq!(redact_line("{\"password\": \"xy\"}"), "{\"password\": \"[redacted]\"}");
        assert_eq!(redact_line("Authorization: Bearer abc def"), "Authorization: [redacted]");
        assert_eq!(redact_line("to https://u:p@host:9/a"), "to https://[redacted]@host:9/a");
    }

    #[test]
    fn only_the_last_lines_of_a_log_are_kept() {
        assert_eq!(Redacted::log("1\n2\n3\n", 2).0, "2\n3\n");
    }
}
