//! `yitu erase`: erases what is personal, as the law asks.

use chrono::Utc;

use super::{CliError, no_county, on_the_county};
use crate::config::Config;
use crate::db::{Databases, unit};
use crate::domain::Viewer;
use crate::service::incident::erase::erase;
use crate::service::{ServiceError, household, startup};

#[derive(Debug, clap::Subcommand)]
pub(super) enum Arguments {
    /// 一件已办结或作废的事件:描述、地点文字、上报人、办理说明与姓名
    Incident {
        /// 事件编号或 id
        id: String,
        #[command(flatten)]
        ground: Ground,
    },
    /// 一户:连同成员、电话与联户关系;有未办结的事件时不能删除
    Household {
        /// 户号
        number: String,
        #[command(flatten)]
        ground: Ground,
    },
}

#[derive(Debug, clap::Args)]
pub(super) struct Ground {
    /// 删除的依据,如“当事人申请”;写入历史
    #[arg(long)]
    reason: String,
    /// 由谁删除;写入历史
    #[arg(long, default_value = "系统管理员", value_name = "NAME")]
    by: String,
}

pub(super) async fn run(config: Config, arguments: Arguments) -> Result<(), CliError> {
    let (Arguments::Incident { ground, .. } | Arguments::Household { ground, .. }) = &arguments;
    let (by, reason) = (ground.by.trim(), &ground.reason);
    if by.is_empty() {
        return Err(CliError::wrong_use("--by 不能为空。请写明由谁删除。"));
    }
    match &arguments {
        Arguments::Incident { id, .. } => {
            let database = startup::open_database(&config).await.map_err(CliError::fault)?;
            let number = incident(&database.databases, id, reason, by).await;
            database.close().await;
            println!("第 {} 号事件的个人内容已依法删除,历史校验链不受影响。", number?);
        }
        Arguments::Household { number, .. } => {
            on_the_county(config, by, async |yitu, doer, _| {
                household::erase::erase(yitu, doer, number, reason).await.map_err(refused)
            })
            .await?;
            println!("户 {number} 及其成员、电话与联户关系已依法删除,删除已记入审计日志。");
        }
    }
    Ok(())
}

async fn incident(databases: &Databases, id: &str, reason: &str, by: &str) -> Result<i64, CliError> {
    let county = unit::county(&databases.migrator).await.map_err(CliError::fault)?.ok_or_else(no_county)?;
    erase(databases, &Viewer::whole_county(county, by), id, reason, Utc::now()).await.map_err(refused)
}

fn refused(error: ServiceError) -> CliError {
    match error {
        ServiceError::Problem(problem) => CliError::wrong_use(problem),
        other => CliError::fault(format!("没有删除:{other}")),
    }
}
