//! What properties are called, and the codes they take.

use super::edit::tables::{self, Kind};
use crate::domain::Layer;
use crate::domain::incident::{State, Urgency};

/// The Chinese name of a layer's property.
#[must_use]
pub fn label(layer: Layer, property: &str) -> &str {
    let written = tables::table(layer).ok().and_then(|t| t.columns.iter().find(|c| c.property == property));
    if let Some(column) = written.filter(|c| !matches!(c.kind, Kind::Ref(..))) {
        return column.label;
    }
    match property {
        "code" => "编码",
        "name" if layer == Layer::Household => "户主",
        "name" => "名称",
        "number" => "编号",
        "level" => "层级",
        "kind" => "类别",
        "parent_id" => "上级编号",
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
        "overdue_since" => "逾期始于",
        "time_zone" => "时区",
        "map_review_no" => "审图号",
        "register_grid_id" => "登记网格编号",
        "villager_group_id" => "村民小组编号",
        "settlement_id" => "自然村编号",
        other => written.map_or(other, |column| column.label),
    }
}

/// The codes a property takes and what they mean in Chinese, where they are a list.
#[must_use]
pub fn codes(layer: Layer, property: &str) -> Option<Vec<(&'static str, &'static str)>> {
    match (layer, property) {
        (Layer::Region, "level") => Some(vec![("county", "县"), ("township", "乡镇"), ("village", "村")]),
        (Layer::Grid, "kind") => Some(vec![("general", "综合网格"), ("dedicated", "专属网格")]),
        (Layer::Incident, "state") => Some(State::ALL.iter().map(|s| (s.code(), s.zh())).collect()),
        (Layer::Incident, "urgency") => Some(Urgency::ALL.iter().map(|u| (u.code(), u.zh())).collect()),
        _ => {
            let table = tables::table(layer).ok()?;
            match table.columns.iter().find(|c| c.property == property)?.kind {
                Kind::Choice(words) => Some(words.to_vec()),
                _ => None,
            }
        }
    }
}
