//! Finding things by what people call them.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use chrono::Duration;
use geo::{BoundingRect, Coord};
use pinyin::ToPinyin;
use serde_json::{Value, json};

use super::summary::Tree;
use super::{int, point_of, region, text};
use crate::access::mask;
use crate::atlas::locate::covers;
use crate::db::{self, Request};
use crate::domain::viewer::Sight;
use crate::domain::{Feature, FeatureId, Layer, Problem, Schema, Viewer};
use crate::geo::Bbox;
use crate::service::access::audit::{Deed, Doer, What, note};
use crate::service::access::session::too_many;
use crate::service::phone_key::{self, KeyFileError};
use crate::service::seen::Rule;
use crate::service::{ServiceError, Yitu, off_thread};

/// The layers that are searched, in the order equals are shown.
pub const KINDS: &[Layer] = &[
    Layer::Region,
    Layer::Settlement,
    Layer::VillagerGroup,
    Layer::Grid,
    Layer::Cluster,
    Layer::Venue,
    Layer::Household,
    Layer::Responder,
];

#[derive(Debug)]
struct Entry {
    layer: Layer,
    feature: Arc<Feature>,
    name: String,
    code: String,
    detail: String,
    pinyin: String,
    initials: String,
    at: Option<Coord<f64>>,
    bbox: Option<Bbox>,
    /// The village, or the region, it belongs to.
    region: Option<FeatureId>,
}

/// All names with their pinyin.
#[derive(Debug)]
pub struct NameIndex {
    /// By layer and id.
    entries: Vec<Arc<Entry>>,
}

/// What is asked.
#[derive(Debug, Clone)]
pub struct Question {
    /// A fragment of a name or address, full pinyin, initials, a number or code, or the end of a phone number.
    pub q: String,
    /// Only within this region.
    pub region: Option<FeatureId>,
    /// Only of this layer.
    pub kind: Option<Layer>,
    /// At most so many.
    pub limit: usize,
}

impl NameIndex {
    /// What has not changed since `before` is taken from there: spelling a county takes a second.
    fn build(yitu: &Yitu, before: Option<&Self>) -> Self {
        let mut entries = Vec::with_capacity(before.map_or(0, |b| b.entries.len()));
        let regions: HashMap<FeatureId, String> = {
            let store = yitu.atlas.layer(Layer::Region);
            store.iter().map(|f| (f.id, text(f, store.schema(), "name").to_owned())).collect()
        };
        for &layer in KINDS {
            let store = yitu.atlas.layer(layer);
            // These are shown with the region they belong to, which may have changed.
            let before = before.filter(|_| !matches!(layer, Layer::Region | Layer::Responder));
            entries.extend(store.iter().map(|f| {
                let known = before.and_then(|b| b.of(layer, f.id)).filter(|e| Arc::ptr_eq(&e.feature, f));
                known.cloned().unwrap_or_else(|| Arc::new(Entry::new(layer, f, store.schema(), &regions)))
            }));
        }
        entries.sort_by_key(|e| (e.layer, e.feature.id));
        Self { entries }
    }

    fn of(&self, layer: Layer, id: FeatureId) -> Option<&Arc<Entry>> {
        let at = self.entries.binary_search_by_key(&(layer, id), |e| (e.layer, e.feature.id));
        at.ok().map(|at| &self.entries[at])
    }
}

impl Entry {
    fn new(layer: Layer, feature: &Arc<Feature>, schema: &Schema, regions: &HashMap<FeatureId, String>) -> Self {
        let name = text(feature, schema, "name").to_owned();
        let code = ["number", "code"].iter().map(|n| text(feature, schema, n)).find(|t| !t.is_empty());
        // Many villages and many people are called alike.
        let above = match layer {
            Layer::Region => int(feature, schema, "parent_id"),
            Layer::Responder => int(feature, schema, "region_id"),
            _ => None,
        };
        let above = above.and_then(|id| regions.get(&id)).map(String::as_str);
        let own = ["address", "village_name", "kind"].iter().map(|n| text(feature, schema, n));
        let detail = above.into_iter().chain(own).find(|t| !t.is_empty());
        let (pinyin, initials) = spelt(&name);
        Self {
            layer,
            code: code.unwrap_or_default().to_lowercase(),
            detail: detail.unwrap_or_default().to_owned(),
            at: feature.geometry.as_ref().and_then(point_of),
            region: int(feature, schema, "village_id").or_else(|| int(feature, schema, "region_id")),
            bbox: feature.geometry.as_ref().and_then(BoundingRect::bounding_rect).filter(|b| b.width() > 0.0),
            feature: Arc::clone(feature),
            name,
            pinyin,
            initials,
        }
    }

