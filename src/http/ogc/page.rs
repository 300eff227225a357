//! Pages for people: the JSON of an answer as HTML, with nothing from elsewhere and no script.

use std::collections::BTreeSet;
use std::fmt::Write;

use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value};

use super::asked::Asked;
use super::sketch::sketch;
use crate::domain::Layer;
use crate::http::web_map::POLICY;
use crate::service::ogc::words;

/// The colours of the web map, and the page's own rules.
const STYLE: &str = concat!(include_str!("../../../web-map/src/ui/tokens.css"), include_str!("page.css"));
const RELATIONS: &str = "http://www.opengis.net/def/rel/ogc/1.0/";

/// Texts up to so many characters stay on one line of a table.
const SHORT: usize = 36;

/// The stylesheet of all pages.
pub async fn style() -> Response {
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8"), (header::CACHE_CONTROL, "no-cache")], STYLE).into_response()
}

/// An answer as a page.
pub fn response(asked: &Asked, body: &Value) -> Response {
    let mut response = Page::new(asked, body).html().into_response();
    for (name, value) in [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_LANGUAGE, if asked.chinese { "zh-CN" } else { "en" }),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::REFERRER_POLICY, "same-origin"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

/// Safe as HTML text and within quotes.
pub fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c => safe.push(c),
        }
    }
    safe
}

fn anchor(href: &str, words: &str) -> String {
    format!(r#"<a href="{}">{}</a>"#, escaped(href), escaped(words))
}

/// A table of what its columns are called and its rows, which are HTML already.
fn table_of(head: impl IntoIterator<Item = String>, rows: &str) -> String {
    let mut html = "<div class=\"wide\" tabindex=\"0\"><table><thead><tr>".to_owned();
    for name in head {
        html.extend(["<th>", &escaped(&name), "</th>"]);
    }
    html + "</tr></thead><tbody>" + rows + "</tbody></table></div>"
}

/// A table of names and values; the values are HTML already.
fn pairs(pairs: impl Iterator<Item = (String, String)>) -> String {
    let mut html = "<div class=\"wide\" tabindex=\"0\"><table class=\"pairs\"><tbody>".to_owned();
    for (name, value) in pairs {
        html.extend(["<tr><th>", &escaped(&name), "</th><td>", &value, "</td></tr>"]);
    }
    html + "</tbody></table></div>"
}

struct Page<'a> {
    asked: &'a Asked,
    body: &'a Value,
    /// The parts of the path after `/ogc`.
    parts: Vec<&'a str>,
    layer: Option<Layer>,
}

impl<'a> Page<'a> {
    fn new(asked: &'a Asked, body: &'a Value) -> Self {
        let parts: Vec<&str> = asked.path.split('/').filter(|p| !p.is_empty()).skip(1).collect();
        let layer = match parts[..] {
            ["collections", name, ..] => name.parse().ok(),
            _ => None,
        };
        Self { asked, body, parts, layer }
    }

