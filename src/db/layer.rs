//! Layers read whole or by id from their `layer_…` views.
//!
//! A view gives `id, county_id, version, geom`, then properties under their public names; whatever those
//! are, they are read by their type, so that a new property needs no code here.

use std::collections::HashSet;
use std::sync::Arc;

use futures::TryStreamExt;
use sqlx::postgres::{PgConnection, PgRow};
use sqlx::{AssertSqlSafe, Row};

use super::DbError;
use crate::domain::{Feature, FeatureId, Layer, PropertyKind, Schema, Value};
use crate::geo::ewkb;

/// Texts of one column beyond this many different ones are not shared: they are names, not kinds.
const SHARED_TEXTS: usize = 4096;

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
        let columns: Vec<(String, String)> = sqlx::query_as(
            "SELECT attname::text, format_type(atttypid, NULL) FROM pg_attribute
             WHERE attrelid = $1::regclass AND attnum > 4 AND NOT attisdropped ORDER BY attnum",
        )
        .bind(format!("layer_{}", layer.name()))
        .fetch_all(connection)
        .await?;
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
        Ok(Self {
            layer,
            schema: Schema::new(columns.iter().map(|(name, _)| name.as_str()).zip(kinds.iter().copied())),
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
        let sql = self.select.clone();
        let mut rows = sqlx::query(AssertSqlSafe(sql)).persistent(false).fetch(connection);
        let mut features = Vec::new();
        while let Some(row) = rows.try_next().await? {
            features.push(self.feature(&row)?);
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
        rows.iter().map(|row| self.feature(row)).collect()
    }

    fn feature(&mut self, row: &PgRow) -> Result<Feature, DbError> {
        let geometry = row.try_get::<Option<&[u8]>, _>(2)?.map(ewkb::decode).transpose()?;
        let values = (0..self.kinds.len()).map(|at| self.value(row, at)).collect::<Result<_, _>>()?;
        Ok(Feature { id: row.try_get(0)?, version: row.try_get(1)?, geometry, values })
    }

    fn value(&mut self, row: &PgRow, at: usize) -> Result<Value, DbError> {
        let column = at + 3;
        let value = match self.kinds[at] {
            PropertyKind::Int => row.try_get::<Option<i64>, _>(column)?.map(Value::Int),
            PropertyKind::Float => row.try_get::<Option<f64>, _>(column)?.map(Value::Float),
            PropertyKind::Bool => row.try_get::<Option<bool>, _>(column)?.map(Value::Bool),
            PropertyKind::Text | PropertyKind::Day | PropertyKind::Instant => {
                row.try_get::<Option<&str>, _>(column)?.map(|text| Value::Text(self.share(at, text)))
            }
            PropertyKind::TextList => row
                .try_get::<Option<Vec<String>>, _>(column)?
                .map(|list| Value::TextList(list.iter().map(|text| self.share(at, text)).collect())),
        };
        Ok(value.unwrap_or(Value::Null))
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
