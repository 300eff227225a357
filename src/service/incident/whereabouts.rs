//! Where a report lies.

use geo::Coord;

use super::check::Location;
use super::facts::Facts;
use crate::atlas::locate::covers;
use crate::db::unit::{self, VillageRow};
use crate::dispatch::{Candidate, Sigma};
use crate::domain::incident::LocationSource;
use crate::domain::{Feature, FeatureId, Layer, Problem, ProblemKind};
use crate::geo::LonLat;
use crate::service::spatial::{grids, int, near, text, village_index};
use crate::service::{ServiceError, Yitu};

/// Beyond this the position says little; probabilities are computed with it at most, metres.
const LARGEST_SIGMA_M: f64 = 500.0;

/// Where a report lies.
#[derive(Debug)]
pub struct Found {
    /// The grids that come into question, the most probable first.
    pub candidates: Vec<Candidate>,
    /// The village, where known.
    pub village: Option<VillageRow>,
    /// The report's point, or the household's door.
    pub point: Option<LonLat>,
}

/// Where a report lies: by its point, where it was given by coordinates, or by words.
///
/// # Errors
/// `outside-county` with the distance; a problem that names a household that does not exist; a failing database.
pub async fn locate(
    facts: &mut Facts<'_>,
    location: &Location,
    point: Option<LonLat>,
    words: &str,
) -> Result<Found, ServiceError> {
    match (location.source, point) {
        (LocationSource::Household, _) => at_household(facts, location.household_id.unwrap_or_default()).await,
        (LocationSource::Text, _) | (_, None) => in_words(facts, words).await,
        (_, Some(point)) => at_point(facts.yitu(), facts.county(), point, sigma(location)),
    }
}

/// Only a fix has an error of its own; who points at the map or a household is off by a matter's extent at most.
pub(super) fn sigma(location: &Location) -> Option<Sigma> {
    let accuracy = location.accuracy_m.filter(|_| location.source == LocationSource::Gps)?;
    sigma_of(accuracy, location.confidence)
}

/// What a receiver's accuracy says of its error, up to what probabilities are computed with. Without a
/// confidence the radius is that of 68 %, as phones give it.
#[must_use]
pub fn sigma_of(accuracy_m: f64, confidence: Option<f64>) -> Option<Sigma> {
    let confidence = confidence.unwrap_or(0.68);
    let most = LARGEST_SIGMA_M * Sigma::from_accuracy(1.0, confidence).metres().recip();
    (accuracy_m > 0.0).then(|| Sigma::from_accuracy(accuracy_m.min(most), confidence))
}

/// The village that is named; two villages of one text leave the place open, unless one name holds the other.
async fn in_words(facts: &mut Facts<'_>, words: &str) -> Result<Found, ServiceError> {
    let county = facts.county();
    let mut named = unit::villages_named(facts.on().await?, county, words).await?;
    let open = named.len() > 1 && !named[0].name.contains(&named[1].name);
    let village = if open || named.is_empty() { None } else { Some(named.swap_remove(0)) };
    Ok(Found { candidates: Vec::new(), village, point: None })
}

async fn at_household(facts: &mut Facts<'_>, id: FeatureId) -> Result<Found, ServiceError> {
    let (county, day) = (facts.county(), facts.day().await?);
    let on = facts.on().await?;
    let door = unit::door(on, county, id, day).await?.ok_or_else(|| no_such_household(id))?;
    let candidates = match (door.grid_id, door.version_id, door.name) {
        (Some(grid_id), Some(version_id), Some(name)) => {
            vec![Candidate { grid_id, version_id, code: door.code.unwrap_or_default(), name, probability: 1.0 }]
        }
        _ => Vec::new(),
    };
    let village = unit::village(on, county, door.village_id).await?;
    let point = door.lon.zip(door.lat).and_then(|(lon, lat)| LonLat::new(lon, lat).ok());
    Ok(Found { candidates, village, point })
}

