//! What of the county an account is given: for good, or for a time with a reason.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::audit::{Deed, Doer, What, note};
use super::principal::forget;
use super::user::{self, UserView};
use crate::db::account::{self, GrantRow, NewGrant};
use crate::db::{DbError, Refusal};
use crate::domain::viewer::Role;
use crate::domain::{FeatureId, Problem};
use crate::service::incident::check::check_text;
use crate::service::{ServiceError, Yitu};

/// Days a grant that shows names in full may last.
const LONGEST_IN_FULL_DAYS: i64 = 31;

/// A part of the county that is to be given.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Grant {
    /// A region with all below it.
    #[serde(default)]
    pub region_id: Option<FeatureId>,
    /// Or one grid.
    #[serde(default)]
    pub grid_id: Option<FeatureId>,
    /// From when; now if left out.
    #[serde(default)]
    pub since: Option<DateTime<Utc>>,
    /// Until when; for good if left out.
    #[serde(default)]
    pub until: Option<DateTime<Utc>>,
    /// Why; needed where it is for a time.
    #[serde(default)]
    pub reason: String,
    /// With names and addresses in full; for 31 days at most.
    #[serde(default)]
    pub in_full: bool,
}

/// A part of the county that is given.
#[derive(Debug, Serialize, ToSchema)]
#[allow(missing_docs)] // named as in the interface
pub struct GrantView {
    pub id: FeatureId,
    pub region_id: Option<FeatureId>,
    pub region_name: Option<String>,
    pub grid_id: Option<FeatureId>,
    pub grid_name: Option<String>,
    pub in_full: bool,
    pub reason: String,
    pub granted_by: String,
    pub since: DateTime<Utc>,
    pub until: Option<DateTime<Utc>>,
}

impl From<GrantRow> for GrantView {
    fn from(row: GrantRow) -> Self {
        Self {
            id: row.id,
            region_id: row.region_id,
            region_name: row.region_name,
            grid_id: row.grid_id,
            grid_name: row.grid_name,
            in_full: row.in_full,
            reason: row.reason,
            granted_by: row.granted_by,
            since: row.since,
            until: row.until,
        }
    }
}

/// Gives an account a part of the county.
///
/// # Errors
/// `not-found`; problems that name the field; a failing database.
pub async fn grant(yitu: &Yitu, doer: &Doer, account: FeatureId, asked: &Grant) -> Result<UserView, ServiceError> {
    let (county_id, now) = (doer.viewer.county_id(), yitu.clock.now());
    let there = user::find(yitu, county_id, account).await?;
    if doer.viewer.account_id() == Some(account) {
        return Err(Problem::bad_field("", "不能给自己授权", "Nobody gives themselves anything").into());
    }
    if there.role.as_deref().and_then(Role::from_code).is_some_and(Role::administers) {
        return Err(Problem::bad_field(
            "",
            "系统管理员、安全管理员与审计员不查看县域数据,不授予范围",
            "Administrators and auditors see nothing of the county and are given no part of it",
        )
        .into());
    }
    let since = asked.since.unwrap_or(now);
    check(asked, since, now)?;
    let new = NewGrant {
        county_id,
        account_id: account,
        region_id: asked.region_id,
        grid_id: asked.grid_id,
        in_full: asked.in_full,
        reason: asked.reason.trim(),
        granted_by: doer.viewer.name(),
        since,
        until: asked.until,
    };
    let id = account::grant(&yitu.db.system, &new).await.map_err(refused)?;
    forget(yitu, account);
    let detail = json!({"grant": id, "region_id": asked.region_id, "grid_id": asked.grid_id, "in_full": asked.in_full,
        "since": since, "until": asked.until});
    let what = What { reason: new.reason, detail, ..What::about("account", account) };
    note(yitu, doer, Deed::Granted, what).await?;
    user::find(yitu, county_id, account).await
}

fn check(asked: &Grant, since: DateTime<Utc>, now: DateTime<Utc>) -> Result<(), Problem> {
    if asked.region_id.is_some() == asked.grid_id.is_some() {
        return Err(Problem::bad_field(
            "/region_id",
            "请写明一个辖区(region_id)或一个网格(grid_id)",
            "Give one region (region_id) or one grid (grid_id)",
        ));
    }
    check_text("/reason", &asked.reason, 500)?;
    if asked.until.is_some_and(|until| until <= since.max(now)) {
        return Err(Problem::bad_field(
            "/until",
            "截止时间应晚于开始,且晚于现在",
            "It ends after it begins, and after now",
        ));
    }
    let temporary = asked.until.is_some() || asked.in_full;
    if temporary && asked.reason.trim().is_empty() {
        return Err(Problem::bad_field("/reason", "临时授权请写明事由", "What is given for a time has a reason"));
    }
    if asked.in_full && asked.until.is_none_or(|until| (until - since).num_days() > LONGEST_IN_FULL_DAYS) {
        return Err(Problem::bad_field(
            "/until",
            format!("查看完整信息的授权最长 {LONGEST_IN_FULL_DAYS} 天,请写明截止时间"),
            format!("Names in full are given for {LONGEST_IN_FULL_DAYS} days at most; say until when"),
        ));
    }
    Ok(())
}

/// Takes back what was given.
///
/// # Errors
/// `not-found`; a failing database.
pub async fn end(yitu: &Yitu, doer: &Doer, id: FeatureId) -> Result<(), ServiceError> {
    let county = doer.viewer.county_id();
    let account = account::end_grant(&yitu.db.system, county, id, yitu.clock.now()).await?;
    let account = account.ok_or_else(|| Problem::not_found(("授权", "grant"), id))?;
    forget(yitu, account);
    let what = What { detail: json!({"grant": id}), ..What::about("account", account) };
    note(yitu, doer, Deed::GrantEnded, what).await
}

fn refused(error: DbError) -> ServiceError {
    match error.refusal() {
        Some(Refusal::Reference(_)) => {
            Problem::bad_field("/region_id", "没有这个辖区或网格", "There is no such region or grid").into()
        }
        _ => error.into(),
    }
}
