//! Names: plausible, and nobody's.
//!
//! The county and its townships bear names that no county, and no township, of China bears. Phones are
//! `199 0xxx xxxx` counted up from `199 0000 0000`: running numbers, chosen for no one. They are seen to be
//! made up at a glance and must never be dialled.

use std::collections::HashSet;

use rand::Rng;
use rand_chacha::ChaCha8Rng;

/// The county's name.
pub const COUNTY: &str = "岚溪县";
/// The county's six-digit code; no division bears it.
pub const COUNTY_CODE: &str = "359901";
/// The first phone number; others follow it.
pub const FIRST_PHONE: u64 = 19_900_000_000;

/// Townships, the seat first: name and kind.
pub const TOWNSHIPS: [(&str, &str); 24] = [
    ("岚洲", "镇"),
    ("枕溪", "镇"),
    ("竹谷", "镇"),
    ("霁湖", "镇"),
    ("桐洋", "镇"),
    ("槠溪", "镇"),
    ("云洲", "镇"),
    ("茶溪", "镇"),
    ("翠洋", "镇"),
    ("橘洋", "镇"),
    ("琼滩", "镇"),
    ("桂峰", "乡"),
    ("樟畲", "乡"),
    ("漱岭", "乡"),
    ("澄坑", "乡"),
    ("枫源", "乡"),
    ("葛坪", "乡"),
    ("松峰", "乡"),
    ("栖岭", "乡"),
    ("碧陂", "乡"),
    ("柏坪", "乡"),
    ("苍垄", "乡"),
    ("凌坑", "乡"),
    ("岫峰", "乡"),
];

const SURNAMES: &[(&str, u32)] = &[
    ("陈", 110),
    ("林", 100),
    ("黄", 70),
    ("张", 60),
    ("吴", 52),
    ("李", 48),
    ("郑", 38),
    ("王", 36),
    ("刘", 30),
    ("苏", 22),
    ("蔡", 21),
    ("叶", 19),
    ("谢", 18),
    ("许", 17),
    ("杨", 17),
    ("曾", 14),
    ("郭", 14),
    ("赖", 13),
    ("邱", 12),
    ("周", 12),
    ("罗", 11),
    ("廖", 11),
    ("江", 10),
    ("徐", 9),
    ("范", 8),
    ("游", 8),
    ("卢", 8),
    ("沈", 7),
    ("温", 6),
    ("蓝", 6),
    ("钟", 6),
    ("雷", 5),
    ("池", 3),
    ("官", 3),
    ("涂", 3),
    ("饶", 3),
    ("连", 3),
    ("阙", 2),
];
const MALE: &str = "建国志明文辉永福金水家俊伟强荣华德茂春生清源海峰庆祥宗耀仁义思远晓东立新景松天佑炳坤";
const FEMALE: &str = "秀英美兰玉珍丽华淑芬桂香月娥小红雅琴雪梅翠云晓燕慧敏巧玲彩霞素贞欣怡婉清若兰";
const PLACE_HEADS: &[&str] = &[
    "上", "下", "东", "西", "南", "北", "前", "后", "大", "小", "新", "高", "长", "石", "竹", "松", "樟", "枫", "茶",
    "梨", "桃", "梅", "龙", "凤", "白", "黄", "赤", "青", "金", "银", "双", "三", "半", "古", "仙", "云", "田", "溪",
    "水", "山", "林", "坑", "柿", "杉",
];
const PLACE_TAILS: &[&str] = &[
    "岭", "坑", "溪", "洋", "坪", "湖", "垄", "墩", "源", "埔", "畲", "坂", "厝", "寮", "坵", "头", "尾", "口", "岭下",
    "坑口", "溪口", "岭头", "坪上", "洋中", "田心", "桥头", "山下", "林坑", "石桥", "井头", "社前", "坑尾", "岩下",
    "门口", "塘边", "湾里", "圳边", "寨",
];

/// Makes names that do not repeat where they must not.
pub struct Namer {
    used: HashSet<String>,
    weight: u32,
}

impl Default for Namer {
    fn default() -> Self {
        Self { used: HashSet::new(), weight: SURNAMES.iter().map(|s| s.1).sum() }
    }
}

/// One of a list.
pub fn pick<T: Copy>(rng: &mut ChaCha8Rng, list: &[T]) -> T {
    list[rng.random_range(0..list.len())]
}

fn character(rng: &mut ChaCha8Rng, list: &str) -> char {
    // Every character is three bytes long.
    let n = rng.random_range(0..list.len() / 3);
    list.chars().nth(n).unwrap_or('安')
}

impl Namer {
    /// A surname, the common ones often.
    pub fn surname(&self, rng: &mut ChaCha8Rng) -> &'static str {
        let mut n = rng.random_range(0..self.weight);
        for (name, weight) in SURNAMES {
            if n < *weight {
                return name;
            }
            n -= weight;
        }
        "陈"
    }

    /// A person of a surname.
    pub fn person(&self, rng: &mut ChaCha8Rng, surname: &str, female: bool) -> String {
        let list = if female { FEMALE } else { MALE };
        let mut name = String::with_capacity(9);
        name.push_str(surname);
        name.push(character(rng, list));
        if rng.random::<f32>() < 0.86 {
            name.push(character(rng, list));
        }
        name
    }

    /// A place name that no other place of the same scope bears.
    pub fn place(&mut self, rng: &mut ChaCha8Rng, scope: &str) -> String {
        for round in 0..400 {
            let mut name = format!("{}{}", pick(rng, PLACE_HEADS), pick(rng, PLACE_TAILS));
            if round > 60 {
                name = format!("{}{name}", pick(rng, PLACE_HEADS));
            }
            let mut seen = std::collections::BTreeSet::new();
            if name.chars().all(|c| seen.insert(c)) && self.used.insert(format!("{scope}/{name}")) {
                return name;
            }
        }
        let name = format!("{}{}", self.surname(rng), pick(rng, PLACE_TAILS));
        self.used.insert(format!("{scope}/{name}"));
        name
    }
}
