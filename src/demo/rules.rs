//! 事项 and dispatch rules.

use super::areas::{Areas, Ids};
use super::model::{Category, Rule};

/// One leaf of the tree: code suffix, name, on the 准入清单, delegating document, lawful department,
/// restricted, photo needed.
type Leaf = (&'static str, bool, Option<&'static str>, Option<&'static str>, bool, bool);

const DELEGATED: Option<&str> = Some("岚政〔2024〕9号");

/// Heads of the tree with their leaves.
const TREE: &[(&str, &[Leaf])] = &[
    (
        "矛盾纠纷",
        &[
            ("邻里纠纷", true, None, None, false, false),
            ("婚姻家庭纠纷", true, None, None, false, false),
            ("山林土地纠纷", true, None, Some("自然资源局"), false, false),
            ("用水纠纷", true, None, None, false, false),
            ("劳资纠纷", false, None, Some("人力资源和社会保障局"), false, false),
            ("征地拆迁纠纷", false, DELEGATED, Some("自然资源局"), false, false),
        ],
    ),
    (
        "公共安全",
        &[
            ("道路安全隐患", true, None, Some("交通运输局"), false, true),
            ("消防安全隐患", true, None, Some("应急管理局"), false, true),
            ("危旧房屋", true, None, Some("住房和城乡建设局"), false, true),
            ("地质灾害险情", true, None, Some("自然资源局"), false, true),
            ("水库河道险情", true, None, Some("水利局"), false, true),
            ("森林火情", true, None, Some("应急管理局"), false, false),
            ("燃气安全隐患", false, None, Some("住房和城乡建设局"), false, true),
        ],
    ),
    (
        "人居环境",
        &[
            ("垃圾清运", true, None, None, false, true),
            ("污水直排", true, None, Some("生态环境局"), false, true),
            ("乱堆乱放", true, None, None, false, true),
            ("公厕管护", true, None, None, false, false),
            ("畜禽养殖污染", false, DELEGATED, Some("生态环境局"), false, true),
            ("噪声扰民", true, None, None, false, false),
        ],
    ),
    (
        "基础设施",
        &[
            ("路灯损坏", true, None, None, false, true),
            ("村道破损", true, None, Some("交通运输局"), false, true),
            ("饮水故障", true, None, Some("水利局"), false, false),
            ("电力通信线路", true, None, None, false, true),
            ("灌溉渠道损坏", true, None, Some("水利局"), false, true),
            ("桥梁涵洞损坏", true, None, Some("交通运输局"), false, true),
        ],
    ),
    (
        "民生服务",
        &[
            ("独居老人照护", true, None, Some("民政局"), false, false),
            ("留守儿童关爱", true, None, Some("民政局"), false, false),
            ("低保救助申请", true, None, Some("民政局"), false, false),
            ("残疾人服务", true, None, Some("民政局"), false, false),
            ("医保社保咨询", true, None, Some("人力资源和社会保障局"), false, false),
            ("代办代购", true, None, None, false, false),
        ],
    ),
    (
        "农业生产",
        &[
            ("病虫害防治", true, None, Some("农业农村局"), false, true),
            ("动物疫情", true, None, Some("农业农村局"), false, true),
            ("农资质量", false, None, Some("市场监督管理局"), false, true),
            ("野猪毁田", true, None, Some("林业局"), false, true),
        ],
    ),
    (
        "行政执法",
        &[
            ("违法建设", false, DELEGATED, Some("自然资源局"), false, true),
            ("盗采砂石", false, None, Some("水利局"), false, true),
            ("盗伐林木", false, None, Some("林业局"), false, true),
            ("食品安全", false, None, Some("市场监督管理局"), false, true),
            ("占道经营", false, DELEGATED, Some("住房和城乡建设局"), false, true),
        ],
    ),
    (
        "应急求助",
        &[
            ("人员走失", true, None, Some("公安局"), false, false),
            ("人员受困", true, None, Some("应急管理局"), false, false),
            ("突发疾病求助", true, None, Some("卫生健康局"), false, false),
            ("停水停电", true, None, None, false, false),
        ],
    ),
    (
        "政策法治",
        &[
            ("政策咨询", true, None, None, false, false),
            ("法律咨询", true, None, None, false, false),
            ("校园周边安全", true, None, Some("教育局"), false, false),
        ],
    ),
    (
        "保密事项",
        &[
            ("举报干部", false, None, None, true, false),
            ("家庭暴力", false, None, Some("公安局"), true, false),
            ("未成年人保护", false, None, Some("公安局"), true, false),
            ("极端风险", false, None, Some("公安局"), true, false),
        ],
    ),
];

/// The tree as rows, heads before their leaves.
#[must_use]
pub fn categories(ids: &mut Ids) -> Vec<Category> {
    let mut out = Vec::new();
    for (h, (head, leaves)) in TREE.iter().enumerate() {
        let parent = ids.give();
        let restricted = leaves.iter().all(|l| l.4);
        out.push(Category {
            id: parent,
            code: format!("{:02}", h + 1),
            parent: None,
            name: head,
            village_admitted: leaves.iter().any(|l| l.1),
            township_delegated: None,
            legal_dept: None,
            restricted,
            photo_needed: false,
        });
        for (k, &(name, village_admitted, township_delegated, legal_dept, restricted, photo_needed)) in
            leaves.iter().enumerate()
        {
            out.push(Category {
                id: ids.give(),
                code: format!("{:02}{:02}", h + 1, k + 1),
                parent: Some(parent),
                name,
                village_admitted,
                township_delegated,
                legal_dept,
                restricted,
                photo_needed,
            });
        }
    }
    out
}

/// Version 1 of the rules: three general ones by urgency, then what is not a village's work.
#[must_use]
pub fn rules(areas: &Areas, categories: &[Category]) -> Vec<Rule> {
    let general = |ordinal, urgency, accept_minutes, resolve_minutes, resolve_days| Rule {
        ordinal,
        category: None,
        urgency: Some(urgency),
        first_level: "grid_group",
        first_unit: None,
        assist: Vec::new(),
        cluster_helps: urgency == "hard",
        accept_minutes,
        resolve_minutes,
        resolve_days,
    };
    let mut out = vec![
        general(1, "ordinary", 24 * 60, None, Some(3)),
        general(2, "hard", 24 * 60, None, Some(7)),
        general(3, "urgent", 120, Some(24 * 60), None),
    ];
    for c in categories.iter().filter(|c| c.parent.is_some()) {
        let department = c.legal_dept.and_then(|d| areas.departments.get(d)).copied();
        let (first_level, first_unit, assist) = match (c.restricted, c.village_admitted, c.township_delegated.is_some())
        {
            // Restricted matters go to the county's named officers.
            (true, ..) => ("county_duty_officer", None, Vec::new()),
            (false, true, _) => match department {
                Some(d) => ("grid_group", None, vec![d]),
                None => continue,
            },
            (false, false, true) => ("township_centre", None, department.into_iter().collect()),
            (false, false, false) => match department {
                Some(d) => ("department", Some(d), Vec::new()),
                None => ("county_centre", None, Vec::new()),
            },
        };
        let urgent = c.code.starts_with("08") || c.restricted;
        for urgency in if urgent { &["urgent"][..] } else { &["ordinary", "hard", "urgent"][..] } {
            let (accept_minutes, resolve_minutes, resolve_days) = match *urgency {
                "urgent" => (120, Some(24 * 60), None),
                "hard" => (24 * 60, None, Some(7)),
                _ => (24 * 60, None, Some(if first_level == "department" { 7 } else { 3 })),
            };
            out.push(Rule {
                ordinal: out.len() as i32 + 1,
                category: Some(c.id),
                urgency: Some(urgency),
                first_level,
                first_unit,
                assist: assist.clone(),
                cluster_helps: false,
                accept_minutes,
                resolve_minutes,
                resolve_days,
            });
        }
    }
    out
}

/// How many households each role is to look after (联户帮办目标).
pub const LINK_TARGETS: [(&str, i32); 5] = [
    ("village_cadre", 10),
    ("committee_member", 5),
    ("party_member", 3),
    ("villager_representative", 1),
    ("grid_worker", 1),
];
