//! One account a role for a demo county, and a token for each, for scripts.

use serde_json::{Map, Value};

use super::audit::Doer;
use super::grant::{self, Grant};
use super::principal::Means;
use super::token;
use super::user::{self, NewUser};
use crate::db::account;
use crate::db::item::{DemoPlaces, demo_places};
use crate::domain::viewer::Role;
use crate::domain::{FeatureId, Viewer};
use crate::service::{ServiceError, Yitu, county};

/// The password of every demo account.
pub const PASSWORD: &str = "Lanxi-demo-2026";
/// How long the tokens of a demo last, days.
const DAYS: i64 = 366;

/// Makes the accounts, each named after its role; answers a token of each by its role.
///
/// # Errors
/// When the county has no villages, or the database fails.
pub async fn accounts(yitu: &Yitu) -> Result<Map<String, Value>, ServiceError> {
    let county_id = county::current(yitu)?;
    let doer = Doer { viewer: Viewer::whole_county(county_id, "yitu demo"), origin: String::new() };
    let places = demo_places(&yitu.db.system, county_id, yitu.clock.now()).await?;
    let mut tokens = Map::new();
    for role in Role::of_accounts() {
        let new = NewUser {
            name: role.code().to_owned(),
            display_name: format!("{}(演示)", role.zh()),
            password: Some(PASSWORD.to_owned()),
            responder_id: responder(role, &places),
            unit_id: unit(role, &places),
            issuer: None,
            subject: None,
            awaits_identity: false,
        };
        let made = user::make(yitu, &doer, &new, Some(role), false).await?;
        account::mark_demo(&yitu.db.system, made.id).await?;
        if let Some(region_id) = region(role, county_id, &places) {
            let asked = Grant { region_id: Some(region_id), ..Grant::default() };
            grant::grant(yitu, &doer, made.id, &asked).await?;
        }
        let (means, may_write) = if role == Role::Wall { (Means::Display, false) } else { (Means::Token, true) };
        let token = token::make(yitu, (county_id, made.id), means, "演示", may_write, DAYS).await?;
        tokens.insert(role.code().to_owned(), token.secret.unwrap_or_default().into());
    }
    Ok(tokens)
}

fn responder(role: Role, places: &DemoPlaces) -> Option<FeatureId> {
    match role {
        Role::GridWorker => places.grid_worker,
        Role::Responder => places.six_officer,
        _ => None,
    }
}

fn unit(role: Role, places: &DemoPlaces) -> Option<FeatureId> {
    match role {
        Role::DutyOfficer => Some(places.duty_unit),
        Role::TownshipStaff => places.township_unit,
        Role::VillageCadre => places.village_unit,
        Role::Department => places.department_unit,
        _ => None,
    }
}

fn region(role: Role, county: FeatureId, places: &DemoPlaces) -> Option<FeatureId> {
    match role {
        Role::CountyLeader | Role::DutyOfficer | Role::Wall | Role::GisClient => Some(county),
        Role::TownshipStaff => Some(places.township),
        Role::VillageCadre => Some(places.village),
        _ => None,
    }
}
