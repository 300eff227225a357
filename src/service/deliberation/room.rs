//! Room on an agenda: at which venue, on which day, under which number.

use chrono::{Days, Duration, NaiveDate};
use uuid::Uuid;

use crate::db::Request;
use crate::db::deliberation::{self, EntryRow, NewEntry, VenueRow};
use crate::db::incident::IncidentRow;
use crate::domain::deliberation::{DAYS_AHEAD, NOTICE_DAYS, Outcome, VENUE_KINDS};
use crate::domain::lunar::{LunarDate, deliberation_days, spoken};
use crate::domain::{FeatureId, Problem, ProblemKind, Viewer};
use crate::service::{ServiceError, Yitu, area};

/// Where one day is full the next is looked at: the days of a lunar month.
const DAYS_TRIED: usize = 3;

/// A place on an agenda, which is ours until the transaction ends.
#[derive(Debug)]
pub struct Room {
    /// The venue.
    pub venue: VenueRow,
    /// The day.
    pub day: NaiveDate,
    /// The number.
    pub agenda_no: i32,
}

/// The days that come into question: the one named, or those from a day on.
///
/// # Errors
/// A problem that names `day` where it is no day of deliberation, past or too far ahead.
pub fn days(named: Option<NaiveDate>, from: NaiveDate, today: NaiveDate) -> Result<Vec<NaiveDate>, Problem> {
    let Some(day) = named else { return Ok(coming(from)) };
    let last = today + Duration::days(DAYS_AHEAD);
    if !(today..=last).contains(&day) {
        return Err(Problem::bad_field(
            "/day",
            format!("议事日应在 {today} 至 {last} 之间,您写的是 {day}"),
            format!("The day lies between {today} and {last}; it says {day}"),
        ));
    }
    if !LunarDate::of(day).is_some_and(LunarDate::is_deliberation_day) {
        let next = coming(today).iter().map(|d| format!("{d}({})", spoken(*d))).collect::<Vec<_>>().join("、");
        return Err(Problem::bad_field(
            "/day",
            format!("{day} 是{},逢五说事在农历初五、十五、廿五;最近的有 {next}", spoken(day)),
            format!("{day} is no lunar 5th, 15th or 25th; the next are {next}"),
        ));
    }
    Ok(vec![day])
}

/// The next days of deliberation, that day included.
#[must_use]
pub fn coming(from: NaiveDate) -> Vec<NaiveDate> {
    deliberation_days(from).map(|d| d.0).take(DAYS_TRIED).collect()
}

/// The first day people can be told of in time.
#[must_use]
pub fn after_notice(today: NaiveDate) -> NaiveDate {
    today + Days::new(NOTICE_DAYS)
}

/// The next days of deliberation to which an entry can be carried over, from an earliest one on.
#[must_use]
pub fn after(entry: &EntryRow, earliest: NaiveDate) -> Vec<NaiveDate> {
    coming((entry.day + Days::new(1)).max(earliest))
}

/// Room at a venue, on the first of some days that has any.
///
/// # Errors
/// A problem that names `venue_id` where nobody deliberates there, or that all is full.
pub async fn at(
    on: &mut Request,
    county: FeatureId,
    venue: FeatureId,
    days: &[NaiveDate],
) -> Result<Room, ServiceError> {
    let venue = lock(on, county, venue).await?;
    for day in days {
        if let Some(agenda_no) = next_number(on, &venue, *day).await? {
            return Ok(Room { venue, day: *day, agenda_no });
        }
    }
    Err(full(&venue.name, days).into())
}

