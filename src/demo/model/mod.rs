//! The demo county as plain rows, one struct a table, with their ids already given.
//!
//! Places are metres on the county's plane; [`super::raster::Frame`] brings them to EPSG:4490.

mod matters;

use chrono::{DateTime, NaiveDate, Utc};

pub use matters::{Assignment, Category, Deliberation, Incident, Rule, Step};

use super::raster::{Frame, Raster, Xy};
use super::topology::Polygon;

/// A geometry on the plane.
#[derive(Debug, Clone, PartialEq)]
pub enum Geom {
    /// A place.
    Point(Xy),
    /// A line.
    Line(Vec<Xy>),
    /// One polygon.
    Polygon(Polygon),
    /// Several polygons.
    Multi(Vec<Polygon>),
}

/// `region`.
#[derive(Debug, Clone)]
pub struct Region {
    /// Id.
    pub id: i64,
    /// The region above.
    pub parent: Option<i64>,
    /// `county`, `township` or `village`.
    pub level: &'static str,
    /// 县 / 镇 / 乡 / 社区 / 村.
    pub kind: &'static str,
    /// Name.
    pub name: String,
    /// Twelve-digit division code.
    pub code: String,
    /// Outline.
    pub geom: Vec<Polygon>,
}

/// `villager_group` or `settlement`: a named place in a village.
#[derive(Debug, Clone)]
pub struct Named {
    /// Id.
    pub id: i64,
    /// Village.
    pub village: i64,
    /// Name.
    pub name: String,
    /// What it is; unused for groups.
    pub kind: &'static str,
    /// Where it is.
    pub geom: Geom,
}

/// `party_org`.
#[derive(Debug, Clone)]
pub struct PartyOrg {
    /// Id.
    pub id: i64,
    /// The organisation above.
    pub parent: Option<i64>,
    /// Kind in the database's words.
    pub kind: &'static str,
    /// Form in the database's words.
    pub form: &'static str,
    /// Name.
    pub name: String,
    /// Region.
    pub region: i64,
}

/// `handling_unit`.
#[derive(Debug, Clone)]
pub struct Unit {
    /// Id.
    pub id: i64,
    /// One level up the ladder.
    pub parent: Option<i64>,
    /// Kind in the database's words.
    pub kind: &'static str,
    /// Name.
    pub name: String,
    /// Region.
    pub region: i64,
    /// 责任党组织.
    pub lead_org: i64,
}

/// `grid` with its first `grid_version`.
#[derive(Debug, Clone)]
pub struct Grid {
    /// Id.
    pub id: i64,
    /// Id of its version.
    pub version_id: i64,
    /// Village.
    pub village: i64,
    /// `general` or `dedicated`.
    pub kind: &'static str,
    /// Name.
    pub name: String,
    /// Grid code.
    pub code: String,
    /// Responsible party group.
    pub group: i64,
    /// Outline.
    pub geom: Vec<Polygon>,
}

/// `household`.
#[derive(Debug, Clone)]
pub struct Household {
    /// Id.
    pub id: i64,
    /// Permanent number.
    pub number: String,
    /// Village.
    pub village: i64,
    /// Villager group.
    pub group: i64,
    /// Settlement.
    pub settlement: i64,
    /// General grid, from the point or, without one, from the register.
    pub grid: i64,
    /// Grid the register says.
    pub register_grid: i64,
    /// Door, where it is on the map.
    pub door: Option<Xy>,
    /// Surveyed outline.
    pub outline: Option<[Xy; 5]>,
    /// Address.
    pub address: String,
    /// Name of the head.
    pub head: String,
    /// Tags.
    pub tags: Vec<&'static str>,
    /// Phone digits, where known.
    pub phone: Option<u64>,
    /// Members, the head first.
    pub members: Vec<Member>,
}

/// `member`.
#[derive(Debug, Clone)]
pub struct Member {
    /// Id.
    pub id: i64,
    /// Name.
    pub name: String,
    /// To the head.
    pub relation: &'static str,
    /// Whether female.
    pub female: bool,
    /// Year of birth.
    pub birth_year: i16,
    /// 在村.
    pub at_home: bool,
    /// Tags.
    pub tags: Vec<&'static str>,
}

/// `responder`.
#[derive(Debug, Clone)]
pub struct Responder {
    /// Id.
    pub id: i64,
    /// Name.
    pub name: String,
    /// Skills.
    pub skills: Vec<&'static str>,
    /// Phone digits.
    pub phone: u64,
    /// Appointments.
    pub appointments: Vec<Appointment>,
    /// Presence of the last months: the month's first day and 在村.
    pub presence: Vec<(NaiveDate, bool)>,
}

/// `appointment`.
#[derive(Debug, Clone)]
pub struct Appointment {
    /// Id.
    pub id: i64,
    /// Role in the database's words.
    pub role: &'static str,
    /// Unit they act in.
    pub unit: i64,
    /// Region they serve.
    pub region: i64,
    /// Grid they serve.
    pub grid: Option<i64>,
    /// First day.
    pub from: NaiveDate,
}

/// `duty`.
#[derive(Debug, Clone)]
pub struct Duty {
    /// Id.
    pub id: i64,
    /// Who.
    pub responder: i64,
    /// For which unit.
    pub unit: i64,
    /// From, included.
    pub from: DateTime<Utc>,
    /// To, excluded.
    pub to: DateTime<Utc>,
}

