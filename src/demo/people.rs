//! Households and their members.

use chrono::{Datelike, NaiveDate};
use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::areas::{Areas, Ids};
use super::houses::Houses;
use super::land::{Land, dice};
use super::model::{Household, Member};
use super::names::{FIRST_PHONE, Namer, pick};
use super::plan::Plan;
use super::sites::SiteKind;

/// Share of households without a door point: 待落图.
const UNMAPPED: f64 = 0.03;
/// Share of households whose register names another grid than their point: 插花户.
const ASTRAY: f64 = 0.005;

/// Spreads households over the grids by weight; every grid has a few, the sum is exact.
#[must_use]
pub fn spread(plan: &Plan, land: &Land) -> Vec<u32> {
    let grids = land.grids.len();
    let least = (plan.households / grids / 4).min(4) as u32;
    let free = plan.households.saturating_sub(least as usize * grids) as f64;
    let total: f64 = land.grids.iter().map(|g| g.site.weight).sum();
    let mut out: Vec<u32> = land.grids.iter().map(|g| least + (g.site.weight / total * free) as u32).collect();
    let mut missing = plan.households.saturating_sub(out.iter().map(|&n| n as usize).sum());
    let mut g = 0;
    while missing > 0 {
        out[g % grids] += 1;
        g += 7;
        missing -= 1;
    }
    out
}

/// Settles the households into the houses of their grids.
#[must_use]
pub fn settle(
    seed: u64,
    today: NaiveDate,
    land: &Land,
    areas: &Areas,
    houses: &Houses,
    counts: &[u32],
    ids: &mut Ids,
) -> Vec<Household> {
    let mut rng = dice(seed, 60);
    let namer = Namer::default();
    let near = neighbours(land);
    let mut out = Vec::with_capacity(counts.iter().map(|&c| c as usize).sum());
    for (g, &count) in counts.iter().enumerate() {
        let built = &houses.all[houses.of_grid[g].clone()];
        let clans: Vec<&str> = (0..3).map(|_| namer.surname(&mut rng)).collect();
        let (mut house, mut inside) = (0, 0_u16);
        for n in 0..count {
            if !built.is_empty() && inside >= built[house % built.len()].rooms {
                house += 1;
                inside = 0;
            }
            let home = (!built.is_empty()).then(|| &built[house % built.len()]);
            let household =
                one(&mut rng, &namer, today, land, areas, &near, &clans, g, n, house, home, inside, out.len(), ids);
            out.push(household);
            inside += 1;
        }
    }
    out
}

/// Grids that touch each grid, within its village where there are any.
fn neighbours(land: &Land) -> Vec<Vec<u32>> {
    let mut out = vec![Vec::new(); land.grids.len()];
    for arc in &land.topology.arcs {
        if let (Some(a), Some(b)) = (land.grids.get(arc.left as usize), land.grids.get(arc.right as usize))
            && a.village == b.village
        {
            out[arc.left as usize].push(arc.right);
            out[arc.right as usize].push(arc.left);
        }
    }
    out
}

#[allow(clippy::too_many_arguments)] // one household is where all these meet
fn one(
    rng: &mut ChaCha8Rng,
    namer: &Namer,
    today: NaiveDate,
    land: &Land,
    areas: &Areas,
    near: &[Vec<u32>],
    clans: &[&str],
    g: usize,
    n: u32,
    house: usize,
    home: Option<&super::houses::House>,
    inside: u16,
    total: usize,
    ids: &mut Ids,
) -> Household {
    let cell = &land.grids[g];
    let village = areas.village(cell.village as usize);
    let township = areas.township(cell.township as usize);
    let id = ids.give();
    let surname = if rng.random::<f64>() < 0.72 { pick(rng, clans) } else { namer.surname(rng) };
    let members = family(rng, namer, today.year() as i16, surname, cell.site.kind, ids);
    let tags = tags(rng, &members, today.year() as i16);
    let mapped = rng.random::<f64>() >= UNMAPPED;
    let home = home.filter(|_| mapped);
    let door = home
        .map(|h| h.door(if h.rooms > 1 { (2.0 * f64::from(inside) + 1.0) / f64::from(h.rooms) - 1.0 } else { 0.2 }));
    let outline = home.filter(|h| h.rooms == 1 && rng.random::<f64>() < 0.6).map(super::houses::House::ring);
    let astray = !near[g].is_empty() && rng.random::<f64>() < ASTRAY;
    let register = if astray { pick(rng, &near[g]) as usize } else { g };
    let settlement = &areas.settlements[g];
    let address = if cell.site.kind == SiteKind::Seat {
        format!(
            "{}{}{}{}幢{}室",
            township.name,
            village.name,
            settlement.name,
            house + 1,
            101 + 100 * u32::from(inside / 4) + u32::from(inside % 4)
        )
    } else {
        format!("{}{}{}{}号", township.name, village.name, settlement.name, n + 1)
    };
    Household {
        id,
        number: format!("LX{:07}", total + 1),
        village: village.id,
        group: areas.groups[g].id,
        settlement: settlement.id,
        grid: areas.grids[if door.is_some() { g } else { register }].id,
        register_grid: areas.grids[register].id,
        door,
        outline,
        address,
        head: members[0].name.clone(),
        tags,
        phone: (rng.random::<f64>() < 0.94).then(|| FIRST_PHONE + 20_000 + total as u64),
        members,
    }
}