    /// How well it fits, 0 not at all, 1 exactly. `q` is in lower case.
    fn score(&self, q: &str, latin: bool) -> f64 {
        let part = |whole: &str, best: f64| {
            if whole.is_empty() || !whole.contains(q) {
                return 0.0;
            }
            let begins = if whole.starts_with(q) { 0.1 } else { 0.0 };
            // The larger the part that was asked for, the better.
            if whole == q { best } else { best - 0.25 + begins + 0.1 * q.len() as f64 / whole.len() as f64 }
        };
        let named = part(&self.name, 1.0).max(part(&self.code, 0.98)).max(part(&self.detail, 0.6));
        if !latin || named > 0.0 {
            return named;
        }
        let spelt = if q.len() > 1 { part(&self.initials, 0.85) } else { 0.0 };
        part(&self.pinyin, 0.9).max(spelt)
    }

    /// By where it is; what has no place, such as a person, by the region it belongs to.
    fn is_within(&self, region: &Feature, under: &HashSet<FeatureId>) -> bool {
        match (self.at, &region.geometry) {
            (Some(at), Some(area)) => covers(area, at),
            _ => self.region.is_some_and(|id| under.contains(&id)),
        }
    }

    /// How well a household fits whose name is not for the asker: only what they know already finds it. Pieces of a name
    /// or an address would tell the rest of it, and sounds can be tried through.
    fn score_masked(&self, q: &str) -> f64 {
        if self.name == q || self.code == q { 0.9 } else { 0.0 }
    }
}

/// What is asked, and whom a phone number leads to.
struct Words<'a> {
    q: &'a str,
    latin: bool,
    phones: &'a [(String, FeatureId)],
}

impl Words<'_> {
    /// How well an entry fits, 0 not at all, 1 exactly.
    fn score(&self, entry: &Entry, sight: Sight) -> f64 {
        // Four digits can be tried through; whoever has the number itself may be told whose it is.
        let by_phone = (sight == Sight::Full || self.q.len() > 4)
            && self.phones.iter().any(|(kind, id)| *id == entry.feature.id && kind == entry.layer.name());
        match sight {
            Sight::Nothing => 0.0,
            _ if by_phone => 0.95,
            Sight::Masked => entry.score_masked(self.q),
            Sight::Full => entry.score(self.q, self.latin),
        }
    }
}

/// An entry that fits.
struct Found<'a> {
    score: f64,
    entry: &'a Entry,
    sight: Sight,
}

impl Found<'_> {
    fn to_json(&self) -> Value {
        let e = self.entry;
        let (name, detail) = match self.sight {
            Sight::Full => (e.name.clone(), e.detail.clone()),
            _ => (mask::name(&e.name), mask::address(&e.detail)),
        };
        json!({"kind": e.layer.name(), "id": e.feature.id, "name": name, "detail": detail,
            "lon": e.at.map(|c| c.x), "lat": e.at.map(|c| c.y),
            "bbox": e.bbox.map(|b| [b.min().x, b.min().y, b.max().x, b.max().y]),
            "score": (self.score * 1e4).round() / 1e4})
    }
}

/// Full pinyin without tones, and its initials.
fn spelt(name: &str) -> (String, String) {
    let (mut full, mut initials) = (String::new(), String::new());
    for (character, sound) in name.chars().zip(name.to_pinyin()) {
        if let Some(sound) = sound {
            full.push_str(sound.plain());
            initials.push_str(sound.first_letter());
        } else if character.is_ascii_alphanumeric() {
            full.push(character.to_ascii_lowercase());
            initials.push(character.to_ascii_lowercase());
        }
    }
    (full, initials)
}

