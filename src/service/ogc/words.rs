//! What properties are called, and the codes they take.

use super::edit::tables::{self, Kind};
use crate::domain::Layer;

/// The Chinese name of a layer's property.
#[must_use]
pub fn label(layer: Layer, property: &str) -> &str {
    let written = tables::table(layer).ok().and_then(|t| t.columns.iter().find(|c| c.property == property));
    if let Some(column) = written {
        return column.label;
    }
    match property {
        "code" => "编码",
        "name" if layer == Layer::Household => "户主",
        "name" => "名称",
        "number" => "编号",
        "level" => "层级",
        "kind" => "类别",
        "parent_id" => "上级",
        "village_id" => "所在村编号",
        "village_code" => "村代码",
        "village_name" => "所在村",
        "region_id" => "辖区编号",
        "region_name" => "辖区",
        "group_id" => "党小组编号",
        "group_name" => "党小组",
        "grid_id" => "网格编号",
        "grid_source" => "网格依据",
        "grid_version_id" => "网格版本",
        "valid_from" => "生效日",
        "tags" => "标签",
        "skills" => "专长",
        "roles" => "任职",
        "industries" => "产业",
        "villages" => "村数",
        "committee_name" => "联村党委",
        "stops" => "站数",
        "from_node" => "起点",
        "to_node" => "终点",
        "incident_id" => "事件标识",
        "state" => "状态",
        "category" => "事项代码",
        "category_name" => "事项",
        "urgency" => "紧急程度",
        "reported_at" => "上报时间",
        "next_deadline_at" => "下一时限",
        "time_zone" => "时区",
        "map_review_no" => "审图号",
        other => other,
    }
}

/// The codes a property takes, where they are a list.
#[must_use]
pub fn codes(layer: Layer, property: &str) -> Option<Vec<&'static str>> {
    let table = tables::table(layer).ok()?;
    let column = table.columns.iter().find(|c| c.property == property)?;
    match column.kind {
        Kind::Choice(words) => Some(words.iter().map(|w| w.0).collect()),
        _ => None,
    }
}