/// A family as mountain counties have them: the old at home, the young away, children with either.
fn family(rng: &mut ChaCha8Rng, namer: &Namer, year: i16, surname: &str, kind: SiteKind, ids: &mut Ids) -> Vec<Member> {
    let urban = kind != SiteKind::Hamlet;
    let mut out: Vec<Member> = Vec::with_capacity(4);
    let mut add = |rng: &mut ChaCha8Rng, own: bool, relation: &'static str, female: bool, age: i16, at_home: bool| {
        let family_name = if own { surname } else { namer.surname(rng) };
        let name = namer.person(rng, family_name, female);
        let mut tags = Vec::new();
        if rng.random::<f64>() < 0.035 {
            tags.push("残疾");
        }
        if age >= 18 && rng.random::<f64>() < 0.05 {
            tags.push("党员");
        }
        if age >= 20 && !female && rng.random::<f64>() < 0.03 {
            tags.push("退役军人");
        }
        out.push(Member { id: ids.give(), name, relation, female, birth_year: (year - age).max(1920), at_home, tags });
    };
    let r: f64 = rng.random();
    let stays = if urban { 0.85 } else { 0.42 };
    if r < 0.085 {
        let age = rng.random_range(52..90);
        let female = rng.random::<f64>() < 0.55;
        add(rng, true, "户主", female, age, true);
    } else if r < 0.22 {
        let age = rng.random_range(50..84);
        add(rng, true, "户主", false, age, true);
        let younger = rng.random_range(0..5);
        add(rng, false, "配偶", true, age - younger, true);
    } else {
        let age = rng.random_range(30..62);
        let away = rng.random::<f64>() > stays;
        add(rng, true, "户主", false, age, !away);
        let (younger, keeps_house) = (rng.random_range(0..6), rng.random::<f64>() < 0.25);
        add(rng, false, "配偶", true, age - younger, !away || keeps_house);
        if rng.random::<f64>() < 0.42 {
            let old = age + rng.random_range(22..30);
            let female = rng.random::<f64>() < 0.62;
            add(rng, !female, if female { "母" } else { "父" }, female, old.min(96), true);
        }
        let children = [0, 1, 1, 2, 2, 3][rng.random_range(0..6)];
        for c in 0..children {
            let years = (age - rng.random_range(22..30) - 2 * c).max(0);
            let female = rng.random::<f64>() < 0.48;
            let home = if years < 16 { !away || rng.random::<f64>() < 0.55 } else { rng.random::<f64>() < stays * 0.6 };
            add(rng, true, if female { "女" } else { "子" }, female, years, home);
        }
    }
    out
}

fn tags(rng: &mut ChaCha8Rng, members: &[Member], year: i16) -> Vec<&'static str> {
    let age = |m: &Member| year - m.birth_year;
    let home: Vec<&Member> = members.iter().filter(|m| m.at_home).collect();
    let mut out = Vec::new();
    // Whose children are away but near enough to look in is not counted as living alone.
    let looked_after = members.len() > home.len() && rng.random::<f64>() < 0.7;
    if home.len() == 1 && age(home[0]) >= 65 && !looked_after {
        out.push("独居老人");
    } else if !home.is_empty() && home.iter().all(|m| age(m) >= 65) && !looked_after {
        out.push("空巢老人");
    }
    let parents_away = members.iter().take(2).all(|m| !m.at_home);
    if parents_away && members.len() > 2 && home.iter().any(|m| age(m) < 16) {
        out.push("留守儿童");
    }
    let disabled = members.iter().any(|m| m.tags.contains(&"残疾"));
    if disabled {
        out.push("残疾");
    }
    if rng.random::<f64>() < if disabled { 0.22 } else { 0.03 } {
        out.push("低保");
    } else if rng.random::<f64>() < 0.045 {
        out.push("脱贫户");
    }
    if members.iter().any(|m| m.tags.contains(&"党员")) {
        out.push("党员家庭户");
    }
    if members.iter().any(|m| m.tags.contains(&"退役军人")) {
        out.push("退役军人");
    }
    out
}
