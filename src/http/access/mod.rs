//! Who asks: the gate every request passes, sessions, tokens, accounts, the audit log.

mod audit;
pub mod gate;
mod oidc;
mod session;
mod token;
mod user;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::service::Yitu;

/// `/api/session…`, `/api/tokens…`, `/api/users…`, `/api/grants…`, `/api/audit`.
pub fn routes() -> OpenApiRouter<Yitu> {
    OpenApiRouter::new()
        .routes(routes!(session::show, session::sign_in, session::sign_out))
        .routes(routes!(session::display))
        .routes(routes!(oidc::ways))
        .routes(routes!(oidc::begin))
        .routes(routes!(oidc::callback))
        .routes(routes!(session::change_password))
        .routes(routes!(session::begin_second_factor, session::confirm_second_factor))
        .routes(routes!(token::list, token::create))
        .routes(routes!(token::revoke))
        .routes(routes!(user::list, user::create))
        .routes(routes!(user::find, user::change))
        .routes(routes!(user::reset_password))
        .routes(routes!(user::grant))
        .routes(routes!(user::end_grant))
        .routes(routes!(audit::list_events))
}
