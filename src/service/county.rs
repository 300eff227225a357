//! Which county this server is for.

use super::{ServiceError, Yitu};
use crate::domain::{FeatureId, Layer, Problem, ProblemKind};

/// The id of the county that is loaded; of several, the oldest.
///
/// # Errors
/// The problem `no-county` when nothing is loaded yet.
pub fn current(yitu: &Yitu) -> Result<FeatureId, ServiceError> {
    let regions = yitu.atlas.layer(Layer::Region);
    let schema = regions.schema();
    let counties = regions.iter().filter(|r| r.get(schema, "level").and_then(|v| v.as_text()) == Some("county"));
    counties.map(|r| r.id).min().ok_or_else(|| {
        Problem::new(
            ProblemKind::NotFound,
            "no-county",
            ("还没有县域数据", "No county yet"),
            (
                "数据库里还没有县。请先运行 yitu demo,或用 yitu import region 导入辖区。".to_owned(),
                "The database holds no county yet. Run yitu demo, or import regions with yitu import region.".to_owned(),
            ),
        )
        .into()
    })
}
