//! What dispatch knows of the county: read when first asked for, forgotten as soon as any of it changes.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

use chrono::{DateTime, Duration, NaiveDate, Utc};
use chrono_tz::Tz;
use parking_lot::Mutex;

use crate::db::unit::{self, CategoryRow, ClusterUnitRow, PersonRow, RuleRow, UnitRow};
use crate::db::{DbError, Request};
use crate::dispatch::{Cluster, Person, Unit, UnitKind};
use crate::domain::calendar::WorkCalendar;
use crate::domain::incident::Urgency;
use crate::domain::{FeatureId, Viewer};
use crate::service::{ServiceError, Yitu};

/// Days of the calendar a deadline can reach: 15 working days and the longest holidays, twice over.
const CALENDAR_DAYS: i64 = 90;
/// Days back from which an extension counts what a matter has had.
const DAYS_BACK: i64 = 31;
/// How old the count of people's open matters may be; it breaks ties only.
const LOAD_AGE: Duration = Duration::seconds(2);

/// Grid, village, unit named by the rule.
type Rungs = (Option<FeatureId>, Option<FeatureId>, Option<FeatureId>);

/// What is known, all of one county, one day and one state of its organisation.
#[derive(Debug, Default)]
pub struct Known {
    of: Option<(FeatureId, NaiveDate, u64)>,
    calendar: HashMap<(), Arc<WorkCalendar>>,
    categories: HashMap<NaiveDate, Arc<[CategoryRow]>>,
    rules: HashMap<(FeatureId, Urgency, Option<FeatureId>), Option<RuleRow>>,
    ladders: HashMap<(NaiveDate, Rungs), Arc<[Unit]>>,
    clusters: HashMap<(NaiveDate, FeatureId), Option<Arc<Cluster>>>,
    staff: HashMap<(NaiveDate, FeatureId), Arc<[PersonRow]>>,
    units: HashMap<FeatureId, Option<Unit>>,
}

/// The memory of one server.
#[derive(Debug, Default)]
pub struct Memory {
    known: Mutex<Known>,
    loads: Mutex<Loads>,
}

#[derive(Debug, Default)]
struct Loads {
    of: Option<(FeatureId, DateTime<Utc>)>,
    counts: HashMap<FeatureId, i64>,
}

/// The facts as of one instant. What is not known yet is read in the transaction it works in, or in one of its own.
pub struct Facts<'a> {
    yitu: &'a Yitu,
    viewer: &'a Viewer,
    now: DateTime<Utc>,
    /// The state of the organisation; nothing while changes to it are not heard of.
    generation: Option<u64>,
    within: Within<'a>,
}

enum Within<'a> {
    Theirs(&'a mut Request),
    Own(Option<Request>),
}

impl<'a> Facts<'a> {
    /// On its own.
    #[must_use]
    pub fn new(yitu: &'a Yitu, viewer: &'a Viewer, now: DateTime<Utc>) -> Self {
        Self::with(yitu, viewer, now, Within::Own(None))
    }

    /// Within a transaction of that viewer.
    #[must_use]
    pub fn within(yitu: &'a Yitu, viewer: &'a Viewer, now: DateTime<Utc>, on: &'a mut Request) -> Self {
        Self::with(yitu, viewer, now, Within::Theirs(on))
    }

    fn with(yitu: &'a Yitu, viewer: &'a Viewer, now: DateTime<Utc>, within: Within<'a>) -> Self {
        // Read before the database: what is kept may then be newer than it claims, never older.
        let generation = yitu.atlas.is_following().then(|| yitu.atlas.organisation_generation());
        Self { yitu, viewer, now, generation, within }
    }

