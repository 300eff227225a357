//! Setting up a receiver, and changing one.

use std::collections::BTreeMap;

use serde::Deserialize;
use utoipa::ToSchema;

use super::check::{check, check_fields};
use super::view::{ReceiverView, Subscription};
use super::{missing, stale};
use crate::access::secret::SecretKey;
use crate::access::signature;
use crate::db::receiver::{self, ReceiverRow, Unknown};
use crate::db::{DbError, Refusal, Request};
use crate::domain::receiver::ReceiverKind;
use crate::domain::viewer::Role;
use crate::domain::{FeatureId, Problem, ProblemKind, Viewer};
use crate::service::outbox::address;
use crate::service::outbox::secrets::{Secrets, key};
use crate::service::{ServiceError, Yitu};

/// A receiver as it is to be.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Receiver {
    /// What people call it.
    pub name: String,
    /// The form it understands.
    pub kind: ReceiverKind,
    /// Where it is; kept sealed. Left out in a change, it stays.
    #[serde(default)]
    pub url: Option<String>,
    /// What messages are signed with; kept sealed. Left out in a change, it stays; left out at first, one of Standard
    /// Webhooks is made for `yitu` and `exchange` and answered once. Empty, there is none.
    #[serde(default)]
    pub secret: Option<String>,
    /// Headers sent along; kept sealed. Left out in a change, they stay.
    #[serde(default)]
    pub headers: Option<BTreeMap<String, String>>,
    /// Whether anything is sent.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// 1 to 60; 10 if left out.
    #[serde(default = "ten")]
    pub timeout_seconds: f64,
    /// Which steps it is told.
    #[serde(default)]
    pub subscription: Subscription,
    /// `exchange`: the system whose incidents it is told of.
    #[serde(default)]
    pub external_system: Option<String>,
    /// What it is told beyond the least: `description`, `location_text`, `position`, `note`, `handler`. What the security
    /// administrator has released to it; like restricted matters.
    #[serde(default)]
    pub fields: Vec<String>,
    /// `template`: POST, PUT or GET.
    #[serde(default)]
    pub method: Option<String>,
    /// `template`: the body; `wecom`, `dingtalk`: the Markdown. Values stand in it as `{number}`.
    #[serde(default)]
    pub template: Option<String>,
    /// What an answer must hold to be a success.
    #[serde(default)]
    pub expect: Option<String>,
    /// The version that was seen, where one is changed.
    #[serde(default)]
    pub expected_version: Option<i32>,
}

impl std::fmt::Debug for Receiver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Receiver").field("name", &self.name).field("kind", &self.kind).finish_non_exhaustive()
    }
}

fn yes() -> bool {
    true
}

fn ten() -> f64 {
    10.0
}

/// What of matters a receiver may be told, by whoever says who may see what.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Release {
    /// What it may be told beyond the least: `description`, `location_text`, `position`, `note`, `handler`.
    #[serde(default)]
    pub fields: Vec<String>,
    /// Whether it may be told of restricted matters.
    #[serde(default)]
    pub restricted: bool,
    /// The version that was seen.
    #[serde(default)]
    pub expected_version: Option<i32>,
}

/// Says what of matters a receiver may be told; it is told that from now on.
///
/// # Errors
/// `not-found`, `stale-version`, `version-required`, and others that name the field; a failing database.
pub async fn release(
    yitu: &Yitu,
    viewer: &Viewer,
    id: FeatureId,
    asked: Release,
    if_match: Option<i32>,
) -> Result<ReceiverView, ServiceError> {
    let version = asked.expected_version.or(if_match).ok_or_else(Problem::version_required)?;
    check_fields(&asked.fields)?;
    let mut on = Request::begin(&yitu.db.request, viewer).await?;
    let mut row = at_version(&mut on, viewer.county_id(), id, version).await?;
    (row.fields, row.restricted) = (asked.fields, asked.restricted);
    stored(on, row).await
}

/// A receiver as whoever changes it has seen it.
async fn at_version(
    on: &mut Request,
    county: FeatureId,
    id: FeatureId,
    version: i32,
) -> Result<ReceiverRow, ServiceError> {
    let row = receiver::list(on, county, Some(id)).await?.pop().ok_or_else(|| missing(id))?;
    if row.version == version { Ok(row) } else { Err(stale(row.version, version).into()) }
}

