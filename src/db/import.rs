//! Imported rows into features: compared as sets inside one transaction, so that a second run changes nothing.

use chrono::{DateTime, Datelike, NaiveDate, Utc};
use sqlx::{Executor, PgPool, Postgres, Transaction};
use thiserror::Error;

use super::DbError;
use super::copy::CopyIn;
use super::{calendar, redraw};
use crate::domain::category::{LINK_TARGETS, STANDARD_CATEGORIES};
use crate::domain::holidays;

/// A row made ready: fields as a JSON object of texts, geometry as EWKB in EPSG:4490.
#[derive(Debug, Clone)]
pub struct Incoming {
    /// Where it is, if it says.
    pub geometry: Option<Vec<u8>>,
    /// Field → text; a field without a column is absent and leaves what is stored.
    pub fields: String,
}

/// Which level imported regions are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Level {
    /// 乡镇、街道
    Township,
    /// 村、社区
    Village,
}

/// A county to make where the database has none.
#[derive(Debug, Clone)]
pub struct NewCounty {
    /// Its name.
    pub name: String,
    /// Its division code.
    pub code: String,
}

/// What is kept of the material, one row an import.
#[derive(Debug, Clone)]
pub struct Origin {
    /// File names.
    pub file_name: String,
    /// `public` or `internal`.
    pub security_class: String,
    /// Who gave it.
    pub provider: String,
    /// Number of its approval.
    pub approval_no: Option<String>,
    /// Its date.
    pub dated: NaiveDate,
    /// Rows read.
    pub rows_read: u64,
}

/// How to store.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The layer's name.
    pub layer: &'static str,
    /// Regions: which level.
    pub level: Option<Level>,
    /// Code or name of the region all rows lie in.
    pub parent: Option<String>,
    /// The county to make where there is none.
    pub county: Option<NewCounty>,
    /// Undo everything at the end.
    pub dry_run: bool,
    /// Keep the good rows though others are refused.
    pub keep_despite_refusals: bool,
    /// Whether rows were refused already.
    pub refused_before: bool,
    /// Now, for the county's day.
    pub now: DateTime<Utc>,
    /// What the material is.
    pub origin: Origin,
}

/// What became of the rows.
#[derive(Debug, Clone, Default)]
pub struct Stored {
    /// Index of a row and why it is refused.
    pub refused: Vec<(i64, String)>,
    /// New features.
    pub inserted: u64,
    /// Features that differed.
    pub updated: u64,
    /// Features as they were.
    pub unchanged: u64,
    /// What else was done.
    pub notes: Vec<String>,
    /// Whether it was committed.
    pub written: bool,
}

/// Why nothing could be stored.
#[derive(Debug, Error)]
pub enum StoreError {
    /// Asked for in a way that cannot be.
    #[error("{0}")]
    Usage(String),
    /// The database refused.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl From<sqlx::Error> for StoreError {
    fn from(e: sqlx::Error) -> Self {
        Self::Db(e.into())
    }
}

/// Compares the rows with what is there and stores what differs.
///
/// # Errors
/// When there is no county, the parent is unknown, or the database refuses.
pub async fn store(owner: &PgPool, settings: &Settings, rows: &[Incoming]) -> Result<Stored, StoreError> {
    let mut tx = super::begin(owner).await?;
    let mut stored = Stored::default();
    // One import at a time: two would make the same new features.
    tx.execute("SELECT pg_advisory_xact_lock(hashtext('yitu import'))").await?;
    let county = county(&mut tx, settings, &mut stored.notes).await?;
    tx.execute(include_str!("sql/import/staging.sql")).await?;
    let parent = parent(&mut tx, county, settings).await?;
    sqlx::query("INSERT INTO setting SELECT $1, $2::text::region_level, $3, county_day($1, $4)")
        .bind(county)
        .bind(settings.level.map(|l| if l == Level::Township { "township" } else { "village" }))
        .bind(parent)
        .bind(settings.now)
        .execute(&mut *tx)
        .await?;
    stage(&mut tx, rows).await?;
    tx.execute(resolve_sql(settings.layer)).await?;
    tx.execute(include_str!("sql/import/outside.sql")).await?;
    stored.refused = sqlx::query_as("SELECT row_no, reason FROM incoming WHERE reason IS NOT NULL ORDER BY row_no")
        .fetch_all(&mut *tx)
        .await?;
    if (settings.refused_before || !stored.refused.is_empty()) && !settings.keep_despite_refusals {
        tx.rollback().await?;
        return Ok(stored);
    }
    tx.execute("DELETE FROM incoming WHERE reason IS NOT NULL").await?;
    // The rows have found their features since they were staged: without this the planner expects none to join.
    tx.execute("ANALYZE incoming").await?;
    tx.execute(apply_sql(settings.layer)).await?;
    if settings.layer == "grid" {
        regrid(&mut tx, county).await?;
    }
    let count: (i64, i64, i64) = sqlx::query_as(
        "SELECT count(*) FILTER (WHERE outcome = 'inserted'), count(*) FILTER (WHERE outcome = 'updated'),
                count(*) FILTER (WHERE outcome IS NULL) FROM incoming",
    )
    .fetch_one(&mut *tx)
    .await?;
    (stored.inserted, stored.updated, stored.unchanged) = (count.0 as u64, count.1 as u64, count.2 as u64);
    let said: Vec<String> = sqlx::query_scalar("SELECT note FROM import_note ORDER BY 1").fetch_all(&mut *tx).await?;
    stored.notes.extend(said);
    if settings.dry_run {
        tx.rollback().await?;
        return Ok(stored);
    }
    keep_origin(&mut tx, county, settings, stored.inserted + stored.updated).await?;
    tx.commit().await?;
    stored.written = true;
    Ok(stored)
}

