//! `yitu token`: what programs and walls ask with, at the server itself.

use std::io::Write;

use super::user::{named, told};
use super::{CliError, on_the_county};
use crate::config::Config;
use crate::domain::FeatureId;
use crate::domain::viewer::Role;
use crate::service::Yitu;
use crate::service::access::audit::Doer;
use crate::service::access::token::{self, Holder, NewToken, TokenView};
use crate::service::access::user::{UserView, read_role};

#[derive(Debug, clap::Subcommand)]
pub(super) enum Arguments {
    /// 为账号建立令牌,只显示一次;大屏账号(wall)的令牌只能查看
    Add(Add),
    /// 列出账号现在有效的会话与令牌
    List {
        /// 账号名
        name: String,
    },
    /// 收回令牌或会话,几秒内处处失效
    Revoke {
        /// 账号名
        name: String,
        /// 令牌编号(见 list)
        id: FeatureId,
    },
}

#[derive(Debug, clap::Args)]
pub(super) struct Add {
    /// 账号名
    name: String,
    /// 用途,如“一楼大屏”“QGIS”
    #[arg(long = "for", value_name = "USE")]
    purpose: String,
    /// 可写入(默认只读)
    #[arg(long)]
    write: bool,
    /// 有效天数(默认 90,最多 366)
    #[arg(long)]
    days: Option<i64>,
}

pub(super) async fn run(config: Config, arguments: Arguments) -> Result<(), CliError> {
    on_the_county(config, "yitu token", async |yitu, doer, county| acted(yitu, doer, county, arguments).await).await
}

async fn acted(yitu: &Yitu, doer: &Doer, county: FeatureId, arguments: Arguments) -> Result<(), CliError> {
    match arguments {
        Arguments::Add(asked) => {
            let account = named(yitu, county, &asked.name).await?;
            add(yitu, doer, county, (&account, asked)).await
        }
        Arguments::List { name } => {
            let account = named(yitu, county, &name).await?;
            let tokens = token::of_account(yitu, account.id).await.map_err(told)?;
            tokens.iter().try_for_each(|token| say(&line(token)))
        }
        Arguments::Revoke { name, id } => {
            let account = named(yitu, county, &name).await?;
            token::take_back(yitu, doer, Some(account.id), id).await.map_err(told)?;
            say(&format!("{name} 的令牌 {id} 已收回。"))
        }
    }
}

async fn add(yitu: &Yitu, doer: &Doer, county: FeatureId, (account, asked): (&UserView, Add)) -> Result<(), CliError> {
    if account.disabled_at.is_some() {
        return Err(CliError::wrong_use(format!("账号 {0} 已停用。请先用 yitu user enable {0} 启用。", account.name)));
    }
    let Some(role) = &account.role else {
        return Err(CliError::wrong_use(format!(
            "账号 {} 还没有角色,令牌用不了。请先由安全管理员授予角色。",
            account.name
        )));
    };
    let role = read_role(role).map_err(CliError::wrong_use)?;
    let holder = Holder { county_id: county, account_id: account.id, role, may_write: true };
    let new = NewToken { name: asked.purpose, may_write: asked.write, days: asked.days };
    let made = token::issue(yitu, doer, &holder, &new).await.map_err(told)?;
    say(&line(&made))?;
    let secret = made.secret.unwrap_or_default();
    say(&format!("令牌(只显示这一次):{secret}"))?;
    if role == Role::Wall {
        say(&format!("在大屏的浏览器里打开一次:https://本服务地址/sign-in#display={secret}"))?;
    }
    Ok(())
}

fn line(token: &TokenView) -> String {
    let kind = match token.kind.as_str() {
        "session" => "会话",
        "display" => "大屏",
        _ => "令牌",
    };
    let rights = if token.may_write { "可写" } else { "只读" };
    let until = token.expires_at.format("%F %R UTC");
    format!("{}\t{kind}\t{rights}\t至 {until}\t{}", token.id, token.name)
}

fn say(words: &str) -> Result<(), CliError> {
    writeln!(std::io::stdout(), "{words}").map_err(CliError::fault)
}
