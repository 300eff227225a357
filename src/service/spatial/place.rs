//! What is known of a point.

use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::{Feature, FeatureId, Schema, Value};

/// A text that shares its bytes with the atlas.
#[derive(Debug, Default, Serialize, ToSchema)]
#[serde(transparent)]
#[schema(value_type = String)]
pub struct Text(Arc<str>);

impl Text {
    /// A text property; empty where it is absent.
    pub(super) fn of(feature: &Feature, schema: &Schema, name: &str) -> Self {
        match feature.get(schema, name) {
            Some(Value::Text(text)) => Self(Arc::clone(text)),
            _ => Self::default(),
        }
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

/// All that is known of a point.
#[derive(Debug, Serialize, ToSchema)]
pub struct Place {
    pub(super) position: Position,
    pub(super) county: Region,
    pub(super) township: Option<Region>,
    pub(super) village: Option<Region>,
    pub(super) villager_group: Option<Named>,
    pub(super) settlement: Option<NearSettlement>,
    /// The most probable first.
    pub(super) grids: Vec<Grid>,
    /// Who answers for the first grid.
    pub(super) group: Option<Group>,
    /// From the group up to the last resort.
    #[schema(value_type = Vec<Responsible>)]
    pub(super) chain: Arc<[Responsible]>,
    pub(super) cluster: Option<Named>,
    /// The nearest first.
    pub(super) venues: Vec<NearVenue>,
    /// The day grids and group are of, when one was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) as_of: Option<NaiveDate>,
    /// The instant grids and group were known so, when one was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) known: Option<DateTime<Utc>>,
}

/// Degrees, EPSG:4490.
#[derive(Debug, Serialize, ToSchema)]
pub struct Position {
    pub(super) lon: f64,
    pub(super) lat: f64,
}

/// A county, township or village.
#[derive(Debug, Serialize, ToSchema)]
pub struct Region {
    pub(super) id: FeatureId,
    pub(super) code: Text,
    pub(super) name: Text,
}

/// A feature by name.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = NamedPlace)]
pub struct Named {
    pub(super) id: FeatureId,
    pub(super) name: Text,
}

/// The settlement nearest to the point.
#[derive(Debug, Serialize, ToSchema)]
pub struct NearSettlement {
    pub(super) id: FeatureId,
    pub(super) name: Text,
    pub(super) distance_m: f64,
}

/// A venue near the point; degrees.
#[derive(Debug, Serialize, ToSchema)]
pub struct NearVenue {
    pub(super) id: FeatureId,
    pub(super) name: Text,
    pub(super) kind: Text,
    pub(super) distance_m: f64,
    pub(super) lon: f64,
    pub(super) lat: f64,
}

/// A grid the point may lie in.
#[derive(Debug, Serialize, ToSchema)]
pub struct Grid {
    pub(super) id: FeatureId,
    pub(super) code: Text,
    pub(super) name: Text,
    pub(super) kind: Text,
    pub(super) probability: f64,
    /// Its version, when another day or instant was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) version_id: Option<FeatureId>,
}

/// A grid's party group.
#[derive(Debug, Serialize, ToSchema)]
pub struct Group {
    pub(super) org_id: FeatureId,
    pub(super) name: Text,
}

/// A unit of the ladder of responsibility.
#[derive(Debug, Serialize, ToSchema)]
pub struct Responsible {
    pub(super) level: String,
    pub(super) unit_id: FeatureId,
    pub(super) name: String,
    pub(super) org_id: FeatureId,
    pub(super) org_name: String,
}