/// `household_link`.
#[derive(Debug, Clone)]
pub struct Link {
    /// Id.
    pub id: i64,
    /// Household.
    pub household: i64,
    /// Helper.
    pub responder: i64,
    /// First day.
    pub from: NaiveDate,
}

/// `venue`.
#[derive(Debug, Clone)]
pub struct Venue {
    /// Id.
    pub id: i64,
    /// Village.
    pub village: i64,
    /// Kind in the database's words.
    pub kind: &'static str,
    /// Name.
    pub name: String,
    /// People it holds.
    pub capacity: i32,
    /// Opening hours.
    pub hours: &'static str,
    /// Where it is.
    pub geom: Geom,
}

/// `cluster` with its members and bus lines.
#[derive(Debug, Clone)]
pub struct Cluster {
    /// Id.
    pub id: i64,
    /// Name.
    pub name: String,
    /// 联村党委.
    pub committee: i64,
    /// Shared industries.
    pub industries: Vec<&'static str>,
    /// Members.
    pub members: Vec<ClusterMember>,
    /// Bus lines that link it.
    pub bus_lines: Vec<i64>,
}

/// `cluster_member`.
#[derive(Debug, Clone)]
pub struct ClusterMember {
    /// Id.
    pub id: i64,
    /// Kind in the database's words.
    pub kind: &'static str,
    /// Name.
    pub name: String,
    /// The village, for villages.
    pub village: Option<i64>,
    /// The social organisation, for those.
    pub social_org: Option<i64>,
    /// First day.
    pub from: NaiveDate,
    /// Day after the last, where it has left.
    pub to: Option<NaiveDate>,
}

/// `social_org`.
#[derive(Debug, Clone)]
pub struct SocialOrg {
    /// Id.
    pub id: i64,
    /// Region.
    pub region: i64,
    /// Name.
    pub name: String,
    /// Kind.
    pub kind: &'static str,
    /// 已备案.
    pub registered: bool,
    /// Where it meets.
    pub place: Xy,
}

/// `bus_line` with its stops.
#[derive(Debug, Clone)]
pub struct BusLine {
    /// Id.
    pub id: i64,
    /// Number.
    pub number: String,
    /// Name.
    pub name: String,
    /// Line.
    pub line: Vec<Xy>,
    /// Stops in order.
    pub stops: Vec<(String, Xy)>,
}

/// `road`.
#[derive(Debug, Clone)]
pub struct Road {
    /// Id.
    pub id: i64,
    /// Class in the database's words.
    pub class: &'static str,
    /// Name.
    pub name: String,
    /// Speed.
    pub speed_kmh: f32,
    /// Node at the start.
    pub from: i64,
    /// Node at the end.
    pub to: i64,
    /// Line.
    pub line: Vec<Xy>,
}

/// `water`, `land_use` or `building`.
#[derive(Debug, Clone)]
pub struct Ground {
    /// Id.
    pub id: i64,
    /// Kind in the database's words.
    pub kind: &'static str,
    /// Name; only water has one.
    pub name: String,
    /// Shape.
    pub geom: Geom,
}

/// The whole county.
#[derive(Debug, Clone)]
pub struct County {
    /// Seed it was made from.
    pub seed: u64,
    /// The instant it ends at.
    pub now: DateTime<Utc>,
    /// Where the plane lies on the globe.
    pub frame: Frame,
    /// Heights in metres, fine cells.
    pub heights: Raster<f32>,
    /// Regions, the county first, then townships, then villages.
    pub regions: Vec<Region>,
    /// Villager groups.
    pub groups: Vec<Named>,
    /// Settlements.
    pub settlements: Vec<Named>,
    /// Party organisations.
    pub party_orgs: Vec<PartyOrg>,
    /// Handling units.
    pub units: Vec<Unit>,
    /// Grids: general first.
    pub grids: Vec<Grid>,
    /// Households.
    pub households: Vec<Household>,
    /// Responders.
    pub responders: Vec<Responder>,
    /// Duty calendar.
    pub duties: Vec<Duty>,
    /// 联户帮办.
    pub links: Vec<Link>,
    /// Venues.
    pub venues: Vec<Venue>,
    /// Clusters.
    pub clusters: Vec<Cluster>,
    /// Social organisations.
    pub social_orgs: Vec<SocialOrg>,
    /// Bus lines.
    pub bus_lines: Vec<BusLine>,
    /// Roads.
    pub roads: Vec<Road>,
    /// Rivers, streams, reservoirs.
    pub water: Vec<Ground>,
    /// Land use.
    pub land_use: Vec<Ground>,
    /// House outlines.
    pub buildings: Vec<Ground>,
    /// Categories.
    pub categories: Vec<Category>,
    /// Dispatch rules.
    pub rules: Vec<Rule>,
    /// Days that differ from the week: day, working, name.
    pub calendar: Vec<(NaiveDate, bool, &'static str)>,
    /// Incidents.
    pub incidents: Vec<Incident>,
    /// What stands on agendas.
    pub deliberations: Vec<Deliberation>,
    /// The greatest id given out.
    pub last_id: i64,
}