async fn county(
    tx: &mut Transaction<'_, Postgres>,
    settings: &Settings,
    notes: &mut Vec<String>,
) -> Result<i64, StoreError> {
    let there: Option<(i64, String)> =
        sqlx::query_as("SELECT id, name FROM region WHERE level = 'county' ORDER BY id LIMIT 1")
            .fetch_optional(&mut **tx)
            .await?;
    match (there, &settings.county) {
        (Some((id, name)), wanted) => {
            if let Some(wanted) = wanted.as_ref().filter(|w| w.name != name) {
                notes.push(format!("数据库里已有{name},--county-name {} 未起作用。", wanted.name));
            }
            Ok(id)
        }
        (None, Some(new)) if settings.layer == "region" => {
            let id: i64 = sqlx::query_scalar(
                "INSERT INTO region (id, county_id, level, kind, name, time_zone)
                 SELECT i, i, 'county', CASE right($1, 1) WHEN '区' THEN '区' WHEN '市' THEN '市' ELSE '县' END, $1, 'Asia/Shanghai'
                 FROM nextval('feature_id') i RETURNING id",
            )
            .bind(&new.name)
            .fetch_one(&mut **tx)
            .await?;
            sqlx::query("INSERT INTO code_alias (county_id, scheme, code, layer, feature_id) VALUES ($1, 'division', $2, 'region', $1)")
                .bind(id)
                .bind(&new.code)
                .execute(&mut **tx)
                .await?;
            begin_with_standards(tx, id).await?;
            for year in holidays::until(settings.now.year() + 1) {
                calendar::seed(&mut *tx, &year).await?;
            }
            notes.push(format!("新建县“{}”(代码 {}),带常用事项分类、起始分派规则和工作日历。", new.name, new.code));
            Ok(id)
        }
        (None, _) => Err(StoreError::Usage(
            "数据库里还没有县。请先导入辖区:yitu import region 文件 --level township --county-name 县名 --county-code 代码。".to_owned(),
        )),
    }
}