    /// The server.
    #[must_use]
    pub fn yitu(&self) -> &'a Yitu {
        self.yitu
    }

    /// The county.
    #[must_use]
    pub fn county(&self) -> FeatureId {
        self.viewer.county_id()
    }

    /// The instant.
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        self.now
    }

    /// The transaction in which to read.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn on(&mut self) -> Result<&mut Request, DbError> {
        match &mut self.within {
            Within::Theirs(on) => Ok(on),
            Within::Own(begun) => {
                if begun.is_none() {
                    *begun = Some(Request::begin(&self.yitu.db.request, self.viewer).await?);
                }
                begun.as_mut().ok_or_else(|| DbError::Stored("no transaction".to_owned()))
            }
        }
    }

    async fn remembered<K: Eq + Hash + Clone, V: Clone>(
        &mut self,
        of: fn(&mut Known) -> &mut HashMap<K, V>,
        key: K,
        read: impl AsyncFnOnce(&mut Request) -> Result<V, ServiceError>,
    ) -> Result<V, ServiceError> {
        let state = self.generation.map(|generation| (self.county(), self.now.date_naive(), generation));
        if let Some(state) = state {
            let mut known = self.yitu.indexes.dispatch.known.lock();
            if known.of != Some(state) {
                *known = Known { of: Some(state), ..Known::default() };
            }
            if let Some(value) = of(&mut known).get(&key) {
                return Ok(value.clone());
            }
        }
        let value = read(self.on().await?).await?;
        let mut known = self.yitu.indexes.dispatch.known.lock();
        if state.is_some() && known.of == state {
            of(&mut known).insert(key, value.clone());
        }
        Ok(value)
    }

    /// The county's working days around now.
    ///
    /// # Errors
    /// When the database fails or holds an unknown time zone.
    pub async fn calendar(&mut self) -> Result<Arc<WorkCalendar>, ServiceError> {
        let (county, now) = (self.county(), self.now);
        let read = async |on: &mut Request| Ok(Arc::new(calendar(on, county, now).await?));
        self.remembered(|k| &mut k.calendar, (), read).await
    }

    /// The county's day.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn day(&mut self) -> Result<NaiveDate, ServiceError> {
        Ok(self.calendar().await?.day(self.now))
    }

    /// The categories in force.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn categories(&mut self) -> Result<Arc<[CategoryRow]>, ServiceError> {
        let (county, day) = (self.county(), self.day().await?);
        let read = async |on: &mut Request| Ok(unit::categories(on, county, day).await?.into());
        self.remembered(|k| &mut k.categories, day, read).await
    }

    /// The rule that fits best, or nothing where no table was ever published.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn rule(
        &mut self,
        category: FeatureId,
        urgency: Urgency,
        village: Option<(FeatureId, FeatureId)>,
    ) -> Result<Option<RuleRow>, ServiceError> {
        let county = self.county();
        let read = async |on: &mut Request| {
            let regions: Vec<FeatureId> = village.into_iter().flat_map(|(v, t)| [v, t]).chain([county]).collect();
            Ok(unit::rule(on, county, category, urgency.code(), &regions, None).await?)
        };
        self.remembered(|k| &mut k.rules, (category, urgency, village.map(|v| v.0)), read).await
    }

    /// The units asked for a matter, lowest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn ladder(&mut self, rungs: Rungs) -> Result<Arc<[Unit]>, ServiceError> {
        let (county, day) = (self.county(), self.day().await?);
        let read = async |on: &mut Request| {
            let (grid, village, named) = rungs;
            let rows = unit::ladder(on, county, grid, village, day, named).await?;
            Ok(rows.into_iter().map(unit_of).collect::<Result<Arc<[Unit]>, DbError>>()?)
        };
        self.remembered(|k| &mut k.ladders, (day, rungs), read).await
    }

    /// Whom a village's cluster can send; nothing where the village is in none.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn cluster(&mut self, village: FeatureId) -> Result<Option<Arc<Cluster>>, ServiceError> {
        let (county, day) = (self.county(), self.day().await?);
        let read =
            async |on: &mut Request| Ok(cluster_of(unit::cluster(on, county, village, day).await?)?.map(Arc::new));
        self.remembered(|k| &mut k.clusters, (day, village), read).await
    }

    /// One unit, or nothing.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn unit(&mut self, id: FeatureId) -> Result<Option<Unit>, ServiceError> {
        let county = self.county();
        let read = async |on: &mut Request| Ok(unit::by_id(on, county, id).await?.map(unit_of).transpose()?);
        self.remembered(|k| &mut k.units, id, read).await
    }

    /// Who could act in some units, as they stand now.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn people(&mut self, units: &[FeatureId]) -> Result<Vec<Person>, ServiceError> {
        let (day, now) = (self.day().await?, self.now);
        let mut staff: Vec<Arc<[PersonRow]>> = Vec::with_capacity(units.len());
        for &unit in units {
            let read = async |on: &mut Request| {
                let hours = (now - Duration::days(2), now + Duration::days(2));
                Ok(unit::people(on, &[unit], day, hours).await?.into())
            };
            staff.push(self.remembered(|k| &mut k.staff, (day, unit), read).await?);
        }
        self.count_loads().await?;
        let loads = self.yitu.indexes.dispatch.loads.lock();
        Ok(staff
            .iter()
            .flat_map(|s| s.iter())
            .map(|p| person_of(p, now, loads.counts.get(&p.responder_id).copied().unwrap_or_default()))
            .collect())
    }

    /// Counts people's open matters anew where the count is old.
    async fn count_loads(&mut self) -> Result<(), ServiceError> {
        let (county, now) = (self.county(), self.now);
        let dispatch = &self.yitu.indexes.dispatch;
        {
            let mut loads = dispatch.loads.lock();
            let fresh = |(of, at): (FeatureId, DateTime<Utc>)| of == county && (now - at).abs() < LOAD_AGE;
            if loads.of.is_some_and(fresh) {
                return Ok(());
            }
            // One counts; the others go on with the last count.
            loads.of = Some((county, now));
        }
        match unit::loads(self.on().await?, county).await {
            Ok(counted) => {
                dispatch.loads.lock().counts = counted.into_iter().collect();
                Ok(())
            }
            Err(error) => {
                dispatch.loads.lock().of = None;
                Err(error.into())
            }
        }
    }
}

