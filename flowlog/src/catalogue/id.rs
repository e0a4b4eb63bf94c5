//! The names of things: VPCs, subnets, instances, flow logs; and MAC addresses.

use std::fmt;
use std::str::FromStr;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use super::table::{Table, TableError};

/// Characters that may follow the prefix of an id.
const ID_TAIL_MAX: usize = 32;

/// A text that is not the id it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// The text has another form.
    #[error("found `{found}`, expected {expected}")]
    Form {
        /// The text as written.
        found: String,
        /// What should have stood there.
        expected: &'static str,
    },
    /// The text names a thing on which flow logs do not exist.
    #[error(
        "found `{found}`, {kind}, but flow logs are supported only on ENIs of instances in a VPC: \
         expected {expected}"
    )]
    Refused {
        /// The text as written.
        found: String,
        /// What it names, with its article.
        kind: String,
        /// What should have stood there.
        expected: &'static str,
    },
}

impl IdError {
    pub(super) fn new(found: &str, expected: &'static str) -> Self {
        let found = found.to_owned();
        match RefusedResources::shipped().kind_of(&found) {
            Some(kind) => Self::Refused { kind: kind.to_owned(), found, expected },
            None => Self::Form { found, expected },
        }
    }
}

fn has_form(text: &str, prefixes: &[&str]) -> bool {
    prefixes.iter().find_map(|prefix| text.strip_prefix(prefix)).is_some_and(|tail| {
        (1..=ID_TAIL_MAX).contains(&tail.len())
            && tail.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    })
}

macro_rules! resource_id {
    ($(#[$doc:meta])* $name:ident, $prefixes:expr, $expected:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The id as text, prefix included.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdError;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                if has_form(&text, &$prefixes) {
                    Ok(Self(text))
                } else {
                    Err(IdError::new(&text, $expected))
                }
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::try_from(text.to_owned())
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

resource_id!(
    /// The id of a VPC: `vpc-` and up to 32 of `a-z`, `0-9`, `-`.
    VpcId,
    ["vpc-"],
    "a VPC id: vpc- and 1 to 32 of a-z, 0-9, -"
);
resource_id!(
    /// The id of a subnet: `subnet-` and up to 32 of `a-z`, `0-9`, `-`.
    SubnetId,
    ["subnet-"],
    "a subnet id: subnet- and 1 to 32 of a-z, 0-9, -"
);
resource_id!(
    /// The id of an instance: `ins-` or `i-` and up to 32 of `a-z`, `0-9`, `-`.
    InstanceId,
    ["ins-", "i-"],
    "an instance id: ins- or i- and 1 to 32 of a-z, 0-9, -"
);
resource_id!(
    /// The id of a flow log: `fl-` and up to 32 of `a-z`, `0-9`, `-`.
    FlowLogId,
    ["fl-"],
    "a flow log id: fl- and 1 to 32 of a-z, 0-9, -"
);

/// Ids that name a thing on which flow logs do not exist, by prefix.
#[derive(Debug, Clone, PartialEq, Eq)]
struct RefusedResources {
    kinds: Vec<(String, String)>,
}

static REFUSED: LazyLock<RefusedResources> =
    LazyLock::new(|| match RefusedResources::parse(include_str!("../../data/refused_resources.csv")) {
        Ok(table) => table,
        Err(error) => panic!("the shipped refused_resources.csv is broken: {error}"),
    });

impl RefusedResources {
    fn shipped() -> &'static Self {
        &REFUSED
    }

    fn parse(text: &str) -> Result<Self, TableError> {
        let mut kinds = Vec::new();
        for row in Table::parse(text)?.rows() {
            kinds.push((row.text("prefix")?.to_owned(), row.text("kind")?.to_owned()));
        }
        Ok(Self { kinds })
    }

    fn kind_of(&self, id: &str) -> Option<&str> {
        self.kinds.iter().find(|(prefix, _)| id.starts_with(prefix.as_str())).map(|(_, kind)| kind.as_str())
    }
}

/// The MAC address of an ENI: one station's, never a group's and never zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Mac([u8; 6]);

/// The text is not the MAC address of a station.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("found `{found}`, expected a MAC address of one station, like 52:54:00:12:34:56")]
pub struct MacError {
    /// The text as written.
    pub found: String,
}

impl Mac {
    /// The address of these bytes, unless it is zero or a group's.
    #[must_use]
    pub fn new(bytes: [u8; 6]) -> Option<Self> {
        let is_group = bytes[0] & 1 == 1;
        (!is_group && bytes != [0; 6]).then_some(Self(bytes))
    }

    /// Its bytes, in the order of the wire.
    #[must_use]
    pub const fn bytes(self) -> [u8; 6] {
        self.0
    }
}

fn read_mac(text: &str) -> Option<Mac> {
    let separator = if text.contains('-') { '-' } else { ':' };
    let mut bytes = [0; 6];
    let mut parts = text.split(separator);
    for byte in &mut bytes {
        let part = parts.next()?;
        let two_digits = part.len() == 2 && part.bytes().all(|b| b.is_ascii_hexdigit());
        *byte = u8::from_str_radix(part, 16).ok().filter(|_| two_digits)?;
    }
    match parts.next() {
        None => Mac::new(bytes),
        Some(_) => None,
    }
}

impl FromStr for Mac {
    type Err = MacError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        read_mac(text).ok_or_else(|| MacError { found: text.to_owned() })
    }
}

impl TryFrom<String> for Mac {
    type Error = MacError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Mac> for String {
    fn from(mac: Mac) -> Self {
        mac.to_string()
    }
}

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}
