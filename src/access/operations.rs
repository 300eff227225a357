//! Every operation of the interface and what it takes: the one table the gate, the documentation and the tests read. What
//! is not in it is open to nobody.

use crate::domain::viewer::Role;

/// What an operation takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Need {
    /// Nothing: anybody may.
    Nobody,
    /// To be signed in, as whoever.
    SignIn,
    /// To look at the county from afar: sums, areas, what a matter is and where; a wall does no more.
    Overview,
    /// To look at the map and search it.
    Map,
    /// To read matters.
    Matters,
    /// To report one.
    Report,
    /// To look at a household in full, for one's own or for a reason.
    People,
    /// To take part in one; what may be done is told by the matter itself.
    Act,
    /// To read the lists, tables and figures of who is on duty.
    Duty,
    /// To deliberate: agendas and what came of them.
    Deliberate,
    /// To change what is on the map.
    Survey,
    /// To change the rules all are bound by: the rule table, the working calendar.
    Rules,
    /// To take over matters from other platforms.
    Exchange,
    /// To say who is told what, and run the system.
    Operate,
    /// To make accounts and to close them.
    Accounts,
    /// To say who may see and do what.
    Grants,
    /// To read accounts, as those who make them and those who say what they may.
    ReadAccounts,
    /// To read who is told, as those who set it up and those who say what they may be told.
    ReadReceivers,
    /// To read the audit log.
    Audit,
}

/// Whether a role has what an operation takes.
#[must_use]
pub fn may(role: Role, need: Need) -> bool {
    use Role as R;
    let officials = matches!(role, R::CountyLeader | R::DutyOfficer | R::TownshipStaff);
    let in_villages = matches!(role, R::VillageCadre | R::GridWorker);
    let hands = matches!(role, R::Responder | R::Department);
    role == R::System
        || match need {
            Need::Nobody | Need::SignIn => true,
            Need::Overview => !role.administers(),
            Need::Map => !role.administers() && role != R::Wall,
            Need::Matters => officials || in_villages || hands || role == R::GisClient,
            Need::Report => matches!(role, R::DutyOfficer | R::TownshipStaff | R::Responder) || in_villages,
            Need::People => officials || in_villages || role == R::Responder,
            Need::Act => officials || in_villages || hands,
            Need::Duty => officials,
            Need::Deliberate => officials || role == R::VillageCadre,
            Need::Survey => matches!(role, R::DutyOfficer | R::TownshipStaff | R::GisClient),
            Need::Rules => matches!(role, R::CountyLeader | R::DutyOfficer),
            Need::Exchange => role == R::DutyOfficer,
            Need::Operate | Need::Accounts => role == R::SystemAdmin,
            Need::Grants => role == R::SecurityAdmin,
            Need::ReadAccounts | Need::ReadReceivers => matches!(role, R::SystemAdmin | R::SecurityAdmin),
            Need::Audit => role == R::Auditor,
        }
}

/// One operation.
#[derive(Debug, Clone, Copy)]
pub struct Operation {
    /// The HTTP method.
    pub method: &'static str,
    /// The path as routes are written.
    pub path: &'static str,
    /// What it takes.
    pub need: Need,
}