impl Memory {
    /// One more open matter is somebody's.
    pub fn has_one_more(&self, responder: FeatureId) {
        *self.loads.lock().counts.entry(responder).or_default() += 1;
    }
}

/// The county's calendar around an instant.
///
/// # Errors
/// When the database fails or holds an unknown time zone.
pub async fn calendar(on: &mut Request, county: FeatureId, now: DateTime<Utc>) -> Result<WorkCalendar, ServiceError> {
    let zone = zone(on, county).await?;
    let today = now.with_timezone(&zone).date_naive();
    let days =
        unit::calendar_days(on, county, today - Duration::days(DAYS_BACK), today + Duration::days(CALENDAR_DAYS))
            .await?;
    Ok(WorkCalendar::new(zone, days))
}

/// The county's time zone.
///
/// # Errors
/// When the database fails or holds an unknown one.
pub async fn zone(on: &mut Request, county: FeatureId) -> Result<Tz, DbError> {
    let name = unit::time_zone(on, county).await?;
    name.parse().map_err(|_| DbError::Stored(format!("time zone {name}")))
}

/// A unit as it is stored.
///
/// # Errors
/// When the database holds a kind of unit that does not exist.
pub fn unit_of(row: UnitRow) -> Result<Unit, DbError> {
    let kind = UnitKind::from_code(&row.kind).ok_or_else(|| DbError::Stored(format!("unit kind {}", row.kind)))?;
    Ok(Unit { id: row.id, kind, name: row.name, org_id: row.org_id, org_name: row.org_name, neighbour: row.neighbour })
}

/// Whom a cluster can send; nothing without units.
///
/// # Errors
/// When the database holds a kind of unit that does not exist.
pub fn cluster_of(rows: Vec<ClusterUnitRow>) -> Result<Option<Cluster>, DbError> {
    let Some(name) = rows.first().map(|r| r.cluster_name.clone()) else { return Ok(None) };
    let units = rows.into_iter().map(|r| unit_of(r.unit)).collect::<Result<_, _>>()?;
    Ok(Some(Cluster { name, units }))
}

/// A person as they stand at an instant, with the count of open matters.
#[must_use]
pub fn person_of(row: &PersonRow, now: DateTime<Utc>, load: i64) -> Person {
    let mut turns = row.duty_from.iter().zip(&row.duty_to);
    Person {
        responder_id: row.responder_id,
        name: row.name.clone(),
        unit_id: row.unit_id,
        role: row.role.clone(),
        grid_id: row.grid_id,
        present: row.present,
        on_duty: turns.any(|(from, to)| (*from..*to).contains(&now)),
        load,
    }
}