/// Room for an incident at the best venue, on the first of some days on which any has room.
///
/// # Errors
/// Problems that name `venue_id` where its village is not known or has no venue near; that all is full.
pub async fn near(
    on: &mut Request,
    county: FeatureId,
    row: &IncidentRow,
    days: &[NaiveDate],
) -> Result<Room, ServiceError> {
    for day in days {
        for id in deliberation::near(on, county, row.id, *day).await? {
            let venue = lock(on, county, id).await?;
            // Others may have filled it since.
            if let Some(agenda_no) = next_number(on, &venue, *day).await? {
                return Ok(Room { venue, day: *day, agenda_no });
            }
        }
    }
    let days = days.iter().map(ToString::to_string).collect::<Vec<_>>().join("、");
    Err(Problem::bad_field(
        "/venue_id",
        format!("本村、本乡镇和联村在 {days} 没有还能列入议题的议事亭、长廊或小院,请用 venue_id 指定一处,或用 day 指定另一天"),
        format!("No venue of the village, township or cluster has room on {days}; name another with venue_id, or another day"),
    )
    .into())
}

/// Whether somebody may name a venue for an incident: one of their own area, or of those it goes to by itself.
///
/// # Errors
/// `not-in-your-area`; a failing database.
pub async fn named_for(
    yitu: &Yitu,
    viewer: &Viewer,
    on: &mut Request,
    row: &IncidentRow,
    (venue, today): (FeatureId, NaiveDate),
) -> Result<(), ServiceError> {
    let county = viewer.county_id();
    let found = deliberation::venue(on, county, venue).await?.ok_or_else(|| no_venue("/venue_id", venue))?;
    if area::reaches(yitu, viewer, found.village_id)
        || deliberation::is_near(on, county, row.id, (venue, today)).await?
    {
        return Ok(());
    }
    Err(area::not_theirs(yitu, Some("/venue_id"), found.village_id).into())
}

async fn lock(on: &mut Request, county: FeatureId, id: FeatureId) -> Result<VenueRow, ServiceError> {
    let venue = deliberation::lock_venue(on, county, id).await?;
    venue.filter(deliberates).ok_or_else(|| no_venue("/venue_id", id).into())
}

/// Whether people deliberate at a venue.
#[must_use]
pub fn deliberates(venue: &VenueRow) -> bool {
    VENUE_KINDS.iter().any(|k| k.0 == venue.kind)
}

/// That nobody deliberates at a venue.
#[must_use]
pub fn no_venue(pointer: &str, id: FeatureId) -> Problem {
    let kinds = VENUE_KINDS.map(|k| k.1).join("、");
    Problem::bad_field(
        pointer,
        format!("编号 {id} 不是议事阵地;逢五说事在{kinds}"),
        format!("{id} is no place of deliberation: a pavilion, corridor or courtyard"),
    )
}

async fn next_number(on: &mut Request, venue: &VenueRow, day: NaiveDate) -> Result<Option<i32>, ServiceError> {
    let (taken, next) = deliberation::taken(on, venue.id, day).await?;
    Ok((taken < i64::from(venue.agenda_limit)).then_some(next))
}

/// Puts something on the agenda; what it is carried over from is over with that.
///
/// # Errors
/// When the database fails.
pub async fn enter(
    on: &mut Request,
    county: FeatureId,
    room: &Room,
    (topic, incident_id): (&str, Option<Uuid>),
    from: Option<&EntryRow>,
) -> Result<FeatureId, ServiceError> {
    if let Some(from) = from {
        let where_to = format!("顺延至 {} {}。", room.day, room.venue.name);
        deliberation::conclude(on, county, from.id, Outcome::CarriedOver, &where_to).await?;
    }
    let new = NewEntry {
        venue_id: room.venue.id,
        day: room.day,
        agenda_no: room.agenda_no,
        topic,
        incident_id,
        carried_over: from.map(|f| (f.id, f.carried_over_count + 1)),
    };
    Ok(deliberation::insert(on, county, &new).await?)
}

fn full(venue: &str, days: &[NaiveDate]) -> Problem {
    let days = days.iter().map(ToString::to_string).collect::<Vec<_>>().join("、");
    Problem::new(
        ProblemKind::Conflict,
        "agenda-full",
        ("议程已满", "The agenda is full"),
        (
            format!("{venue} {days} 的议程已满,请换一天或换一处。"),
            format!("The agenda of {venue} is full on {days}; choose another day or another venue."),
        ),
    )
}