/// All of them.
pub const OPERATIONS: &[Operation] = {
    const fn get(path: &'static str, need: Need) -> Operation {
        Operation { method: "GET", path, need }
    }
    const fn post(path: &'static str, need: Need) -> Operation {
        Operation { method: "POST", path, need }
    }
    const fn put(path: &'static str, need: Need) -> Operation {
        Operation { method: "PUT", path, need }
    }
    const fn patch(path: &'static str, need: Need) -> Operation {
        Operation { method: "PATCH", path, need }
    }
    const fn delete(path: &'static str, need: Need) -> Operation {
        Operation { method: "DELETE", path, need }
    }
    const fn head(path: &'static str, need: Need) -> Operation {
        Operation { method: "HEAD", path, need }
    }
    &[
        // The pages hold no data.
        get("/", Need::Nobody),
        get("/screen", Need::Nobody),
        get("/field", Need::Nobody),
        get("/desk", Need::Nobody),
        get("/sign-in", Need::Nobody),
        get("/favicon.svg", Need::Nobody),
        get("/sw.js", Need::Nobody),
        get("/field.webmanifest", Need::Nobody),
        get("/assets/{*path}", Need::Nobody),
        get("/health/live", Need::Nobody),
        get("/health/ready", Need::Nobody),
        get("/api/openapi.json", Need::Nobody),
        get("/metrics", Need::Operate),
        // Who asks.
        get("/api/session", Need::Nobody),
        post("/api/session", Need::Nobody),
        delete("/api/session", Need::Nobody),
        put("/api/session/display", Need::Nobody),
        get("/api/session/ways", Need::Nobody),
        get("/api/session/oidc", Need::Nobody),
        get("/api/session/oidc/callback", Need::Nobody),
        put("/api/session/password", Need::SignIn),
        post("/api/session/second-factor", Need::SignIn),
        put("/api/session/second-factor", Need::SignIn),
        get("/api/tokens", Need::SignIn),
        post("/api/tokens", Need::SignIn),
        delete("/api/tokens/{id}", Need::SignIn),
        get("/api/users", Need::ReadAccounts),
        post("/api/users", Need::Accounts),
        get("/api/users/{id}", Need::ReadAccounts),
        patch("/api/users/{id}", Need::ReadAccounts),
        post("/api/users/{id}/password", Need::Accounts),
        post("/api/users/{id}/grants", Need::Grants),
        delete("/api/grants/{id}", Need::Grants),
        get("/api/audit", Need::Audit),
        // The map.
        get("/api/county", Need::Overview),
        get("/api/summary", Need::Overview),
        get("/api/categories", Need::Overview),
        get("/tiles/{document}", Need::Overview),
        get("/tiles/{layers}/{z}/{x}/{y}", Need::Overview),
        get("/tiles/dem/{z}/{x}/{y}", Need::Overview),
        get("/live", Need::Overview),
        get("/api/locate", Need::Map),
        get("/api/search", Need::Map),
        get("/api/near", Need::Map),
        get("/api/within", Need::Map),
        post("/api/within", Need::Map),
        get("/api/coverage", Need::Map),
        get("/api/grids/{id}/history", Need::Map),
        get("/api/units", Need::Map),
        get("/ogc", Need::Map),
        get("/ogc/", Need::Map),
        get("/ogc/page.css", Need::Nobody),
        get("/ogc/api", Need::Map),
        get("/ogc/conformance", Need::Map),
        get("/ogc/collections", Need::Map),
        get("/ogc/collections/{collectionId}", Need::Map),
        get("/ogc/collections/{collectionId}/queryables", Need::Map),
        get("/ogc/collections/{collectionId}/sortables", Need::Map),
        get("/ogc/collections/{collectionId}/items", Need::Overview),
        post("/ogc/collections/{collectionId}/items", Need::Survey),
        get("/ogc/collections/{collectionId}/items/{featureId}", Need::Overview),
        put("/ogc/collections/{collectionId}/items/{featureId}", Need::Survey),
        patch("/ogc/collections/{collectionId}/items/{featureId}", Need::Survey),
        delete("/ogc/collections/{collectionId}/items/{featureId}", Need::Survey),
        get("/ogc/collections/{collectionId}/tiles", Need::Map),
        get("/ogc/collections/{collectionId}/tiles/{tileMatrixSetId}", Need::Map),
        get("/ogc/collections/{collectionId}/tiles/{tileMatrixSetId}/{tileMatrix}/{tileRow}/{tileCol}", Need::Map),
        get("/ogc/tileMatrixSets", Need::Map),
        get("/ogc/tileMatrixSets/{tileMatrixSetId}", Need::Map),
        post("/api/grids/redraws", Need::Survey),
        post("/api/grids/redraws/{id}/discard", Need::Survey),
        post("/api/grids/redraws/{id}/publish", Need::Survey),
        post("/api/households/{id}/look", Need::People),
        // Matters.
        get("/api/wall/incidents", Need::Overview),
        get("/api/incidents", Need::Matters),
        post("/api/incidents", Need::Report),
        get("/api/incidents/{id}", Need::Matters),
        post("/api/incidents/{id}/actions", Need::Act),
        get("/api/incidents/{id}/decisions", Need::Matters),
        post("/api/incidents/duplicates", Need::Report),
        get("/api/incidents/{id}/duplicates", Need::Matters),
        post("/api/incidents/{id}/photos", Need::Report),
        get("/api/incidents/{id}/photos", Need::Matters),
        post("/api/dispatch/preview", Need::Report),
        // What the duty officers look at.
        get("/api/duty", Need::Duty),
        get("/api/duty/handover", Need::Duty),
        get("/api/duty/monthly", Need::Duty),
        get("/api/duty/{list}", Need::Duty),
        get("/api/figures", Need::Duty),
        get("/api/deliberation-days", Need::Map),
        get("/api/deliberations", Need::Matters),
        get("/api/deliberations/agenda", Need::Matters),
        get("/api/deliberations/{id}", Need::Matters),
        post("/api/deliberations", Need::Deliberate),
        patch("/api/deliberations/{id}", Need::Deliberate),
        post("/api/deliberations/{id}/carry-over", Need::Deliberate),
        post("/api/deliberations/{id}/outcome", Need::Deliberate),
        get("/api/calendar", Need::Map),
        put("/api/calendar/years/{year}", Need::Rules),
        put("/api/calendar/{day}", Need::Rules),
        delete("/api/calendar/{day}", Need::Rules),
        get("/api/dispatch/rules", Need::Duty),
        get("/api/dispatch/rules.csv", Need::Duty),
        get("/api/dispatch/rules/versions", Need::Duty),
        post("/api/dispatch/rules", Need::Rules),
        post("/api/dispatch/rules/preview", Need::Rules),
        // Other platforms.
        post("/api/exchange/incidents", Need::Exchange),
        get("/api/exchange/incidents/{system}/{no}", Need::Exchange),
        get("/api/exchange/categories/{system}", Need::Exchange),
        put("/api/exchange/categories/{system}", Need::Operate),
        get("/api/webhooks", Need::ReadReceivers),
        post("/api/webhooks", Need::Operate),
        get("/api/webhooks/{id}", Need::ReadReceivers),
        put("/api/webhooks/{id}", Need::Operate),
        put("/api/webhooks/{id}/release", Need::Grants),
        delete("/api/webhooks/{id}", Need::Operate),
        post("/api/webhooks/{id}/test", Need::Operate),
        post("/api/webhooks/{id}/replay", Need::Operate),
        get("/api/notifications", Need::Operate),
        post("/api/notifications/{id}/replay", Need::Operate),
        get("/api/photos/{id}", Need::Matters),
        delete("/api/photos/{id}", Need::Duty),
        post("/api/photos/{id}/withdraw", Need::Act),
        head("/api/photos/{id}/upload", Need::Report),
        patch("/api/photos/{id}/upload", Need::Report),
        delete("/api/photos/{id}/upload", Need::Report),
    ]
};

