//! Layers read whole or by id from their `layer_…` views.
//!
//! A view gives `id, county_id, version, geom`, then properties under their public names; whatever those
//! are, they are read by their type, so that a new property needs no code here. A last column `known_to`
//! (`bigint[]`) is no property but says who knows of a feature.

use std::collections::HashSet;
use std::sync::Arc;

use futures::TryStreamExt;
use sqlx::postgres::{PgConnection, PgRow};
use sqlx::{AssertSqlSafe, Row, ValueRef};

use super::DbError;
use super::binary::{self, Fields};
use crate::domain::{Feature, FeatureId, Layer, PropertyKind, Schema, Value};
use crate::geo::ewkb;

/// Texts of one column beyond this many different ones are not shared: they are names, not kinds.
const SHARED_TEXTS: usize = 4096;
/// The column of [`Schema::known_to`].
const KNOWN_TO: &str = "known_to";

/// A layer's view as the database describes it today.
#[derive(Debug)]
pub struct LayerReader {
    layer: Layer,
    schema: Schema,
    kinds: Vec<PropertyKind>,
    select: String,
    shared: Vec<HashSet<Arc<str>>>,
}

impl LayerReader {
    /// Asks for the view's columns.
    ///
    /// # Errors
    /// When the view is missing, or has a column of a type no property can have.
    pub async fn open(connection: &mut PgConnection, layer: Layer) -> Result<Self, DbError> {
        let mut columns: Vec<(String, String)> = sqlx::query_as(
            "SELECT attname::text, format_type(atttypid, NULL) FROM pg_attribute
             WHERE attrelid = $1::regclass AND attnum > 4 AND NOT attisdropped ORDER BY attnum",
        )
        .bind(format!("layer_{}", layer.name()))
        .fetch_all(connection)
        .await?;
        let is_known_to = columns.pop_if(|(name, _)| name == KNOWN_TO).is_some();
        let mut selected = vec!["id".to_owned(), "version".to_owned(), "ST_AsEWKB(geom) AS geom".to_owned()];
        let mut kinds = Vec::with_capacity(columns.len());
        for (name, type_name) in &columns {
            let (kind, expression) = match type_name.as_str() {
                "bigint" | "integer" | "smallint" => (PropertyKind::Int, format!("\"{name}\"::int8")),
                "double precision" | "real" => (PropertyKind::Float, format!("\"{name}\"::float8")),
                "boolean" => (PropertyKind::Bool, format!("\"{name}\"")),
                "text[]" => (PropertyKind::TextList, format!("\"{name}\"")),
                "text" | "character varying" | "uuid" => (PropertyKind::Text, format!("\"{name}\"::text")),
                "date" => (PropertyKind::Day, format!("\"{name}\"::text")),
                // RFC 3339, as everything that shows it wants it.
                "timestamp with time zone" => (
                    PropertyKind::Instant,
                    format!("to_char(\"{name}\" AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"')"),
                ),
                other => return Err(DbError::Stored(format!("layer_{layer}.{name} is of type {other}"))),
            };
            kinds.push(kind);
            selected.push(expression);
        }
        let mut schema = Schema::new(columns.iter().map(|(name, _)| name.as_str()).zip(kinds.iter().copied()));
        if is_known_to {
            selected.push(KNOWN_TO.to_owned());
            schema = schema.with_known_to();
        }
        Ok(Self {
            layer,
            schema,
            shared: kinds.iter().map(|_| HashSet::new()).collect(),
            kinds,
            select: format!("SELECT {} FROM layer_{}", selected.join(", "), layer.name()),
        })
    }

    /// The names of its properties.
    #[must_use]
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// All its features.
    ///
    /// # Errors
    /// When the view cannot be read.
    pub async fn all(&mut self, connection: &mut PgConnection) -> Result<Vec<Feature>, DbError> {
        let copy = format!("COPY ({}) TO STDOUT (FORMAT binary)", self.select);
        let columns = self.kinds.len() + 3 + usize::from(self.schema.known_to().is_some());
        let mut messages = connection.copy_out_raw(copy.as_str()).await?;
        let mut features = Vec::new();
        while let Some(message) = messages.try_next().await? {
            let mut fields = Fields::of_message(&message);
            while fields.begin_row(columns)? {
                features.push(self.feature(|_| fields.value())?);
            }
        }
        Ok(features)
    }

    /// Those of some ids that exist, in no order.
    ///
    /// # Errors
    /// When the view cannot be read.
    pub async fn some(&mut self, connection: &mut PgConnection, ids: &[FeatureId]) -> Result<Vec<Feature>, DbError> {
        let sql = format!("{} WHERE id = ANY($1)", self.select);
        let rows = sqlx::query(AssertSqlSafe(sql)).bind(ids).fetch_all(connection).await?;
        rows.iter().map(|row| self.feature(|at| raw(row, at))).collect()
    }

    /// A feature of the values of its columns, which are asked for in order.
    fn feature<'r>(
        &mut self,
        mut column: impl FnMut(usize) -> Result<Option<&'r [u8]>, DbError>,
    ) -> Result<Feature, DbError> {
        let missing = || DbError::Stored(format!("layer_{} has a feature without id or version", self.layer));
        let id = binary::int8(column(0)?.ok_or_else(missing)?)?;
        let version = binary::int4(column(1)?.ok_or_else(missing)?)?;
        let geometry = column(2)?.map(ewkb::decode).transpose()?;
        let mut values = (0..self.kinds.len())
            .map(|at| column(at + 3)?.map_or(Ok(Value::Null), |bytes| self.value(at, bytes)))
            .collect::<Result<Vec<_>, _>>()?;
        if let Some(at) = self.schema.known_to() {
            values.push(Value::Ids(column(at + 3)?.map(binary::int8_list).transpose()?.unwrap_or_default().into()));
        }
        Ok(Feature { id, version, geometry, values: values.into() })
    }

    fn value(&mut self, at: usize, bytes: &[u8]) -> Result<Value, DbError> {
        Ok(match self.kinds[at] {
            PropertyKind::Int => Value::Int(binary::int8(bytes)?),
            PropertyKind::Float => Value::Float(binary::float8(bytes)?),
            PropertyKind::Bool => Value::Bool(binary::boolean(bytes)?),
            PropertyKind::Text | PropertyKind::Day | PropertyKind::Instant => {
                Value::Text(self.share(at, binary::text(bytes)?))
            }
            PropertyKind::TextList => {
                let list = binary::text_list(bytes)?;
                Value::TextList(list.into_iter().map(|text| self.share(at, text)).collect())
            }
        })
    }

    /// The one copy of a text that many features of the column have.
    fn share(&mut self, at: usize, text: &str) -> Arc<str> {
        let known = &mut self.shared[at];
        if let Some(text) = known.get(text) {
            return text.clone();
        }
        let text: Arc<str> = text.into();
        if known.len() < SHARED_TEXTS {
            known.insert(text.clone());
        }
        text
    }

    /// The layer it reads.
    #[must_use]
    pub fn layer(&self) -> Layer {
        self.layer
    }
}

/// A column's bytes as the server sent them; rows of statements with parameters come in binary form.
fn raw(row: &PgRow, at: usize) -> Result<Option<&[u8]>, DbError> {
    let value = row.try_get_raw(at)?;
    Ok(if value.is_null() { None } else { Some(value.as_bytes().map_err(sqlx::Error::Decode)?) })
}
