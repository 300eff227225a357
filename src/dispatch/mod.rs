//! From a report to the party group that answers: pure functions over borrowed data.

pub mod decide;
pub mod duplicates;
pub mod explain;
pub mod normal;
pub mod probability;
pub mod rules;

pub use decide::{Decision, deadlines, decide, floor, lowest, who_takes};
pub use probability::{Candidate, NearGrid, Sigma, candidates};

use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::domain::FeatureId;
use crate::domain::calendar::WorkCalendar;
use crate::domain::incident::{Urgency, coded};

/// Which algorithm decided: stored with each decision, moved on whenever an outcome could differ.
pub const ALGORITHM_VERSION: i32 = 2;

coded! {
    /// A rung of the ladder.
    UnitKind {
        /// 网格党小组.
        GridGroup = "grid_group", "网格党小组";
        /// 村党组织.
        VillagePartyOrg = "village_party_org", "村党组织";
        /// 乡镇综治中心.
        TownshipCentre = "township_centre", "乡镇综治中心";
        /// 县综治中心.
        CountyCentre = "county_centre", "县综治中心";
        /// 职能部门.
        Department = "department", "职能部门";
        /// 县值班员, the last resort.
        CountyDutyOfficer = "county_duty_officer", "县值班员";
    }
}

impl UnitKind {
    /// The rung that answers when this one does not; none above the last resort.
    #[must_use]
    pub fn above(self) -> Option<Self> {
        Some(match self {
            Self::GridGroup => Self::VillagePartyOrg,
            Self::VillagePartyOrg => Self::TownshipCentre,
            Self::TownshipCentre => Self::CountyCentre,
            Self::CountyCentre | Self::Department => Self::CountyDutyOfficer,
            Self::CountyDutyOfficer => return None,
        })
    }

    /// How high up the ladder; a department stands with the county centre.
    #[must_use]
    pub fn height(self) -> u8 {
        match self {
            Self::GridGroup => 0,
            Self::VillagePartyOrg => 1,
            Self::TownshipCentre => 2,
            Self::Department | Self::CountyCentre => 3,
            Self::CountyDutyOfficer => 4,
        }
    }
}

/// A unit that may answer, with the party organisation that leads it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Unit {
    /// Its id.
    pub id: FeatureId,
    /// Its rung.
    pub kind: UnitKind,
    /// Its name.
    pub name: String,
    /// The responsible party organisation.
    pub org_id: FeatureId,
    /// Its name.
    pub org_name: String,
    /// A group of the same village that is not the grid's own.
    pub neighbour: bool,
}

/// A person with one appointment in a unit, as seen at the moment of the decision.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Person {
    /// Who.
    pub responder_id: FeatureId,
    /// Their name.
    pub name: String,
    /// The unit they act in.
    pub unit_id: FeatureId,
    /// Code of the appointment's role.
    pub role: String,
    /// The grid they are appointed for.
    pub grid_id: Option<FeatureId>,
    /// In the village as last confirmed, if ever.
    pub present: Option<bool>,
    /// On the unit's duty calendar now.
    pub on_duty: bool,
    /// Open matters they own.
    pub load: i64,
}

/// The kind of matter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Matter {
    /// Its name.
    pub name: String,
    /// Its id.
    pub category_id: FeatureId,
    /// 保密件.
    pub restricted: bool,
    /// On the 准入清单.
    pub village_admitted: bool,
    /// Handed to the townships by a document.
    pub township_delegated: bool,
    /// The department the law names, where the county has it.
    pub lawful_department: Option<FeatureId>,
    /// How fast it must go.
    pub urgency: Urgency,
}

/// The rule that fits best.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rule {
    /// Version of the rule table.
    pub version: i32,
    /// Which row of it.
    pub ordinal: i32,
    /// Where to begin.
    pub first_level: UnitKind,
    /// A named unit to begin with.
    pub first_unit_id: Option<FeatureId>,
    /// Units that help.
    pub assist_unit_ids: Vec<FeatureId>,
    /// The village's cluster helps where nobody in the village can take it.
    pub cluster_helps: bool,
    /// Minutes to sign for it.
    pub accept_minutes: i32,
    /// Minutes by the clock to finish.
    pub resolve_minutes: Option<i32>,
    /// Working days to finish.
    pub resolve_days: Option<i32>,
    /// From which probability a grid is taken as certain.
    pub confident: f32,
}

/// The grid a report falls into, with the doubt about it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Place {
    /// Candidate grids, the most probable first; none for words alone or ground without a grid.
    pub candidates: Vec<Candidate>,
    /// The village, where known.
    pub village: Option<String>,
    /// Words alone.
    pub text_only: bool,
    /// A chosen household, whose grid is certain.
    pub household: bool,
    /// Outside the county, and recorded as handed to another.
    pub outside_county: bool,
    /// Accuracy of the fix, metres.
    pub accuracy_m: Option<f64>,
}

/// 联村联社: whom a village's cluster can send to help.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Cluster {
    /// Name of its 联村党委, or its own.
    pub name: String,
    /// The party organisations of its other villages, the nearest first.
    pub units: Vec<Unit>,
}

/// All that a decision depends on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Inputs {
    /// When it is decided.
    pub now: DateTime<Utc>,
    /// What it is about.
    pub matter: Matter,
    /// Where.
    pub place: Place,
    /// The regions it lies in, as far as known: village, township, county.
    pub regions: Vec<FeatureId>,
    /// By which rule.
    pub rule: Rule,
    /// Units in the order they are asked: own group, neighbouring groups, village, township, department,
    /// county centre, county duty officer.
    pub ladder: Vec<Unit>,
    /// Who could act in them.
    pub people: Vec<Person>,
    /// The village's cluster, where the rule lets it help.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<Cluster>,
    /// The lowest rung to be asked, where those below it have had it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_least: Option<UnitKind>,
    /// The county's working days from the day before on, as far as a limit may reach.
    pub calendar: Arc<WorkCalendar>,
}
