//! What another system's codes stand for.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use crate::db::{Request, exchange, unit};
use crate::domain::{Problem, Viewer};
use crate::service::incident::check::check_name;
use crate::service::incident::facts::calendar;
use crate::service::{ServiceError, Yitu};

const MOST: usize = 5000;

/// A system's codes, each with the category it stands for.
pub type Codes = BTreeMap<String, String>;

/// The codes of a system.
///
/// # Errors
/// When the database fails.
pub async fn list(yitu: &Yitu, viewer: &Viewer, system: &str) -> Result<Codes, ServiceError> {
    check_name("system", system, 64)?;
    let mut on = Request::begin(&yitu.db.request, viewer).await?;
    let codes = exchange::categories(&mut on, viewer.county_id(), system).await?;
    on.finish().await?;
    Ok(codes.into_iter().collect())
}

/// Puts other codes in place of all a system has.
///
/// # Errors
/// Problems that name the code; a failing database.
pub async fn replace(yitu: &Yitu, viewer: &Viewer, system: &str, codes: Codes) -> Result<Codes, ServiceError> {
    check_name("system", system, 64)?;
    if codes.len() > MOST {
        let (zh, en) = (format!("最多 {MOST} 个编码,现有 {} 个", codes.len()), format!("At most {MOST} codes"));
        return Err(Problem::bad_field("", zh, en).into());
    }
    for (code, category) in &codes {
        check_name(&format!("/{code}"), code, 128)?;
        check_name(&format!("/{code}"), category, 64)?;
    }
    let county = viewer.county_id();
    let mut on = Request::begin(&yitu.db.request, viewer).await?;
    refuse_unknown(&mut on, viewer, &codes, yitu.clock.now()).await?;
    let (theirs, ours): (Vec<String>, Vec<String>) = codes.clone().into_iter().unzip();
    exchange::replace_categories(&mut on, county, system, (&theirs, &ours)).await?;
    on.finish().await?;
    Ok(codes)
}

async fn refuse_unknown(
    on: &mut Request,
    viewer: &Viewer,
    codes: &Codes,
    now: DateTime<Utc>,
) -> Result<(), ServiceError> {
    let county = viewer.county_id();
    let day = calendar(on, county, now).await?.day(now);
    let known = unit::categories(on, county, day).await?;
    let unknown = codes.iter().find(|(_, ours)| !known.iter().any(|c| c.code == **ours));
    unknown.map_or(Ok(()), |(theirs, ours)| {
        Err(Problem::bad_field(
            format!("/{theirs}"),
            format!("对方编码“{theirs}”对应的事项“{ours}”不存在;全部编码见 GET /api/categories"),
            format!("{theirs:?} is to stand for {ours:?}, which is no category; see GET /api/categories"),
        )
        .into())
    })
}