/// Of a household that is not there, or not the asker's to know of.
#[must_use]
pub fn no_such_household(id: FeatureId) -> Problem {
    Problem::bad_field(
        "/location/household_id",
        format!("没有编号为 {id} 的住户,请重新选择"),
        format!("There is no household {id}; choose again"),
    )
}

/// The grids a point may lie in, and its village.
///
/// # Errors
/// `outside-county` with the distance, metres.
pub fn at_point(yitu: &Yitu, county: FeatureId, p: LonLat, sigma: Option<Sigma>) -> Result<Found, ServiceError> {
    let here = village_index(yitu).locate(p).map(|f| f.id);
    if here.is_none() {
        refuse_outside(yitu, county, p)?;
    }
    let candidates = grids::probable(yitu, p, sigma);
    let of_grid = candidates.first().and_then(|best| {
        let grids = yitu.atlas.layer(Layer::Grid);
        int(grids.get(best.grid_id)?, grids.schema(), "village_id")
    });
    let village = of_grid.or(here).and_then(|id| village(yitu, id));
    Ok(Found { candidates, village, point: Some(p) })
}

/// A point that is said to be outside the county.
///
/// # Errors
/// A problem where it is not.
pub fn outside(yitu: &Yitu, p: LonLat) -> Result<Found, Problem> {
    if let Some(village) = village_index(yitu).locate(p).and_then(|f| village(yitu, f.id)) {
        return Err(Problem::bad_field(
            "/transferred_to",
            format!("位置在本县{}内,不必转外县", village.name),
            format!("The position lies in {}, inside the county", village.name),
        ));
    }
    Ok(Found { candidates: Vec::new(), village: None, point: Some(p) })
}

/// A grid that is known to be the one, with its village.
#[must_use]
pub fn in_grid(yitu: &Yitu, grid: FeatureId) -> Option<Found> {
    let grids = yitu.atlas.layer(Layer::Grid);
    let (f, schema) = (grids.get(grid)?, grids.schema());
    let candidate = Candidate {
        grid_id: f.id,
        version_id: int(f, schema, "grid_version_id")?,
        code: text(f, schema, "code").to_owned(),
        name: text(f, schema, "name").to_owned(),
        probability: 1.0,
    };
    let village = village(yitu, int(f, schema, "village_id")?);
    Some(Found { candidates: vec![candidate], village, point: None })
}

/// A village of the map.
fn village(yitu: &Yitu, id: FeatureId) -> Option<VillageRow> {
    let regions = yitu.atlas.layer(Layer::Region);
    let schema = regions.schema();
    let row = |f: &Feature| {
        Some(VillageRow { id, name: text(f, schema, "name").to_owned(), township_id: int(f, schema, "parent_id")? })
    };
    row(regions.get(id)?)
}

fn refuse_outside(yitu: &Yitu, county: FeatureId, p: LonLat) -> Result<(), Problem> {
    let regions = yitu.atlas.layer(Layer::Region);
    // Without a county boundary there is no outside.
    let Some(outline) = regions.get(county).and_then(|c| c.geometry.as_ref()) else { return Ok(()) };
    if covers(outline, Coord::from(p)) {
        return Ok(());
    }
    let metres = near::distance_to(outline, p).unwrap_or_default();
    let said = if metres < 1000.0 { format!("{metres:.0} 米") } else { format!("{:.1} 公里", metres / 1000.0) };
    let problem = Problem::new(
        ProblemKind::Unprocessable,
        "outside-county",
        ("位置在县外", "Outside the county"),
        (
            format!("该位置在县界外约 {said}。请核对定位;确属外县的,请向当地反映或由值班员登记转外县。"),
            format!("The position is about {metres:.0} m outside the county. Check it, or report it where it belongs."),
        ),
    );
    Err(problem.with_extra("distance_m", (metres * 10.0).round() / 10.0).with_field(
        "/location",
        "位置在县界外",
        "Outside the county",
    ))
}
