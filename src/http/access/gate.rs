//! The gate: every request passes it before its handler, and is refused here where its operation is not for who asks.

use std::net::{IpAddr, SocketAddr};
use std::panic::resume_unwind;
use std::sync::Arc;

use axum::extract::{ConnectInfo, FromRequestParts, MatchedPath, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use tracing::Instrument;

use crate::access::credential::page_key;
use crate::access::operations::{Need, allow, may, need};
use crate::domain::{Problem, ProblemKind, Viewer};
use crate::http::Failure;
use crate::http::problem::no_such_method;
use crate::http::watched::Watched;
use crate::service::access::audit::{Deed, Doer, What, note};
use crate::service::access::limits::Running;
use crate::service::access::principal::{Means, Principal, has_begun, of_secret};
use crate::service::access::session::needs_second_factor;
use crate::service::{ServiceError, Yitu, county};

/// The cookie of a session. Over TLS it has the prefix that binds it to this host.
pub(in crate::http) const COOKIE: &str = "yitu_session";
const COOKIE_TLS: &str = "__Host-yitu_session";
/// What a page sends with everything that changes something: another site cannot read it.
pub const PAGE_KEY: HeaderName = HeaderName::from_static("x-page-key");

const FORWARDED_PROTO: &str = "x-forwarded-proto";
const FORWARDED_FOR: &str = "x-forwarded-for";
const FORWARDED_HOST: &str = "x-forwarded-host";

/// Who asks, as a handler finds them in the request.
#[derive(Debug, Clone)]
pub struct Caller {
    /// What they may see.
    pub viewer: Viewer,
    /// Their account; none where the server has no account yet.
    pub principal: Option<Arc<Principal>>,
    /// What they ask with.
    pub secret: Option<Arc<str>>,
    /// Where they ask from.
    pub origin: Origin,
}

impl Caller {
    /// Who does something, for the log.
    #[must_use]
    pub fn doer(&self) -> Doer {
        Doer { viewer: self.viewer.clone(), origin: self.origin.address.clone() }
    }
}

/// What an operation says of itself for the log, in its answer's extensions.
#[derive(Debug, Clone, Default)]
pub struct Particulars(pub Value);

/// Where a request comes from.
#[derive(Debug, Clone, Default)]
pub struct Origin {
    /// The address; of a trusted proxy's client, the client's.
    pub address: String,
    /// Whether it came over TLS.
    pub is_secure: bool,
}

impl FromRequestParts<Yitu> for Caller {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &Yitu) -> Result<Self, Failure> {
        parts.extensions.get::<Self>().cloned().ok_or_else(|| not_signed_in().into())
    }
}

impl FromRequestParts<Yitu> for Origin {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &Yitu) -> Result<Self, Failure> {
        Ok(origin(&parts.headers, parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|c| c.0.ip())))
    }
}

/// Lets a request through to its handler, or answers why not.
pub async fn gate(State(yitu): State<Yitu>, request: Request, next: Next) -> Response {
    // Of a path that leads nowhere nothing is told but that.
    let Some(path) = request.extensions().get::<MatchedPath>().map(|p| p.as_str().to_owned()) else {
        return next.run(request).await;
    };
    let Some(need) = needed(request.method(), &path) else {
        let mut response = no_such_method(request.uri().clone(), request.method().clone()).await;
        if let Ok(methods) = HeaderValue::from_str(&allow(&path)) {
            response.headers_mut().insert(header::ALLOW, methods);
        }
        return response;
    };
    let (mut parts, body) = request.into_parts();
    match admit(&yitu, &parts, need).await {
        Ok(admitted) => {
            let (caller, running) = admitted.unzip();
            let done = logged(&parts, need)
                .and_then(|deed| Some((deed, caller.as_ref()?.doer(), parts.uri.path().to_owned())));
            let changes = is_change(&parts.method) && !is_question(&parts);
            if let Some(caller) = caller {
                parts.extensions.insert(caller);
            }
            let answer = async move {
                let mut response = next.run(Request::from_parts(parts, body)).await;
                if let Some((deed, doer, subject)) = done.filter(|_| response.status().is_success()) {
                    let detail = response.extensions_mut().remove::<Particulars>().unwrap_or_default().0;
                    let what = What { subject, detail, ..What::default() };
                    // It is done: whoever did it is told so, whatever becomes of the log.
                    if let Err(error) = note(&yitu, &doer, deed, what).await {
                        tracing::error!(%error, deed = deed.code(), "not in the audit log");
                    }
                }
                response
            };
            let mut response = if changes { to_its_end(answer).await } else { answer.await };
            if let Some(running) = running.flatten() {
                // An answer that is not taken is still being given.
                let held = move || {
                    let _until_sent = &running;
                };
                response = response.map(|body| Watched::body(body, held));
            }
            if need != Need::Nobody {
                // What one may see, another may not: a cache between them asks anew.
                response.headers_mut().append(header::VARY, HeaderValue::from_static("authorization, cookie"));
            }
            response
        }
        Err(failure) => {
            let mut response = failure.into_response();
            if response.status() == axum::http::StatusCode::UNAUTHORIZED {
                response
                    .headers_mut()
                    .insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"yitu\""));
            }
            response
        }
    }
}

