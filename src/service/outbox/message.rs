//! What a receiver is told of a step: as JSON, as words for a group, as single values for templates.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

use crate::db::outbox::MessageRow;
use crate::domain::incident::{Action, State, Urgency};

/// What a receiver may ask for beyond the least: words and places may concern persons.
pub const FIELDS: [&str; 5] = ["description", "location_text", "position", "note", "handler"];

/// What a template may name; those of the second list only where the field is asked for.
pub const NAMES: [&str; 20] = [
    "id",
    "incident_id",
    "number",
    "action",
    "action_name",
    "state",
    "state_name",
    "category",
    "category_name",
    "urgency",
    "urgency_name",
    "village",
    "grid",
    "grid_code",
    "unit",
    "accept_by",
    "resolve_by",
    "at",
    "external_system",
    "external_no",
];
/// Names of a template, and the field each belongs to.
pub const ASKED_NAMES: [(&str, &str); 6] = [
    ("description", "description"),
    ("location_text", "location_text"),
    ("lon", "position"),
    ("lat", "position"),
    ("note", "note"),
    ("handler", "handler"),
];

/// A step, as far as a receiver is told of it.
#[derive(Debug, Clone, Copy)]
pub struct Message<'a> {
    /// All there is.
    pub row: &'a MessageRow,
    /// What it has asked for beyond the least.
    pub fields: &'a [String],
}

