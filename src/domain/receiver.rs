//! Who is told of what happens to incidents, by form.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The form a receiver understands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ReceiverKind {
    /// JSON, signed as the Standard Webhooks specification says.
    Yitu,
    /// The same, for the system that certain incidents come from: every step of those.
    Exchange,
    /// A group robot of 企业微信 or 政务微信.
    Wecom,
    /// A group robot of 钉钉.
    Dingtalk,
    /// Any other: method, address, headers and body by template.
    Template,
}

impl ReceiverKind {
    /// All of them with their stable codes.
    const ALL: [(Self, &'static str); 5] = [
        (Self::Yitu, "yitu"),
        (Self::Exchange, "exchange"),
        (Self::Wecom, "wecom"),
        (Self::Dingtalk, "dingtalk"),
        (Self::Template, "template"),
    ];

    /// The stable code, as stored and as answered.
    #[must_use]
    pub fn code(self) -> &'static str {
        Self::ALL.iter().find(|(k, _)| *k == self).map_or("", |(_, code)| code)
    }

    /// The one with a code.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, c)| *c == code).map(|(kind, _)| *kind)
    }

    /// Whether its messages are signed as Standard Webhooks are.
    #[must_use]
    pub fn is_signed(self) -> bool {
        matches!(self, Self::Yitu | Self::Exchange | Self::Template)
    }

    /// Whether its answers hold an `errcode`, which is 0 when all is well, beside the status 200 they always have.
    #[must_use]
    pub fn answers_by_code(self) -> bool {
        matches!(self, Self::Wecom | Self::Dingtalk)
    }
}
