//! What an account is to the county's identity server: nothing, awaited, or bound to somebody there.

use chrono::Duration;

use super::user::{IdentityChange, UserView, at_the_server};
use crate::db::identity;
use crate::domain::viewer::Role;
use crate::domain::{FeatureId, Problem, ProblemKind};
use crate::service::{ServiceError, Yitu};

/// How long an account waits for its identity: a name that is free there for longer may become another's.
const WAITS: Duration = Duration::days(14);

/// Whether somebody may change what an account is to the identity server.
///
/// # Errors
/// `not-for-your-role`, `has-identity`.
pub(super) fn may_change(there: &UserView, by: Role, wanted: IdentityChange) -> Result<(), Problem> {
    // Whoever could sign in as those who watch over them would be all three.
    if there.administers() && by != Role::System {
        return Err(at_the_server(
            "安全管理员、审计员与系统管理员账号的统一身份认证,由运维人员在服务器上用 yitu user identity 开通或解除。",
            "Administrators' accounts are opened for the identity server at the server itself, with yitu user identity.",
        ));
    }
    if wanted == IdentityChange::Await && there.issuer.is_some() {
        return Err(Problem::new(
            ProblemKind::Conflict,
            "has-identity",
            ("已绑定身份", "There is an identity"),
            (
                "此账号已绑定统一身份认证里的身份。要换绑,请先解除(none)。".to_owned(),
                "The account is bound to an identity already; take that away first (none).".to_owned(),
            ),
        ));
    }
    Ok(())
}

/// Changes what an account is to the identity server.
///
/// # Errors
/// When the database fails.
pub(super) async fn change(yitu: &Yitu, id: FeatureId, wanted: IdentityChange) -> Result<(), ServiceError> {
    let now = yitu.clock.now();
    match wanted {
        IdentityChange::Await => identity::await_identity(&yitu.db.system, id, now + WAITS).await?,
        IdentityChange::None => identity::unbind(&yitu.db.system, id, now).await?,
    }
    Ok(())
}