/// What every answer tells a browser: to take it for what it says it is, to show it in no other page, to tell no other site
/// where it came from; over TLS, to come by TLS for a year.
pub async fn harden(State(yitu): State<Yitu>, mut request: Request, next: Next) -> Response {
    let authority = request.uri().authority().and_then(|a| HeaderValue::from_str(a.as_str()).ok());
    let headers = request.headers_mut();
    if let Some(authority) = authority {
        // HTTP/2 says the host in the address alone (RFC 9113 §8.3.1).
        headers.entry(header::HOST).or_insert(authority);
    }
    believe(&yitu, headers);
    let is_secure = is_secure(request.headers());
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    let says = [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "same-origin"),
    ];
    for (name, value) in says {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    if is_secure {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000"));
    }
    response
}

/// What a proxy says is believed of one of our own; what the program knows itself it says in the same way, so that handlers
/// ask in one place.
fn believe(yitu: &Yitu, headers: &mut HeaderMap) {
    if !yitu.config.behind_proxy {
        for name in [FORWARDED_PROTO, FORWARDED_FOR, FORWARDED_HOST] {
            headers.remove(name);
        }
    }
    if yitu.config.serves_tls() && !headers.contains_key(FORWARDED_PROTO) {
        headers.insert(FORWARDED_PROTO, HeaderValue::from_static("https"));
    }
}

fn needed(method: &Method, path: &str) -> Option<Need> {
    // The documentation's own pages.
    if path.starts_with("/api/docs") {
        return Some(Need::Nobody);
    }
    need(method.as_str(), path)
}

/// Whoever hangs up leaves nothing half done, and nothing that was done out of the log.
async fn to_its_end(answer: impl Future<Output = Response> + Send + 'static) -> Response {
    match tokio::spawn(answer.in_current_span()).await {
        Ok(response) => response,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => resume_unwind(panic),
            Err(error) => Failure::from(ServiceError::Internal(error.to_string())).into_response(),
        },
    }
}

/// Who asks, and that they do; nobody where anybody may.
type Admitted = Option<(Caller, Option<Running>)>;

async fn admit(yitu: &Yitu, request: &Parts, need: Need) -> Result<Admitted, Failure> {
    let headers = &request.headers;
    let peer = request.extensions.get::<ConnectInfo<SocketAddr>>().map(|c| c.0.ip());
    let origin = origin(headers, peer);
    let (secret, by_cookie) = match (bearer(headers), cookie(headers)) {
        (Some(secret), _) => (Some(secret), false),
        (None, Some(secret)) => (Some(secret), true),
        (None, None) => (None, false),
    };
    let found = match secret {
        // What is open to anybody is so without a database, too.
        Some(secret) if need == Need::Nobody => of_secret(yitu, secret).await.unwrap_or_default(),
        Some(secret) => of_secret(yitu, secret).await?,
        None => None,
    };
    let Some(principal) = found else {
        if need == Need::Nobody {
            return Ok(None);
        }
        if has_begun(yitu).await? {
            return Err(not_signed_in().into());
        }
        if !is_addressed(headers) {
            return Err(strange_host().into());
        }
        // One person's own machine, until there are accounts. Without a county nobody is anybody yet.
        let viewer = Viewer::whole_county(county::current(yitu)?, "本机用户");
        return Ok(Some((Caller { viewer, principal: None, secret: None, origin }, None)));
    };
    let now = yitu.clock.now().timestamp();
    // Before anything else is asked of it: whoever is refused without end is held back, too.
    let running = yitu.access.limits.begin(principal.account_id, now, yitu.config.requests_per_second)?;
    let viewer = principal.viewer.clone();
    let caller = Caller { viewer, secret: secret.map(Arc::from), origin, principal: Some(Arc::clone(&principal)) };
    if let Err(problem) = allowed(&principal, request, need, by_cookie, secret.unwrap_or_default()) {
        if let Some(unwritten) = yitu.access.limits.note(principal.account_id, now / 60) {
            let path = request.uri.path();
            let mut detail = json!({"method": request.method.as_str(), "path": path, "why": problem.slug});
            if unwritten > 0 {
                detail["unwritten_before"] = unwritten.into();
            }
            note(yitu, &caller.doer(), Deed::Refused, What { detail, ..What::default() }).await?;
        }
        return Err(problem.into());
    }
    Ok(Some((caller, Some(running))))
}

