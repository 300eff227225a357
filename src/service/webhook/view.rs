//! A receiver as it is shown: what it is reached with stays sealed.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::db::receiver::ReceiverRow;
use crate::domain::FeatureId;

/// Which steps a receiver is told. A list that is empty or left out is all of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Subscription {
    /// Codes of actions; a report is told as `dispatch`, or as `resolve_on_spot`.
    pub actions: Vec<String>,
    /// Codes of urgencies.
    pub urgencies: Vec<String>,
    /// Codes of categories, with their children.
    pub categories: Vec<String>,
    /// Regions with all below them.
    pub regions: Vec<FeatureId>,
    /// Units that own the incident.
    pub units: Vec<FeatureId>,
    /// Restricted matters too.
    pub restricted: bool,
}

/// A receiver.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[allow(missing_docs)] // named as in the interface
pub struct ReceiverView {
    pub id: FeatureId,
    pub version: i32,
    pub name: String,
    pub kind: String,
    /// Scheme and host of its address; the rest may be a credential.
    pub origin: String,
    /// The secret, where it was made just now; it is not shown again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
    pub enabled: bool,
    pub timeout_seconds: f64,
    pub subscription: Subscription,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external_system: Option<String>,
    /// What it is told beyond the least.
    pub fields: Vec<String>,
    pub method: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub template: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expect: Option<String>,
    /// Failures in a row.
    pub failures: i32,
    /// Nothing is sent until then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rests_until: Option<DateTime<Utc>>,
    /// Not yet delivered.
    pub pending: i64,
    /// Given up.
    pub dead: i64,
}

impl ReceiverView {
    /// From its row and its backlog.
    #[must_use]
    pub fn of(row: ReceiverRow, (pending, dead): (i64, i64)) -> Self {
        Self {
            id: row.id,
            version: row.version,
            name: row.name,
            kind: row.kind,
            origin: row.origin,
            secret: None,
            enabled: row.enabled,
            timeout_seconds: f64::from(row.timeout_ms) / 1000.0,
            subscription: Subscription {
                actions: row.actions,
                urgencies: row.urgencies,
                categories: row.categories,
                regions: row.regions,
                units: row.units,
                restricted: row.restricted,
            },
            external_system: row.external_system,
            fields: row.fields,
            method: row.method,
            template: row.template,
            expect: row.expect,
            failures: row.failures,
            rests_until: row.rests_until,
            pending,
            dead,
        }
    }
}