impl Message<'_> {
    fn asks(&self, field: &str) -> bool {
        self.fields.iter().any(|f| f == field)
    }

    /// What is done, in Chinese.
    #[must_use]
    pub fn action_name(&self) -> &str {
        Action::from_code(&self.row.action).map_or("测试", Action::zh)
    }

    fn state_name(&self) -> &str {
        let known = State::from_code(&self.row.state).map(State::zh);
        known.unwrap_or(&self.row.state)
    }

    fn urgency_name(&self) -> &str {
        let known = Urgency::from_code(&self.row.urgency).map(Urgency::zh);
        known.unwrap_or(&self.row.urgency)
    }

    /// An instant as people of the county read it.
    fn spoken(&self, at: Option<DateTime<Utc>>) -> String {
        let zone: chrono_tz::Tz = self.row.time_zone.parse().unwrap_or(chrono_tz::Asia::Shanghai);
        at.map(|at| at.with_timezone(&zone).format("%-m月%-d日 %H:%M").to_string()).unwrap_or_default()
    }

    /// The value of a template's name, if there is such a name and it is asked for.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<String> {
        let row = self.row;
        if ASKED_NAMES.iter().any(|(asked, field)| *asked == name && !self.asks(field)) {
            return None;
        }
        Some(match name {
            "id" => row.id.to_string(),
            "incident_id" => row.incident_id.to_string(),
            "number" => row.number.to_string(),
            "action" => row.action.clone(),
            "action_name" => self.action_name().to_owned(),
            "state" => row.state.clone(),
            "state_name" => self.state_name().to_owned(),
            "category" => row.category.clone(),
            "category_name" => row.category_name.clone(),
            "urgency" => row.urgency.clone(),
            "urgency_name" => self.urgency_name().to_owned(),
            "village" => row.village_name.clone().unwrap_or_default(),
            "grid" => row.grid_name.clone().unwrap_or_default(),
            "grid_code" => row.grid_code.clone(),
            "unit" => row.unit_name.clone(),
            "accept_by" => self.spoken(row.accept_by),
            "resolve_by" => self.spoken(row.resolve_by),
            "at" => self.spoken(Some(row.at)),
            "external_system" => row.external_system.clone().unwrap_or_default(),
            "external_no" => row.external_no.clone().unwrap_or_default(),
            "description" => row.description.clone(),
            "location_text" => row.location_text.clone(),
            "lon" => row.lon.map(|d| d.to_string()).unwrap_or_default(),
            "lat" => row.lat.map(|d| d.to_string()).unwrap_or_default(),
            "note" => row.note.clone(),
            "handler" => row.responder_name.clone().unwrap_or_default(),
            _ => return None,
        })
    }

    /// The whole as JSON: type, instant and data, as Standard Webhooks proposes.
    #[must_use]
    pub fn json(&self) -> Value {
        let row = self.row;
        let mut data = json!({
            "incident_id": row.incident_id, "number": row.number, "step": row.ordinal,
            "action": row.action, "action_name": self.action_name(),
            "state": row.state, "state_name": self.state_name(),
            "category": row.category, "category_name": row.category_name,
            "urgency": row.urgency, "urgency_name": self.urgency_name(), "restricted": row.restricted,
            "village": row.village_id.map(|id| json!({"id": id, "name": row.village_name})),
            "grid": row.grid_id.map(|id| json!({"id": id, "code": row.grid_code, "name": row.grid_name})),
            "unit": {"id": row.unit_id, "name": row.unit_name},
            "accept_by": row.accept_by, "resolve_by": row.resolve_by, "next_deadline_at": row.next_deadline_at,
            "external_system": row.external_system, "external_no": row.external_no,
            "merged_into": row.merged_into,
        });
        if let Some(data) = data.as_object_mut() {
            self.add_asked(data);
        }
        json!({"type": format!("incident.{}", row.action), "timestamp": row.at, "data": data})
    }

    fn add_asked(&self, data: &mut Map<String, Value>) {
        let row = self.row;
        let asked = [
            ("description", json!(row.description)),
            ("location_text", json!(row.location_text)),
            ("position", json!(row.lon.zip(row.lat).map(|(lon, lat)| json!({"lon": lon, "lat": lat})))),
            ("note", json!(row.note)),
            ("handler", json!(row.responder_name)),
        ];
        data.extend(asked.into_iter().filter(|(f, _)| self.asks(f)).map(|(f, v)| (f.to_owned(), v)));
    }

    /// One line for a group's title.
    #[must_use]
    pub fn title(&self) -> String {
        format!("【{}】第 {} 号 {}", self.action_name(), self.row.number, plain(&self.row.category_name))
    }

    /// The whole in Markdown for a group.
    #[must_use]
    pub fn markdown(&self) -> String {
        let line = |(label, name): &(&str, &str)| {
            let value = self.value(name).filter(|v| !v.is_empty())?;
            Some(format!("> {label}:{}", plain(&value)))
        };
        let lines = [
            ("状态", "state_name"),
            ("紧急程度", "urgency_name"),
            ("村(社区)", "village"),
            ("网格", "grid"),
            ("主办", "unit"),
            ("签收时限", "accept_by"),
            ("办结时限", "resolve_by"),
            ("问题描述", "description"),
            ("地点", "location_text"),
            ("办理人", "handler"),
            ("说明", "note"),
            ("时间", "at"),
        ];
        // The signature limit says nothing once it is signed for.
        let signed = !matches!(self.row.state.as_str(), "pending_accept" | "pending_location" | "pending_dispatch");
        let shown = lines.iter().filter(|(_, name)| !(signed && *name == "accept_by")).filter_map(line);
        let title = format!("**{}**", self.title());
        // Robots take two ends of line for one.
        std::iter::once(title).chain(shown).collect::<Vec<_>>().join("\n\n")
    }
}

/// People's words as words: no mention of everybody, no link, no line of their own.
#[must_use]
pub fn plain(words: &str) -> String {
    words
        .chars()
        .map(|c| match c {
            '<' => '\u{ff1c}',
            '>' => '\u{ff1e}',
            '[' => '\u{ff3b}',
            ']' => '\u{ff3d}',
            '@' => '\u{ff20}',
            '*' => '\u{ff0a}',
            '`' => '\u{2018}',
            c if c.is_control() => ' ',
            c => c,
        })
        .collect()
}