fn allowed(principal: &Principal, request: &Parts, need: Need, by_cookie: bool, secret: &str) -> Result<(), Problem> {
    let headers = &request.headers;
    let changes = is_change(&request.method);
    if changes && by_cookie {
        let given = headers.get(&PAGE_KEY).and_then(|v| v.to_str().ok());
        let same_site = headers.get("sec-fetch-site").is_none_or(|v| v == "same-origin");
        // Signing in and out by a form of another site would change who asks; nothing else is open to nobody.
        if !same_site || (need != Need::Nobody && given != Some(page_key(secret).as_str())) {
            return Err(other_page());
        }
    }
    if need == Need::Nobody {
        return Ok(());
    }
    let path = request.uri.path();
    if principal.code_due && path != "/api/session/second-factor" {
        return Err(first(
            "code-due",
            ("请先输入动态口令", "The code is to be given first"),
            ("此账号绑定了动态口令,请先在登录页输入。", "The account has a second factor; give its code first."),
        ));
    }
    if !may(principal.viewer.role(), need) {
        return Err(forbidden());
    }
    // A search is a question, however it is sent.
    if changes && !principal.may_write && !is_question(request) {
        return Err(read_only());
    }
    let about_oneself = path.starts_with("/api/session/");
    if about_oneself && principal.means != Means::Session {
        return Err(first(
            "session-needed",
            ("请登录后办理", "Sign in for this"),
            (
                "口令与动态口令只能由本人登录后设置,不能用令牌。",
                "A password or a second factor is set by whoever signed in, not with a token.",
            ),
        ));
    }
    // A token made meanwhile would not be asked for either.
    if principal.means == Means::Session && principal.password_expires && !about_oneself {
        return Err(first(
            "password-expires",
            ("请先修改口令", "The password is to be changed first"),
            ("口令由他人设置,请先改为自己的口令。", "The password was set by somebody else; change it first."),
        ));
    }
    if needs_second_factor(principal) && !about_oneself {
        return Err(first(
            "second-factor-due",
            ("请先绑定动态口令", "A second factor is to be set up first"),
            ("管理员账号须绑定动态口令,请先绑定。", "Administrators have a second factor; set it up first."),
        ));
    }
    Ok(())
}

/// What is written down of an operation once it has succeeded, beside what its use case writes down itself.
fn logged(request: &Parts, need: Need) -> Option<Deed> {
    if !is_change(&request.method) || is_question(request) {
        return None;
    }
    match need {
        Need::Rules => Some(Deed::RulesChanged),
        Need::Operate => Some(Deed::ReceiversChanged),
        Need::Grants if request.uri.path().starts_with("/api/webhooks/") => Some(Deed::ReceiversChanged),
        Need::Survey if request.uri.path().starts_with("/api/grids/redraws/") => Some(Deed::GridsChanged),
        _ => None,
    }
}

fn is_change(method: &Method) -> bool {
    !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

/// Asked by POST because the question is long.
fn is_question(request: &Parts) -> bool {
    matches!(
        request.uri.path(),
        "/api/within" | "/api/dispatch/preview" | "/api/incidents/duplicates" | "/api/dispatch/rules/preview"
    )
}

/// The token of the header `Authorization`.
#[must_use]
pub fn bearer(headers: &HeaderMap) -> Option<&str> {
    let text = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, secret) = text.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| secret.trim())
}

/// The session's cookie.
#[must_use]
pub fn cookie(headers: &HeaderMap) -> Option<&str> {
    named_cookie(headers, COOKIE_TLS, COOKIE)
}

/// A cookie by its names: the one that is bound to this host comes first.
pub(super) fn named_cookie<'h>(headers: &'h HeaderMap, bound: &str, plain: &str) -> Option<&'h str> {
    let all = headers.get_all(header::COOKIE).iter().filter_map(|v| v.to_str().ok()).flat_map(|v| v.split(';'));
    let mut found = None;
    for (name, value) in all.filter_map(|pair| pair.trim().split_once('=')) {
        if name == bound {
            return Some(value);
        }
        if name == plain {
            found = Some(value);
        }
    }
    found
}

/// The header that sets the session's cookie, or takes it away. It is gone when the browser is closed.
pub(super) fn set_cookie(secret: Option<&str>, is_secure: bool) -> HeaderValue {
    secret.map_or_else(|| cookie_of("", Some(0), is_secure), |secret| cookie_of(secret, None, is_secure))
}