/// The categories, rules and link targets a new county begins with.
async fn begin_with_standards(tx: &mut Transaction<'_, Postgres>, county: i64) -> Result<(), StoreError> {
    let all = || STANDARD_CATEGORIES.iter().flat_map(|(head, leaves)| leaves.iter().map(move |leaf| (*head, leaf)));
    sqlx::query(include_str!("sql/import/standard.sql"))
        .bind(county)
        .bind(all().map(|(head, _)| head).collect::<Vec<_>>())
        .bind(all().map(|(_, c)| c.name).collect::<Vec<_>>())
        .bind(all().map(|(_, c)| c.village_admitted).collect::<Vec<_>>())
        .bind(all().map(|(_, c)| c.legal_dept).collect::<Vec<_>>())
        .bind(all().map(|(_, c)| c.restricted).collect::<Vec<_>>())
        .bind(all().map(|(_, c)| c.photo_needed).collect::<Vec<_>>())
        .execute(&mut **tx)
        .await?;
    let (roles, households): (Vec<&str>, Vec<i32>) = LINK_TARGETS.into_iter().unzip();
    sqlx::query(
        "INSERT INTO link_target SELECT $1, r::appointment_role, n FROM unnest($2::text[], $3::integer[]) t(r, n)",
    )
    .bind(county)
    .bind(roles)
    .bind(households)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

async fn parent(
    tx: &mut Transaction<'_, Postgres>,
    county: i64,
    settings: &Settings,
) -> Result<Option<i64>, StoreError> {
    let Some(wanted) = &settings.parent else { return Ok(None) };
    let found: Vec<(i64,)> = sqlx::query_as(
        "SELECT id FROM region WHERE county_id = $1
         AND (name = $2 OR id IN (SELECT feature_id FROM code_alias WHERE county_id = $1 AND scheme = 'division' AND code = $2))",
    )
    .bind(county)
    .bind(wanted)
    .fetch_all(&mut **tx)
    .await?;
    match found.as_slice() {
        [(id,)] => Ok(Some(*id)),
        [] => Err(StoreError::Usage(format!("--parent {wanted}:没有这个名称或代码的辖区。"))),
        _ => Err(StoreError::Usage(format!("--parent {wanted}:有 {} 个辖区同名,请改用代码。", found.len()))),
    }
}

async fn stage(tx: &mut Transaction<'_, Postgres>, rows: &[Incoming]) -> Result<(), StoreError> {
    let mut copy = CopyIn::begin(&mut *tx, "incoming", &["row_no", "geom", "f"]).await?;
    for (index, row) in rows.iter().enumerate() {
        let out = copy.rows().row().int8(index as i64);
        out.optional(row.geometry.as_deref(), |r, g| {
            r.ewkb(g);
        })
        .jsonb(&row.fields);
        copy.flush_full().await?;
    }
    copy.finish().await?;
    tx.execute(include_str!("sql/import/place.sql")).await?;
    Ok(())
}

/// Households of the villages that have grids now come into them.
async fn regrid(tx: &mut Transaction<'_, Postgres>, county: i64) -> Result<(), StoreError> {
    let villages: Vec<(i64, NaiveDate)> = sqlx::query_as(
        "SELECT DISTINCT i.region_id, s.today FROM incoming i, setting s WHERE i.outcome = 'inserted' ORDER BY 1",
    )
    .fetch_all(&mut **tx)
    .await?;
    for (village, day) in villages {
        redraw::activate(&mut *tx, county, village, day).await?;
    }
    Ok(())
}

/// Outlines (EWKB) of all general grids in force now or later.
///
/// # Errors
/// When the database fails.
pub async fn general_outlines(owner: &PgPool) -> Result<Vec<Vec<u8>>, DbError> {
    let sql = "SELECT ST_AsEWKB(v.geom) FROM grid_version v JOIN grid g ON g.id = v.grid_id AND g.kind = 'general'
               WHERE upper_inf(v.recorded_during) AND upper_inf(v.valid_during) ORDER BY v.id";
    Ok(sqlx::query_scalar(sql).fetch_all(owner).await?)
}

async fn keep_origin(
    tx: &mut Transaction<'_, Postgres>,
    county: i64,
    settings: &Settings,
    changed: u64,
) -> Result<(), StoreError> {
    let origin = &settings.origin;
    sqlx::query(
        "INSERT INTO layer_source (county_id, layer, file_name, security_class, provider, approval_no, dated, rows_read, rows_changed, imported_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
    )
    .bind(county)
    .bind(settings.layer)
    .bind(&origin.file_name)
    .bind(&origin.security_class)
    .bind(&origin.provider)
    .bind(&origin.approval_no)
    .bind(origin.dated)
    .bind(origin.rows_read as i64)
    .bind(changed as i64)
    .bind(settings.now)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Finds what each row belongs to and which feature it is, and says why where it cannot.
fn resolve_sql(layer: &str) -> &'static str {
    match layer {
        "region" => include_str!("sql/import/region_resolve.sql"),
        "grid" => concat!(include_str!("sql/import/village.sql"), include_str!("sql/import/grid_resolve.sql")),
        "household" => {
            concat!(include_str!("sql/import/village.sql"), include_str!("sql/import/household_resolve.sql"))
        }
        "settlement" => {
            concat!(include_str!("sql/import/village.sql"), include_str!("sql/import/settlement_resolve.sql"))
        }
        "villager_group" => {
            concat!(include_str!("sql/import/village.sql"), include_str!("sql/import/villager_group_resolve.sql"))
        }
        "venue" => concat!(include_str!("sql/import/village.sql"), include_str!("sql/import/venue_resolve.sql")),
        "social_org" => {
            concat!(include_str!("sql/import/any_region.sql"), include_str!("sql/import/social_org_resolve.sql"))
        }
        "party_org" => {
            concat!(include_str!("sql/import/any_region.sql"), include_str!("sql/import/party_org_resolve.sql"))
        }
        "responder" => {
            concat!(include_str!("sql/import/any_region.sql"), include_str!("sql/import/responder_resolve.sql"))
        }
        "road" => include_str!("sql/import/road_resolve.sql"),
        "bus_line" => include_str!("sql/import/bus_line_resolve.sql"),
        _ => include_str!("sql/import/cluster_resolve.sql"),
    }
}

/// Writes what differs.
fn apply_sql(layer: &str) -> &'static str {
    match layer {
        "region" => include_str!("sql/import/region_apply.sql"),
        "grid" => include_str!("sql/import/grid_apply.sql"),
        "household" => include_str!("sql/import/household_apply.sql"),
        "settlement" => include_str!("sql/import/settlement_apply.sql"),
        "villager_group" => include_str!("sql/import/villager_group_apply.sql"),
        "venue" => include_str!("sql/import/venue_apply.sql"),
        "social_org" => include_str!("sql/import/social_org_apply.sql"),
        "party_org" => include_str!("sql/import/party_org_apply.sql"),
        "responder" => include_str!("sql/import/responder_apply.sql"),
        "road" => include_str!("sql/import/road_apply.sql"),
        "bus_line" => include_str!("sql/import/bus_line_apply.sql"),
        _ => include_str!("sql/import/cluster_apply.sql"),
    }
}