/// Stores a receiver that is at its version; answers it as it is then.
async fn stored(mut on: Request, mut row: ReceiverRow) -> Result<ReceiverView, ServiceError> {
    let (county, id, version) = (row.county_id, row.id, row.version);
    if !receiver::update(&mut on, &row).await.map_err(|e| refused(e, &row.name))? {
        let there = receiver::list(&mut on, county, Some(id)).await?.pop().ok_or_else(|| missing(id))?;
        return Err(stale(there.version, version).into());
    }
    row.version += 1;
    let backlog = receiver::backlog(&mut on, county, id).await?;
    on.finish().await?;
    Ok(ReceiverView::of(row, backlog))
}

/// Whether a receiver as it is to be is told no more than was released to it: whoever runs the system has nobody's matters
/// sent to a place of their own choice.
fn is_released(by: Role, new: &ReceiverRow, old: Option<&ReceiverRow>) -> Result<(), Problem> {
    if by != Role::SystemAdmin {
        return Ok(());
    }
    // What was released was so to that place.
    let old = old.filter(|old| old.origin == new.origin);
    let fields = new.fields.iter().all(|field| old.is_some_and(|old| old.fields.contains(field)));
    let restricted = !new.restricted || old.is_some_and(|old| old.restricted);
    let pointer = if fields { "/subscription/restricted" } else { "/fields" };
    if fields && restricted {
        return Ok(());
    }
    let mut problem = Problem::bad_field(
        pointer,
        "描述、位置、办理意见等内容和保密件,须先由安全管理员对这个地址放行(PUT /api/webhooks/{id}/release);请先不带此项保存",
        "Words, places and restricted matters are released to this address by the security administrator first (PUT /api/webhooks/{id}/release); save it without this",
    );
    (problem.kind, problem.slug) = (ProblemKind::Forbidden, "not-released");
    Err(problem)
}

/// Sets up a receiver. What happens from now on is told to it.
///
/// # Errors
/// Problems that name the field; a failing database.
pub async fn create(yitu: &Yitu, viewer: &Viewer, body: Receiver) -> Result<ReceiverView, ServiceError> {
    let url =
        body.url.clone().ok_or_else(|| Problem::bad_field("/url", "请填写接收地址 url", "Give the address as url"))?;
    let signed = matches!(body.kind, ReceiverKind::Yitu | ReceiverKind::Exchange);
    let made = (signed && body.secret.is_none()).then(|| signature::secret_of(&rand::random()));
    let secret = body.secret.clone().filter(|s| !s.is_empty()).or_else(|| made.clone());
    let secrets = Secrets { url, secret, headers: body.headers.clone().unwrap_or_default() };
    let key = key(yitu).await?;
    let mut row = row(viewer, body, secrets, &key)?;
    is_released(viewer.role(), &row, None)?;
    let mut on = Request::begin(&yitu.db.request, viewer).await?;
    refuse_unknown(&mut on, &row).await?;
    row.id = receiver::insert(&mut on, &row).await.map_err(|e| refused(e, &row.name))?;
    on.finish().await?;
    Ok(ReceiverView { secret: made, ..ReceiverView::of(row, (0, 0)) })
}

/// Changes a receiver.
///
/// # Errors
/// `not-found`, `stale-version`, `version-required`, and others that name the field; a failing database.
pub async fn update(
    yitu: &Yitu,
    viewer: &Viewer,
    id: FeatureId,
    body: Receiver,
    if_match: Option<i32>,
) -> Result<ReceiverView, ServiceError> {
    let version = body.expected_version.or(if_match).ok_or_else(Problem::version_required)?;
    let key = key(yitu).await?;
    let mut on = Request::begin(&yitu.db.request, viewer).await?;
    let old = at_version(&mut on, viewer.county_id(), id, version).await?;
    // Where the key is another than it was, all three have to be given anew.
    let complete = body.url.is_some() && body.secret.is_some() && body.headers.is_some();
    let kept = if complete { Secrets::default() } else { Secrets::open(&key, &old.sealed).map_err(|_| other_key())? };
    let all_given = body.secret.is_some() && body.headers.is_some();
    let has_secrets = kept.secret.is_some() || !kept.headers.is_empty();
    let secrets = Secrets {
        url: body.url.clone().unwrap_or(kept.url),
        secret: body.secret.clone().or(kept.secret).filter(|s| !s.is_empty()),
        headers: body.headers.clone().unwrap_or(kept.headers),
    };
    let mut row = row(viewer, body, secrets, &key)?;
    (row.id, row.version) = (id, version);
    if row.origin != old.origin && has_secrets && !all_given {
        return Err(Problem::bad_field(
            "/secret",
            "换了接收地址的主机:原来的密钥与请求头不会发往新地址,请重新填写 secret 与 headers(不需要的填空)",
            "The address is at another host: what was kept for the old one is not sent there; give secret and headers anew, empty where there are none",
        )
        .into());
    }
    is_released(viewer.role(), &row, Some(&old))?;
    refuse_unknown(&mut on, &row).await?;
    stored(on, row).await
}