/// The same for so many seconds, whether the browser is closed meanwhile or not.
pub(super) fn cookie_of(value: &str, seconds: Option<i64>, is_secure: bool) -> HeaderValue {
    let (name, secure) = if is_secure { (COOKIE_TLS, "; Secure") } else { (COOKIE, "") };
    let age = seconds.map_or_else(String::new, |s| format!("; Max-Age={s}"));
    let text = format!("{name}={value}; Path=/; HttpOnly; SameSite=Strict{secure}{age}");
    HeaderValue::from_str(&text).unwrap_or_else(|_| HeaderValue::from_static(""))
}

fn origin(headers: &HeaderMap, peer: Option<IpAddr>) -> Origin {
    // What our own proxy saw stands last, in the same line as what a client said or in one of its own.
    let text = headers.get_all(FORWARDED_FOR).iter().next_back().and_then(|v| v.to_str().ok());
    let forwarded = text.and_then(|v| v.rsplit(',').next()?.trim().parse().ok());
    let address = forwarded.or(peer).map_or_else(String::new, |a| a.to_string());
    Origin { address, is_secure: is_secure(headers) }
}

/// Whether a request names this machine by an address or as the local one. A page of another site can have its own name
/// lead here (DNS rebinding), and would read all that a server without accounts gives.
fn is_addressed(headers: &HeaderMap) -> bool {
    let Some(host) = headers.get(header::HOST) else { return true };
    let Ok(host) = host.to_str() else { return false };
    let is_ip = host.parse::<SocketAddr>().is_ok() || host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok();
    is_ip || host.split(':').next().is_some_and(|name| name.eq_ignore_ascii_case("localhost"))
}

fn is_secure(headers: &HeaderMap) -> bool {
    headers.get(FORWARDED_PROTO).is_some_and(|v| v == "https")
}

pub(super) fn not_signed_in() -> Problem {
    Problem::new(
        ProblemKind::NotSignedIn,
        "not-signed-in",
        ("请先登录", "Sign in first"),
        (
            "此页面或接口需要登录:浏览器请到 /sign-in;程序请带 Authorization: Bearer 令牌。".to_owned(),
            "Sign in first: at /sign-in in a browser, with Authorization: Bearer and a token in a program.".to_owned(),
        ),
    )
}

fn strange_host() -> Problem {
    Problem::new(
        ProblemKind::Forbidden,
        "strange-host",
        ("请用本机地址访问", "Ask by this machine's address"),
        (
            "此服务还没有账号,只供本机使用:请用 http://localhost 或 http://127.0.0.1 加端口访问;供多人使用请先用 yitu user 建立账号。".to_owned(),
            "This server has no accounts yet and is for its own machine: ask http://localhost or http://127.0.0.1 with its port; for others, make accounts with yitu user first.".to_owned(),
        ),
    )
}

fn forbidden() -> Problem {
    Problem::new(
        ProblemKind::Forbidden,
        "not-for-your-role",
        ("无权办理", "Not for your role"),
        (
            "您的角色不能进行此项操作。如需办理,请找安全管理员。".to_owned(),
            "Your role does not allow this. Ask the security administrator.".to_owned(),
        ),
    )
}

fn read_only() -> Problem {
    Problem::new(
        ProblemKind::Forbidden,
        "read-only",
        ("只读令牌", "A token that only reads"),
        (
            "这个令牌只能读取。要写入,请建立可写的令牌(may_write)。".to_owned(),
            "This token only reads. Make one that may write (may_write).".to_owned(),
        ),
    )
}

fn other_page() -> Problem {
    Problem::new(
        ProblemKind::Forbidden,
        "other-page",
        ("请求来自别的页面", "Asked by another page"),
        (
            "请在本系统的页面上操作;程序请用令牌,或带上 X-Page-Key。".to_owned(),
            "Do this from a page of this system; a program uses a token, or sends X-Page-Key.".to_owned(),
        ),
    )
}

fn first(slug: &'static str, title: (&str, &str), detail: (&str, &str)) -> Problem {
    Problem::new(ProblemKind::Forbidden, slug, title, (detail.0.to_owned(), detail.1.to_owned()))
}

/// The account that asks; where the server has none yet, there is nobody to be.
pub(super) fn account(caller: &Caller) -> Result<&Arc<Principal>, ServiceError> {
    caller.principal.as_ref().ok_or_else(|| {
        Problem::new(
            ProblemKind::Conflict,
            "no-accounts",
            ("还没有账号", "No accounts yet"),
            (
                "系统还没有建立账号。请在服务器上运行 yitu user add 建立第一个账号。".to_owned(),
                "There are no accounts yet. Run yitu user add at the server to make the first.".to_owned(),
            ),
        )
        .into()
    })
}