/// What an operation takes. HEAD is answered as GET is, OPTIONS tells nothing of the county.
#[must_use]
pub fn need(method: &str, path: &str) -> Option<Need> {
    let of = |method: &str| OPERATIONS.iter().find(|o| o.method == method && o.path == path).map(|o| o.need);
    match method {
        "HEAD" => of("HEAD").or_else(|| of("GET")),
        "OPTIONS" => Some(Need::Nobody),
        method => of(method),
    }
}

/// The methods a path takes, as the header `Allow` lists them (RFC 9110 §10.2.1).
#[must_use]
pub fn allow(path: &str) -> String {
    let of_path = OPERATIONS.iter().filter(|o| o.path == path).map(|o| o.method);
    of_path.flat_map(|m| if m == "GET" { vec!["GET", "HEAD"] } else { vec![m] }).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_runs_the_system_and_watches_over_it() {
        let duties = [Need::Operate, Need::Grants, Need::Audit];
        for role in Role::of_accounts() {
            let has = duties.iter().filter(|need| may(role, **need)).count();
            assert!(has <= 1, "{role:?}");
            assert_eq!(has == 1, role.administers(), "{role:?}");
            assert!(!(role.administers() && may(role, Need::Overview)), "{role:?}");
        }
    }

    #[test]
    fn each_operation_stands_once() {
        for (at, one) in OPERATIONS.iter().enumerate() {
            let twice = OPERATIONS[at + 1..].iter().any(|o| o.method == one.method && o.path == one.path);
            assert!(!twice, "{} {}", one.method, one.path);
        }
        assert_eq!(need("HEAD", "/api/county"), Some(Need::Overview));
        assert_eq!(need("GET", "/api/secrets"), None);
        assert_eq!(allow("/api/grants/{id}"), "DELETE");
    }
}