fn other_key() -> Problem {
    Problem::new(
        ProblemKind::Conflict,
        "secrets-sealed",
        ("接收方的密钥无法解开", "Its secrets cannot be opened"),
        (
            "本服务器的密钥文件与当初的不同,请重新填写 url、secret、headers 三项。".to_owned(),
            "This server's key file is another than it was; give url, secret and headers anew.".to_owned(),
        ),
    )
}

/// Checked, and sealed.
fn row(viewer: &Viewer, body: Receiver, mut secrets: Secrets, key: &SecretKey) -> Result<ReceiverRow, ServiceError> {
    // Header names are compared without regard to case.
    secrets.headers = secrets.headers.into_iter().map(|(name, value)| (name.to_ascii_lowercase(), value)).collect();
    check(&body, &secrets)?;
    let origin = address::read(&secrets.url).map(|url| address::origin(&url)).unwrap_or_default();
    let told = |text: Option<String>| text.filter(|t| !t.is_empty());
    Ok(ReceiverRow {
        county_id: viewer.county_id(),
        id: 0,
        name: body.name.trim().to_owned(),
        kind: body.kind.code().to_owned(),
        origin,
        sealed: secrets.seal(key)?,
        enabled: body.enabled,
        timeout_ms: (body.timeout_seconds * 1000.0) as i32,
        actions: body.subscription.actions,
        urgencies: body.subscription.urgencies,
        categories: body.subscription.categories,
        regions: body.subscription.regions,
        units: body.subscription.units,
        restricted: body.subscription.restricted,
        external_system: told(body.external_system.map(|s| s.trim().to_owned())),
        fields: body.fields,
        method: body.method.unwrap_or_else(|| "POST".to_owned()),
        template: told(body.template),
        expect: told(body.expect),
        failures: 0,
        rests_until: None,
        version: 1,
    })
}

async fn refuse_unknown(on: &mut Request, row: &ReceiverRow) -> Result<(), ServiceError> {
    let Unknown { categories, regions, units } =
        receiver::unknown(on, row.county_id, &row.categories, &row.regions, &row.units).await?;
    let ids = |ids: &[i64]| ids.iter().map(ToString::to_string).collect::<Vec<_>>();
    for (pointer, (zh, en), names) in [
        ("/subscription/categories", ("编码的事项", "categories"), categories),
        ("/subscription/regions", ("编号的辖区", "regions"), ids(&regions)),
        ("/subscription/units", ("编号的承办单位", "units"), ids(&units)),
    ] {
        if !names.is_empty() {
            return Err(Problem::bad_field(
                pointer,
                format!("没有这些{zh}:{},请核对", names.join("、")),
                format!("There are no such {en}: {}; check them", names.join(", ")),
            )
            .into());
        }
    }
    Ok(())
}

fn refused(error: DbError, name: &str) -> ServiceError {
    match error.refusal() {
        Some(Refusal::Duplicate(rule)) if rule == "receiver_name_is_taken" => {
            let (zh, en) = (
                format!("已有名为“{name}”的接收方,请换一个名称"),
                format!("There is a receiver {name:?}; choose another name"),
            );
            Problem { kind: ProblemKind::Conflict, slug: "name-taken", ..Problem::bad_field("/name", zh, en) }.into()
        }
        _ => error.into(),
    }
}