fn index(yitu: &Yitu) -> Arc<NameIndex> {
    yitu.indexes.names.get(yitu, KINDS, |before| NameIndex::build(yitu, before))
}

/// What fits best, best first; equals by layer, then id.
///
/// # Errors
/// When nothing is asked, the region is unknown or the database does not answer.
pub async fn search(yitu: &Yitu, doer: &Doer, question: Question) -> Result<Value, ServiceError> {
    let viewer = &doer.viewer;
    let q: String = question.q.chars().filter(|c| !c.is_whitespace()).collect::<String>().to_lowercase();
    if q.is_empty() || q.chars().count() > 64 {
        return Err(Problem::bad_field(
            "q",
            "q 应为 1 至 64 个字:名称、地址片段、户号、拼音或电话尾号。",
            "q takes 1 to 64 characters: a name, part of an address, a number, pinyin or the end of a phone number.",
        )
        .into());
    }
    let within = question.region.map(|id| region(yitu, id)).transpose()?;
    let under = within.as_ref().map(|r| Tree::read(yitu).under(r.id)).unwrap_or_default();
    let phones = by_phone(yitu, viewer, &q).await?;
    let (worker, viewer) = (yitu.clone(), viewer.clone());
    let scan = move || {
        let index = index(&worker);
        let schema = worker.atlas.layer(Layer::Household).schema().clone();
        let household = Rule::of(&viewer, Layer::Household, &schema);
        let sight = |e: &Entry| if e.layer == Layer::Household { household.sight(&e.feature) } else { Sight::Full };
        let asked = Words { latin: q.is_ascii(), q: &q, phones: &phones };
        let mut found: Vec<Found<'_>> = index
            .entries
            .iter()
            .filter(|e| question.kind.is_none_or(|k| k == e.layer))
            .filter_map(|entry| {
                let sight = sight(entry);
                let score = asked.score(entry, sight);
                (score > 0.0).then_some(Found { score, entry, sight })
            })
            .filter(|f| within.as_ref().is_none_or(|r| f.entry.is_within(r, &under)))
            .collect();
        let rank = |layer: Layer| KINDS.iter().position(|k| *k == layer);
        found.sort_by(|a, b| {
            let place = |f: &Found<'_>| (rank(f.entry.layer), f.entry.feature.id);
            b.score.total_cmp(&a.score).then_with(|| place(a).cmp(&place(b)))
        });
        found.truncate(question.limit);
        let by_name = found.iter().filter(|f| f.sight == Sight::Masked && f.entry.name == q).count();
        (json!({"results": found.iter().map(Found::to_json).collect::<Vec<_>>()}), by_name)
    };
    let (results, by_name) = off_thread(scan).await?;
    if by_name > 0 {
        // Whoever tries name after name learns who lives where: that is seen, and held back.
        let minute = yitu.clock.now().timestamp() / 60;
        if doer.viewer.account_id().is_some_and(|account| yitu.access.limits.note(account, minute).is_none()) {
            return Err(too_many(Duration::minutes(1)).into());
        }
        note(yitu, doer, Deed::FoundByName, What { detail: json!({"households": by_name}), ..What::default() }).await?;
    }
    Ok(results)
}

/// Whoever has a phone that ends in these four digits, or has all of these eleven.
async fn by_phone(yitu: &Yitu, viewer: &Viewer, q: &str) -> Result<Vec<(String, FeatureId)>, ServiceError> {
    if !q.bytes().all(|b| b.is_ascii_digit()) || !(q.len() == 4 || q.len() == 11) {
        return Ok(Vec::new());
    }
    let folder = yitu.config.data_dir.clone();
    let key = match off_thread(move || phone_key::read(&folder)).await? {
        Ok(Some(key)) => key,
        // Without a key no phone was ever stored.
        Ok(None) | Err(KeyFileError::File { .. }) => return Ok(Vec::new()),
        Err(error) => return Err(ServiceError::Internal(error.to_string())),
    };
    let number = key.number_hash(q);
    // All digits find that number alone.
    let tail = if q.len() == 4 { key.tail_hash(q) } else { number };
    let mut request = Request::begin(&yitu.db.request, viewer).await?;
    let found = db::item::by_phone(&mut request, &number, &tail).await?;
    request.finish().await?;
    Ok(found)
}
