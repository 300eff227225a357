//! What properties and their codes are called.

use super::edit::tables::{self, Kind};
use crate::domain::{Layer, Schema};

/// The Chinese name of a layer's property.
#[must_use]
pub fn label(layer: Layer, property: &str) -> &str {
    let written = tables::table(layer).ok().and_then(|t| t.columns.iter().find(|c| c.property == property));
    if let Some(column) = written {
        return column.label;
    }
    match property {
        "id" => "编号",
        "geometry" => "图形",
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

/// What a code of a property means, where it is one of a list.
#[must_use]
pub fn meaning(layer: Layer, property: &str, code: &str) -> Option<&'static str> {
    let words: &[(&str, &str)] = match (layer, property) {
        (Layer::Region, "level") => &[("county", "县"), ("township", "乡镇"), ("village", "村")],
        (Layer::Grid, "kind") => &[("general", "综合网格"), ("dedicated", "专属网格")],
        (Layer::Household, "grid_source") => &[("point", "门点"), ("register", "登记")],
        (Layer::Settlement, "kind") => {
            &[("town", "集镇"), ("village", "村"), ("hamlet", "自然村"), ("place", "小地名")]
        }
        (Layer::Incident, "urgency") => &[("urgent", "紧急"), ("ordinary", "一般"), ("hard", "疑难")],
        (Layer::Incident, "state") => {
            return crate::domain::incident::State::from_code(code).map(crate::domain::incident::State::zh);
        }
        _ => {
            let table = tables::table(layer).ok()?;
            let column = table.columns.iter().find(|c| c.property == property)?;
            let Kind::Choice(words) = column.kind else { return None };
            words
        }
    };
    words.iter().find(|w| w.0 == code).map(|w| w.1)
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

/// The property that names a layer's features to a reader.
#[must_use]
pub fn naming(schema: &Schema) -> Option<&'static str> {
    ["name", "category_name", "number", "kind"].into_iter().find(|n| schema.position(n).is_some())
}
