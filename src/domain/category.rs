//! 事项: what may be reported, as counties commonly divide it.

/// One kind of matter.
#[derive(Debug, Clone, Copy)]
pub struct StandardCategory {
    /// Its name.
    pub name: &'static str,
    /// On the 准入清单: may be handled by a village.
    pub village_admitted: bool,
    /// The department the law names.
    pub legal_dept: Option<&'static str>,
    /// 保密件: seen by named officers only.
    pub restricted: bool,
    /// A report should come with a photo.
    pub photo_needed: bool,
}

const fn leaf(
    name: &'static str,
    village_admitted: bool,
    legal_dept: Option<&'static str>,
    restricted: bool,
    photo_needed: bool,
) -> StandardCategory {
    StandardCategory { name, village_admitted, legal_dept, restricted, photo_needed }
}

/// What a new county begins with, by head. Codes are two digits a level, in this order.
pub const STANDARD_CATEGORIES: &[(&str, &[StandardCategory])] = &[
    (
        "矛盾纠纷",
        &[
            leaf("邻里纠纷", true, None, false, false),
            leaf("婚姻家庭纠纷", true, None, false, false),
            leaf("山林土地纠纷", true, Some("自然资源局"), false, false),
            leaf("用水纠纷", true, None, false, false),
            leaf("劳资纠纷", false, Some("人力资源和社会保障局"), false, false),
            leaf("征地拆迁纠纷", false, Some("自然资源局"), false, false),
        ],
    ),
    (
        "公共安全",
        &[
            leaf("道路安全隐患", true, Some("交通运输局"), false, true),
            leaf("消防安全隐患", true, Some("应急管理局"), false, true),
            leaf("危旧房屋", true, Some("住房和城乡建设局"), false, true),
            leaf("地质灾害险情", true, Some("自然资源局"), false, true),
            leaf("水库河道险情", true, Some("水利局"), false, true),
            leaf("森林火情", true, Some("应急管理局"), false, false),
            leaf("燃气安全隐患", false, Some("住房和城乡建设局"), false, true),
        ],
    ),
    (
        "人居环境",
        &[
            leaf("垃圾清运", true, None, false, true),
            leaf("污水直排", true, Some("生态环境局"), false, true),
            leaf("乱堆乱放", true, None, false, true),
            leaf("公厕管护", true, None, false, false),
            leaf("畜禽养殖污染", false, Some("生态环境局"), false, true),
            leaf("噪声扰民", true, None, false, false),
        ],
    ),
    (
        "基础设施",
        &[
            leaf("路灯损坏", true, None, false, true),
            leaf("村道破损", true, Some("交通运输局"), false, true),
            leaf("饮水故障", true, Some("水利局"), false, false),
            leaf("电力通信线路", true, None, false, true),
            leaf("灌溉渠道损坏", true, Some("水利局"), false, true),
            leaf("桥梁涵洞损坏", true, Some("交通运输局"), false, true),
        ],
    ),
    (
        "民生服务",
        &[
            leaf("独居老人照护", true, Some("民政局"), false, false),
            leaf("留守儿童关爱", true, Some("民政局"), false, false),
            leaf("低保救助申请", true, Some("民政局"), false, false),
            leaf("残疾人服务", true, Some("民政局"), false, false),
            leaf("医保社保咨询", true, Some("人力资源和社会保障局"), false, false),
            leaf("代办代购", true, None, false, false),
        ],
    ),
    (
        "农业生产",
        &[
            leaf("病虫害防治", true, Some("农业农村局"), false, true),
            leaf("动物疫情", true, Some("农业农村局"), false, true),
            leaf("农资质量", false, Some("市场监督管理局"), false, true),
            leaf("野猪毁田", true, Some("林业局"), false, true),
        ],
    ),
    (
        "行政执法",
        &[
            leaf("违法建设", false, Some("自然资源局"), false, true),
            leaf("盗采砂石", false, Some("水利局"), false, true),
            leaf("盗伐林木", false, Some("林业局"), false, true),
            leaf("食品安全", false, Some("市场监督管理局"), false, true),
            leaf("占道经营", false, Some("住房和城乡建设局"), false, true),
        ],
    ),
    (
        "应急求助",
        &[
            leaf("人员走失", true, Some("公安局"), false, false),
            leaf("人员受困", true, Some("应急管理局"), false, false),
            leaf("突发疾病求助", true, Some("卫生健康局"), false, false),
            leaf("停水停电", true, None, false, false),
        ],
    ),
    (
        "政策法治",
        &[
            leaf("政策咨询", true, None, false, false),
            leaf("法律咨询", true, None, false, false),
            leaf("校园周边安全", true, Some("教育局"), false, false),
        ],
    ),
    (
        "保密事项",
        &[
            leaf("举报干部", false, None, true, false),
            leaf("家庭暴力", false, Some("公安局"), true, false),
            leaf("未成年人保护", false, Some("公安局"), true, false),
            leaf("极端风险", false, Some("公安局"), true, false),
        ],
    ),
];

/// How many households each role is to look after (联户帮办目标), to begin with.
pub const LINK_TARGETS: [(&str, i32); 5] = [
    ("village_cadre", 10),
    ("committee_member", 5),
    ("party_member", 3),
    ("villager_representative", 1),
    ("grid_worker", 1),
];
