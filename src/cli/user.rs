//! `yitu user`: accounts, at the server itself. The first ones are made here.

use std::io::{BufRead, IsTerminal, Write};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};

use super::{CliError, on_the_county};
use crate::config::Config;
use crate::domain::FeatureId;
use crate::service::access::audit::Doer;
use crate::service::access::grant::{self, Grant};
use crate::service::access::user::{self, Change, IdentityChange, NewUser, UserView, read_role};
use crate::service::{ServiceError, Yitu};

#[derive(Debug, clap::Subcommand)]
pub(super) enum Arguments {
    /// 建立账号:口令从标准输入读取一行,或自动生成并显示一次
    Add(Add),
    /// 列出账号、角色与范围
    List,
    /// 重设口令:从标准输入读取一行,或自动生成并显示一次
    Password {
        /// 账号名
        name: String,
    },
    /// 停用账号,几秒内处处失效
    Disable {
        /// 账号名
        name: String,
    },
    /// 重新启用账号
    Enable {
        /// 账号名
        name: String,
    },
    /// 授予范围
    Grant(Give),
    /// 开通统一身份认证:14 天内同名者首次由此登录时绑定
    Identity {
        /// 账号名
        name: String,
        /// 解除绑定,由此登录的会话随即失效
        #[arg(long)]
        forget: bool,
    },
}

#[derive(Debug, clap::Args)]
#[allow(clippy::doc_markdown)] // read at the terminal
pub(super) struct Add {
    /// 账号名:2 至 40 个小写字母、数字或 . _ -
    name: String,
    /// 角色,如 duty_officer、grid_worker、system_admin
    #[arg(long)]
    role: String,
    /// 姓名或岗位
    #[arg(long, value_name = "NAME")]
    display: String,
    /// 范围:辖区的编号;可重复
    #[arg(long, value_name = "ID")]
    region: Vec<FeatureId>,
    /// 范围:网格的编号;可重复
    #[arg(long, value_name = "ID")]
    grid: Vec<FeatureId>,
    /// 全县
    #[arg(long, conflicts_with = "region")]
    whole_county: bool,
    /// 对应的办理人编号
    #[arg(long, value_name = "ID")]
    responder: Option<FeatureId>,
    /// 所在承办单位编号
    #[arg(long, value_name = "ID")]
    unit: Option<FeatureId>,
    /// 不设口令,通过统一身份认证登录(14 天内首次登录时绑定)
    #[arg(long)]
    identity: bool,
}

#[derive(Debug, clap::Args)]
pub(super) struct Give {
    /// 账号名
    name: String,
    /// 辖区编号
    #[arg(long, value_name = "ID")]
    region: Option<FeatureId>,
    /// 网格编号
    #[arg(long, value_name = "ID")]
    grid: Option<FeatureId>,
    /// 截止时间(RFC 3339)
    #[arg(long, value_name = "TIME")]
    until: Option<DateTime<Utc>>,
    /// 事由:临时授权须写
    #[arg(long, default_value = "")]
    reason: String,
    /// 可查看完整姓名与地址(须写截止时间与事由)
    #[arg(long)]
    in_full: bool,
}

pub(super) async fn run(config: Config, arguments: Arguments) -> Result<(), CliError> {
    on_the_county(config, "yitu user", async |yitu, doer, county| acted(yitu, doer, county, arguments).await).await
}

async fn acted(yitu: &Yitu, doer: &Doer, county: FeatureId, arguments: Arguments) -> Result<(), CliError> {
    match arguments {
        Arguments::Add(add) => self::add(yitu, doer, county, add).await,
        Arguments::List => list(yitu, county).await,
        Arguments::Password { name } => {
            let there = named(yitu, county, &name).await?;
            let (password, made) = password()?;
            user::set_password(yitu, doer, (there.id, &there.name), &password).await.map_err(told)?;
            say(&format!("{name} 的口令已重设,其会话与令牌已全部失效;下次登录时须修改。"), made.then_some(&password))
        }
        Arguments::Disable { name } => disable(yitu, doer, county, &name, true).await,
        Arguments::Enable { name } => disable(yitu, doer, county, &name, false).await,
        Arguments::Identity { name, forget } => identity(yitu, doer, county, (&name, forget)).await,
        Arguments::Grant(give) => {
            let there = named(yitu, county, &give.name).await?;
            let asked = Grant {
                region_id: give.region,
                grid_id: give.grid,
                since: None,
                until: give.until,
                reason: give.reason,
                in_full: give.in_full,
            };
            grant::grant(yitu, doer, there.id, &asked).await.map_err(told)?;
            say(&format!("已授予 {}。", there.name), None)
        }
    }
}

