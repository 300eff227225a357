//! A feature as the map knows it: an id, a geometry and named values.

use std::sync::Arc;

use crate::domain::FeatureId;
use crate::geo::Geometry;

/// One property's value.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Absent.
    Null,
    /// Yes or no.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// Any number.
    Float(f64),
    /// A text; common texts share their bytes.
    Text(Arc<str>),
    /// A list of texts, such as a household's tags.
    TextList(Arc<[Arc<str>]>),
    /// Whom a feature is known to, see [`Schema::known_to`]; no property is of this form.
    Ids(Arc<[FeatureId]>),
}

impl Value {
    /// The text, if it is one.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The whole number, if it is one.
    #[must_use]
    pub fn as_int(&self) -> Option<i64> {
        match self {
            Self::Int(number) => Some(*number),
            _ => None,
        }
    }

    /// The ids, where it is those.
    #[must_use]
    pub fn as_ids(&self) -> &[FeatureId] {
        match self {
            Self::Ids(ids) => ids,
            _ => &[],
        }
    }

    /// As JSON.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        match self {
            Self::Null => serde_json::Value::Null,
            Self::Bool(b) => (*b).into(),
            Self::Int(i) => (*i).into(),
            Self::Float(f) => (*f).into(),
            Self::Text(t) => t.as_ref().into(),
            Self::TextList(list) => list.iter().map(AsRef::as_ref).collect::<Vec<&str>>().into(),
            Self::Ids(ids) => ids.to_vec().into(),
        }
    }
}

/// What a property's values are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PropertyKind {
    /// Whole numbers.
    Int,
    /// Numbers.
    Float,
    /// Yes or no.
    Bool,
    /// Texts.
    Text,
    /// Lists of texts.
    TextList,
    /// Calendar days of the county, as `2026-11-20`.
    Day,
    /// Instants, RFC 3339 in UTC.
    Instant,
}

/// The names of a layer's properties and what they are, in the order their values are stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schema {
    names: Arc<[Arc<str>]>,
    kinds: Arc<[PropertyKind]>,
    is_known_to: bool,
}

impl Schema {
    /// Names and kinds in storage order.
    pub fn new(properties: impl IntoIterator<Item = (impl Into<Arc<str>>, PropertyKind)>) -> Self {
        let (names, kinds): (Vec<Arc<str>>, Vec<PropertyKind>) =
            properties.into_iter().map(|(name, kind)| (name.into(), kind)).unzip();
        Self { names: names.into(), kinds: kinds.into(), is_known_to: false }
    }

    /// The same with one more value after the properties: [`Schema::known_to`].
    #[must_use]
    pub fn with_known_to(self) -> Self {
        Self { is_known_to: true, ..self }
    }

    /// Where it is stored which units and accounts know of a feature wherever it lies. It is no property: it is in no
    /// answer, and nothing that is asked can name it.
    #[must_use]
    pub fn known_to(&self) -> Option<usize> {
        self.is_known_to.then_some(self.names.len())
    }

    /// The names, in storage order.
    #[must_use]
    pub fn names(&self) -> &[Arc<str>] {
        &self.names
    }

    /// The kinds, in storage order.
    #[must_use]
    pub fn kinds(&self) -> &[PropertyKind] {
        &self.kinds
    }

    /// Where a property is stored.
    #[must_use]
    pub fn position(&self, name: &str) -> Option<usize> {
        self.names.iter().position(|n| n.as_ref() == name)
    }
}

/// A feature of one layer; its values follow the layer's [`Schema`].
#[derive(Debug, Clone, PartialEq)]
pub struct Feature {
    /// Permanent id.
    pub id: FeatureId,
    /// Row version, for optimistic locks and entity tags.
    pub version: i32,
    /// Degrees, EPSG:4490; none for a household not yet placed, and for people.
    pub geometry: Option<Geometry>,
    /// One value a property of the schema, and whom it is known to.
    pub values: Box<[Value]>,
}

impl Feature {
    /// A property by name.
    #[must_use]
    pub fn get<'a>(&'a self, schema: &Schema, name: &str) -> Option<&'a Value> {
        schema.position(name).and_then(|at| self.values.get(at))
    }

    /// The units and accounts that know of it wherever it lies.
    #[must_use]
    pub fn known_to(&self, schema: &Schema) -> &[FeatureId] {
        schema.known_to().and_then(|at| self.values.get(at)).map_or(&[], Value::as_ids)
    }
}