    fn say(&self, zh: &'static str, en: &'static str) -> &'static str {
        if self.asked.chinese { zh } else { en }
    }

    fn html(&self) -> String {
        let title = self.heading();
        let language = self.say("zh-CN", "en");
        let brand = self.say("一图统揽", "Yitu");
        let (notice, review) = (
            self.say("界线仅供工作参考,不作为划界依据", "Boundaries are for reference at work and delimit nothing"),
            match &self.asked.review_no {
                Some(number) => format!("{} {}", self.say("审图号", "Map review no."), escaped(number)),
                None => self.say("内部工作用图,不得公开", "For internal work; not to be published").to_owned(),
            },
        );
        format!(
            "<!doctype html><html lang=\"{language}\" data-theme=\"light\"><head><meta charset=\"utf-8\">\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><title>{} · {brand}</title>\
             <link rel=\"icon\" href=\"/favicon.svg\"><link rel=\"stylesheet\" href=\"/ogc/page.css\"></head><body>\
             <header><div><a class=\"brand\" href=\"/\">{brand}</a>{}{}</div></header>\
             <main><h1>{}</h1>{}</main><footer>{notice} · {review}</footer></body></html>",
            escaped(&title),
            self.crumbs(),
            self.other_form(),
            escaped(&title),
            self.sections(),
        )
    }

    fn link_to(&self, relation: &str) -> Option<&'a str> {
        let links = self.body["links"].as_array()?;
        links.iter().find(|l| l["rel"] == relation)?["href"].as_str()
    }

    fn other_form(&self) -> String {
        self.link_to("alternate")
            .map(|href| format!(r#"<a class="form" href="{}">JSON</a>"#, escaped(href)))
            .unwrap_or_default()
    }

    fn crumbs(&self) -> String {
        let mut path = "/ogc".to_owned();
        let mut html = format!("<nav>{}", anchor(&path, self.say("开放接口", "OGC API")));
        for (k, part) in self.parts.iter().enumerate() {
            path = format!("{path}/{part}");
            let words = self.name_of(&self.parts[..=k]);
            let _ = write!(html, "<span>›</span>{}", anchor(&path, &words));
        }
        html + "</nav>"
    }

    fn heading(&self) -> String {
        if self.body["type"] == "Feature" {
            let named = |name: &str| self.body["properties"][name].as_str().filter(|n| !n.is_empty());
            if let Some(name) = named("name").or_else(|| named("number")).or_else(|| named("code")) {
                return name.to_owned();
            }
        }
        match (&self.parts[..], self.layer) {
            ([], _) => self.say("一图统揽 · 开放接口", "Yitu · OGC API").to_owned(),
            ([_, _, _, ..], Some(layer)) => format!("{} · {}", self.layer_name(layer), self.name_of(&self.parts)),
            _ => self.name_of(&self.parts),
        }
    }

    fn layer_name(&self, layer: Layer) -> String {
        if self.asked.chinese { layer.title().to_owned() } else { layer.name().replace('_', " ") }
    }

    fn name_of(&self, parts: &[&str]) -> String {
        match parts {
            ["collections", _] => self.layer.map_or_else(String::new, |l| self.layer_name(l)),
            [.., last] => self.word(last),
            [] => String::new(),
        }
    }

    /// What a key, a relation or a part of a path is called.
    fn word(&self, name: &str) -> String {
        WORDS.iter().find(|w| w.0 == name).map_or_else(|| name.to_owned(), |w| self.say(w.1, w.2).to_owned())
    }

    fn sections(&self) -> String {
        let mut html = String::new();
        if let Some(text) = self.body["description"].as_str() {
            let _ = write!(html, "<p class=\"lead\">{}</p>", escaped(text));
        }
        let mut facts = Map::new();
        for (key, value) in self.body.as_object().into_iter().flatten() {
            match (key.as_str(), value) {
                (
                    "title"
                    | "description"
                    | "links"
                    | "geometry"
                    | "type"
                    | "numberMatched"
                    | "numberReturned"
                    | "$schema"
                    | "$id"
                    | "additionalProperties",
                    _,
                ) => {}
                ("features", Value::Array(features)) => html += &self.features(features),
                ("properties", Value::Object(properties)) if self.body["type"] == "Feature" => {
                    html += &sketch(&[self.body], self.asked.lat_first(), &self.heading());
                    html += &pairs(properties.iter().map(|(k, v)| (self.label(k), self.value(k, v))));
                }
                ("properties", Value::Object(properties)) => html += &self.schema(properties),
                (_, Value::Array(rows)) if rows.first().is_some_and(Value::is_object) => {
                    let title = Some(self.word(key)).filter(|word| *word != self.heading());
                    html += &title.map_or_else(String::new, |word| format!("<h2>{}</h2>", escaped(&word)));
                    html += &self.rows(rows);
                }
                _ => {
                    facts.insert(key.clone(), value.clone());
                }
            }
        }
        if !facts.is_empty() {
            html += &pairs(facts.iter().map(|(k, v)| (self.word(k), self.value(k, v))));
        }
        html + &self.links()
    }

    /// How many there are, where the pages go on, a drawing and a table.
    fn features(&self, features: &[Value]) -> String {
        let (all, here) = (&self.body["numberMatched"], features.len());
        let count = if self.asked.chinese {
            format!("共 {all} 项,本页 {here} 项")
        } else {
            format!("{all} in all, {here} on this page")
        };
        let turn = |relation: &str, zh, en| match self.link_to(relation) {
            Some(href) => {
                format!(r#"<a class="turn" rel="{relation}" href="{}">{}</a>"#, escaped(href), self.say(zh, en))
            }
            None => String::new(),
        };
        let pages = format!(
            "<p class=\"pages\"><span>{count}</span>{}{}</p>",
            turn("prev", "上一页", "Previous"),
            turn("next", "下一页", "Next")
        );
        let drawn: Vec<&Value> = features.iter().collect();
        // Only what somebody has a value for.
        let mut names: Vec<&str> = Vec::new();
        for (name, value) in features.iter().filter_map(|f| f["properties"].as_object()).flatten() {
            if !value.is_null() && !names.contains(&name.as_str()) {
                names.push(name);
            }
        }
        let head = [self.say("标识", "id").to_owned()].into_iter().chain(names.iter().map(|n| self.label(n)));
        let mut table = String::new();
        for feature in features {
            let id = feature["id"].to_string();
            let _ = write!(table, "<tr><td>{}</td>", anchor(&format!("{}/{id}", self.asked.path), &id));
            for name in &names {
                let value = &feature["properties"][*name];
                let short = value.as_str().is_none_or(|t| t.chars().count() <= SHORT);
                let class = if short { " class=\"short\"" } else { "" };
                let _ = write!(table, "<td{class}>{}</td>", self.value(name, value));
            }
            table.push_str("</tr>");
        }
        let drawing = sketch(&drawn, self.asked.lat_first(), &count);
        format!("{pages}{drawing}{}{pages}", table_of(head, &table))
    }

    /// The properties of a JSON schema.
    fn schema(&self, properties: &Map<String, Value>) -> String {
        let head = [("属性", "Property"), ("名称", "Title"), ("类型", "Type"), ("取值", "Values")];
        let mut table = String::new();
        for (name, about) in properties {
            let kind = about["format"].as_str().or(about["type"].as_str()).unwrap_or_default();
            let codes: Vec<&str> = about["enum"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
            let _ = write!(
                table,
                "<tr><td><code>{}</code></td><td>{}</td><td>{}</td><td>{}</td></tr>",
                escaped(name),
                self.value("", &about["title"]),
                escaped(kind),
                escaped(&codes.join(self.say("、", ", ")))
            );
        }
        table_of(head.map(|(zh, en)| self.say(zh, en).to_owned()), &table)
    }

    /// A table of objects; the first column leads to the object itself.
    fn rows(&self, rows: &[Value]) -> String {
        let plain =
            |v: &Value| !v.is_object() && !v.as_array().is_some_and(|l| l.len() > 2 || l.iter().any(Value::is_object));
        let mut names: Vec<&str> = Vec::new();
        for (name, value) in rows.iter().filter_map(Value::as_object).flatten() {
            if plain(value) && !matches!(name.as_str(), "itemType" | "storageCrs") && !names.contains(&name.as_str()) {
                names.push(name);
            }
        }
        // The name comes first.
        names.sort_by_key(|n| *n != "title");
        let mut head: Vec<String> = names.iter().map(|n| self.word(n)).collect();
        let leads = rows.iter().any(|row| row["links"].as_array().is_some_and(|l| l.len() > 1));
        if leads {
            head.push(String::new());
        }
        let mut table = String::new();
        for row in rows {
            table.push_str("<tr>");
            let own = row["links"].as_array().and_then(|l| l.iter().find(|l| l["rel"] == "self")?["href"].as_str());
            for (k, name) in names.iter().enumerate() {
                let cell = match own {
                    Some(href) if k == 0 => anchor(href, row[*name].as_str().unwrap_or_default()),
                    _ => self.value("", &row[*name]),
                };
                let _ = write!(table, "<td>{cell}</td>");
            }
            if leads {
                let _ = write!(table, "<td class=\"ways\">{}</td>", self.ways(&row["links"]));
            }
            table.push_str("</tr>");
        }
        table_of(head, &table)
    }

    /// The links of a row, beside the one to itself.
    fn ways(&self, links: &Value) -> String {
        let mut seen = BTreeSet::new();
        let mut html = String::new();
        for link in links.as_array().into_iter().flatten() {
            let (Some(relation), Some(href)) = (link["rel"].as_str(), link["href"].as_str()) else { continue };
            if relation != "self" && link["templated"] != true && seen.insert(relation) {
                html += &anchor(href, &self.word(relation.trim_start_matches(RELATIONS)));
            }
        }
        html
    }

    /// A property's name for the reader.
    fn label(&self, property: &str) -> String {
        match self.layer {
            Some(layer) if self.asked.chinese => words::label(layer, property).to_owned(),
            _ => property.to_owned(),
        }
    }

    /// A value as HTML. `property` gives codes their meaning.
    fn value(&self, property: &str, value: &Value) -> String {
        match value {
            Value::Null => "<span class=\"none\">—</span>".to_owned(),
            Value::Bool(true) => self.say("是", "yes").to_owned(),
            Value::Bool(false) => self.say("否", "no").to_owned(),
            Value::String(text) if text.starts_with("http://") || text.starts_with("https://") => anchor(text, text),
            Value::String(text) => {
                let codes = self.layer.filter(|_| self.asked.chinese).and_then(|layer| words::codes(layer, property));
                let word = codes.and_then(|all| all.into_iter().find(|c| c.0 == text)).map_or(text.as_str(), |c| c.1);
                escaped(word)
            }
            Value::Array(list) if list.iter().all(|v| v.is_string() || v.is_number()) => {
                let links = list.iter().any(|v| v.as_str().is_some_and(|t| t.starts_with("http")));
                let gap = if links { "<br>" } else { self.say("、", ", ") };
                list.iter().map(|v| self.value(property, v)).collect::<Vec<_>>().join(gap)
            }
            Value::Number(number) => number.to_string(),
            Value::Array(list) => list.iter().map(|v| self.value(property, v)).collect::<Vec<_>>().join("<br>"),
            Value::Object(parts) => {
                let lines = parts.iter().map(|(k, v)| format!("{} {}", escaped(&self.word(k)), self.value(k, v)));
                lines.collect::<Vec<_>>().join("<br>")
            }
        }
    }

    /// Where to go on.
    fn links(&self) -> String {
        let mut seen = BTreeSet::new();
        let mut html = String::new();
        for link in self.body["links"].as_array().into_iter().flatten() {
            let (Some(relation), Some(href)) = (link["rel"].as_str(), link["href"].as_str()) else { continue };
            let paging = matches!(relation, "self" | "alternate" | "next" | "prev");
            if paging || !seen.insert(href.trim_end_matches("?f=html")) {
                continue;
            }
            let words = self.word(relation.trim_start_matches(RELATIONS));
            let kind = link["type"].as_str().unwrap_or_default();
            // A template is no address to go to.
            let words = if link["templated"] == true {
                format!("{} <code>{}</code>", escaped(&words), escaped(href))
            } else {
                anchor(href, &words)
            };
            let _ = write!(html, "<li>{words}<small>{}</small></li>", escaped(kind));
        }
        if html.is_empty() {
            html
        } else {
            format!("<h2>{}</h2><ul class=\"links\">{html}</ul>", self.say("链接", "Links"))
        }
    }
}

/// Keys, relations and parts of paths, in Chinese and English.
const WORDS: [(&str, &str, &str); 56] = [
    ("conformance", "遵循的标准", "Conformance"),
    ("conformsTo", "标准条目", "Conformance classes"),
    ("collections", "图层", "Collections"),
    ("collection", "所属图层", "Collection"),
    ("data", "图层", "Collections"),
    ("items", "要素", "Items"),
    ("item", "瓦片", "Tiles"),
    ("queryables", "可筛选的属性", "Queryables"),
    ("sortables", "可排序的属性", "Sortables"),
    ("tiles", "瓦片集", "Tilesets"),
    ("tilesets", "瓦片集", "Tilesets"),
    ("tilesets-vector", "矢量瓦片集", "Vector tilesets"),
    ("tileMatrixSets", "瓦片矩阵集", "Tile matrix sets"),
    ("tiling-schemes", "瓦片矩阵集", "Tile matrix sets"),
    ("tiling-scheme", "瓦片矩阵集", "Tile matrix set"),
    ("tileMatrices", "各级矩阵", "Tile matrices"),
    ("tileMatrixSetLimits", "各级范围", "Tile matrix limits"),
    ("tileMatrixSetURI", "矩阵集标识", "Tile matrix set"),
    ("tileMatrix", "级别", "Tile matrix"),
    ("minTileRow", "起始行", "First row"),
    ("maxTileRow", "末行", "Last row"),
    ("minTileCol", "起始列", "First column"),
    ("maxTileCol", "末列", "Last column"),
    ("minTileMatrix", "最小级别", "First matrix"),
    ("maxTileMatrix", "最大级别", "Last matrix"),
    ("scaleDenominator", "比例尺分母", "Scale denominator"),
    ("cellSize", "像元(米)", "Cell size (m)"),
    ("cornerOfOrigin", "原点角", "Corner of origin"),
    ("pointOfOrigin", "原点", "Point of origin"),
    ("tileWidth", "瓦片宽", "Tile width"),
    ("tileHeight", "瓦片高", "Tile height"),
    ("matrixWidth", "列数", "Columns"),
    ("matrixHeight", "行数", "Rows"),
    ("orderedAxes", "坐标轴", "Axes"),
    ("wellKnownScaleSet", "比例尺系列", "Scale set"),
    ("boundingBox", "范围", "Bounding box"),
    ("bbox", "西、南、东、北:", "west, south, east, north:"),
    ("spatial", "", ""),
    ("lowerLeft", "左下角:", "Lower left:"),
    ("upperRight", "右上角:", "Upper right:"),
    ("layers", "图层", "Layers"),
    ("dataType", "数据类型", "Data type"),
    ("geometryDimension", "图形维数", "Geometry dimension"),
    ("geodata", "所属图层", "Collection"),
    ("service-desc", "接口描述(OpenAPI)", "API description (OpenAPI)"),
    ("service-doc", "接口文档", "API documentation"),
    ("title", "名称", "Title"),
    ("id", "标识", "id"),
    ("uri", "标识地址", "URI"),
    ("itemType", "内容", "Holds"),
    ("extent", "范围", "Extent"),
    ("crs", "坐标系", "Coordinate systems"),
    ("storageCrs", "存储坐标系", "Stored in"),
    ("timeStamp", "时间", "Time"),
    ("version", "版本", "Version"),
    ("seq", "写入位置", "Position of the write"),
];
