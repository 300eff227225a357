//! A decision in Chinese sentences.

use super::decide::role_zh;
use super::{Decision, Inputs};

/// Where it lies, who answers and why, and until when.
#[must_use]
pub fn sentences(inputs: &Inputs, decision: &Decision) -> String {
    let calendar = &inputs.calendar;
    format!(
        "{}{}请于{}前签收、{}前办结。",
        place(inputs, decision),
        owner(inputs, decision),
        calendar.spoken(decision.accept_by),
        calendar.spoken(decision.resolve_by)
    )
}

fn place(inputs: &Inputs, decision: &Decision) -> String {
    let village = inputs.place.village.as_deref();
    if inputs.place.text_only {
        let near = village.map_or_else(String::new, |v| format!("(提到{v})"));
        return format!("只有文字描述{near},尚不能确定所在网格。");
    }
    if inputs.place.outside_county {
        return "事发地在县外,转外县处理。".to_owned();
    }
    let Some(grid) = &decision.grid else {
        let near = village.map_or_else(|| "本县范围内".to_owned(), |v| format!("{v}内"));
        return format!("事发地在{near},但不属于任何网格。");
    };
    if inputs.place.household {
        return format!("所选住户属于{}。", grid.name);
    }
    let accuracy = inputs.place.accuracy_m.map_or_else(String::new, |m| format!("(定位精度约{m:.0}米)"));
    if decision.provisional {
        let others: Vec<&str> = decision.neighbours.iter().take(2).map(|n| n.name.as_str()).collect();
        let others = if others.is_empty() { String::new() } else { format!(",也可能在{}", others.join("、")) };
        return format!(
            "事发地{accuracy}最可能在{}(可能性{:.0}%){others},暂派,请承办人确认或一键转交。",
            grid.name,
            grid.probability * 100.0
        );
    }
    format!("事发地{accuracy}在{}内。", grid.name)
}

fn owner(inputs: &Inputs, decision: &Decision) -> String {
    let who = decision.responder.as_ref().map_or_else(String::new, |p| format!("({}{})", role_zh(&p.role), p.name));
    let unit = &decision.unit.name;
    let why = if inputs.matter.restricted {
        "属保密事项,只由县级专人办理".to_owned()
    } else if inputs.at_least.is_some() {
        "下级未能按时办理或已退回".to_owned()
    } else if inputs.place.outside_county {
        "不属本县网格".to_owned()
    } else if inputs.place.text_only {
        "先由县值班员核实位置".to_owned()
    } else if !inputs.matter.village_admitted {
        format!("“{}”不在村级准入清单内,不下派到村", inputs.matter.name)
    } else {
        let passed: Vec<&str> =
            decision.walk.iter().filter(|s| s.outcome == "passed").map(|s| s.unit_name.as_str()).collect();
        match passed.len() {
            0 => format!("按“{}”的办理规则", inputs.matter.name),
            1..=2 => format!("{}暂无人可承接", passed.join("、")),
            n => format!("{}等{n}个单位暂无人可承接", passed[0]),
        }
    };
    let helps = decision.walk.iter().find(|s| s.outcome == "helps");
    let helps = helps.map_or_else(String::new, |s| format!(",联村的{}协办", s.unit_name));
    format!("{why},由{unit}{who}主办{helps}。")
}