async fn add(yitu: &Yitu, doer: &Doer, county: FeatureId, asked: Add) -> Result<(), CliError> {
    let role = read_role(&asked.role).map_err(CliError::wrong_use)?;
    let given = if asked.identity { None } else { Some(password()?) };
    let new = NewUser {
        name: asked.name,
        display_name: asked.display,
        password: given.as_ref().map(|(password, _)| password.clone()),
        responder_id: asked.responder,
        unit_id: asked.unit,
        issuer: None,
        subject: None,
        awaits_identity: asked.identity,
    };
    let account = user::make(yitu, doer, &new, Some(role), true).await.map_err(told)?;
    let regions = if asked.whole_county { vec![county] } else { asked.region };
    let regions = regions.into_iter().map(|id| Grant { region_id: Some(id), ..Grant::default() });
    let grids = asked.grid.into_iter().map(|id| Grant { grid_id: Some(id), ..Grant::default() });
    for wanted in regions.chain(grids) {
        grant::grant(yitu, doer, account.id, &wanted).await.map_err(told)?;
    }
    let how = if asked.identity {
        "14 天内由统一身份认证首次登录时绑定。"
    } else {
        "首次登录时须修改口令。"
    };
    let mut words = format!("已建立账号 {}({},{})。{how}", account.name, account.display_name, role.zh());
    if role.administers() {
        words.push_str("管理员还须绑定动态口令。");
    }
    say(&words, given.as_ref().filter(|(_, made)| *made).map(|(password, _)| password))
}

async fn identity(yitu: &Yitu, doer: &Doer, county: FeatureId, (name, forget): (&str, bool)) -> Result<(), CliError> {
    let there = named(yitu, county, name).await?;
    let wanted = if forget { IdentityChange::None } else { IdentityChange::Await };
    let change = Change { identity: Some(wanted), expected_version: Some(there.version), ..Change::default() };
    user::change(yitu, doer, there.id, &change, None).await.map_err(told)?;
    let words = if forget {
        format!("{name} 的统一身份认证已解除,由此登录的会话已全部失效。")
    } else {
        format!("{name} 已开通统一身份认证:14 天内,统一身份认证里账号同为 {name} 的人首次登录时绑定。")
    };
    say(&words, None)
}

async fn list(yitu: &Yitu, county: FeatureId) -> Result<(), CliError> {
    let now = yitu.clock.now();
    for account in user::list(yitu, county, None).await.map_err(told)? {
        let live = account.grants.iter().filter(|g| g.since <= now && g.until.is_none_or(|u| u > now));
        let scopes: Vec<String> = live
            .map(|g| {
                let what = g.region_name.as_ref().or(g.grid_name.as_ref()).cloned().unwrap_or_default();
                g.until.map_or_else(|| what.clone(), |until| format!("{what}(至 {})", until.format("%F %R")))
            })
            .collect();
        let closed = if account.disabled_at.is_some() { " [已停用]" } else { "" };
        let waits = account.awaits_identity_until.filter(|until| *until > now);
        let identity = match (&account.issuer, waits) {
            (Some(_), _) => " [统一身份认证]".to_owned(),
            (None, Some(until)) => format!(" [统一身份认证待绑定,至 {} UTC]", until.format("%F %R")),
            (None, None) => String::new(),
        };
        let role = account.role_name.unwrap_or_else(|| "未授角色".to_owned());
        say(
            &format!("{}\t{}\t{role}\t{}{closed}{identity}", account.name, account.display_name, scopes.join("、")),
            None,
        )?;
    }
    Ok(())
}

async fn disable(yitu: &Yitu, doer: &Doer, county: FeatureId, name: &str, disabled: bool) -> Result<(), CliError> {
    let there = named(yitu, county, name).await?;
    let change = Change { disabled: Some(disabled), expected_version: Some(there.version), ..Change::default() };
    user::change(yitu, doer, there.id, &change, None).await.map_err(told)?;
    say(&format!("{name} 已{}。", if disabled { "停用" } else { "启用" }), None)
}

pub(super) async fn named(yitu: &Yitu, county: FeatureId, name: &str) -> Result<UserView, CliError> {
    let all = user::list(yitu, county, None).await.map_err(told)?;
    all.into_iter()
        .find(|a| a.name == name)
        .ok_or_else(|| CliError::wrong_use(format!("没有账号 {name}。用 yitu user list 查看全部账号。")))
}

/// The password of the first line of the input; where that is a terminal, one that is made up. Whether it was.
fn password() -> Result<(String, bool), CliError> {
    let input = std::io::stdin();
    let mut line = String::new();
    if !input.is_terminal() {
        input.lock().read_line(&mut line).map_err(CliError::fault)?;
    }
    let given = line.trim_end_matches(['\r', '\n']);
    if given.is_empty() {
        let made = URL_SAFE_NO_PAD.encode(rand::random::<[u8; 15]>());
        return Ok((format!("Y1-{made}"), true));
    }
    Ok((given.to_owned(), false))
}

fn say(words: &str, password: Option<&String>) -> Result<(), CliError> {
    let mut out = std::io::stdout();
    writeln!(out, "{words}").map_err(CliError::fault)?;
    match password {
        Some(password) => writeln!(out, "口令(只显示这一次):{password}").map_err(CliError::fault),
        None => Ok(()),
    }
}

pub(super) fn told(error: ServiceError) -> CliError {
    match error {
        ServiceError::Problem(problem) => CliError::wrong_use(problem.detail.zh.clone()),
        other => CliError::fault(other),
    }
}
