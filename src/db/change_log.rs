//! The change log's readers: what committed since a snapshot, and those features' present state.
//!
//! A reader asks for the rows its last snapshot did not see, never for rows after a number: transactions
//! commit in another order than they were numbered in. It then re-reads the features, so that the order of
//! the rows does not matter, and moves on to the snapshot it read in.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgConnection, PgPool};
use sqlx::{Connection, Postgres, Row, Transaction};
use uuid::Uuid;

use super::DbError;
use super::layer::LayerReader;
use crate::domain::{Feature, FeatureId, Layer, Schema, Snapshot};

/// More changed features of a layer than these are read with the whole layer.
const READ_WHOLE_ABOVE: usize = 20_000;

/// Where a reader stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Which life of the database.
    pub epoch: Uuid,
    /// What was visible.
    pub snapshot: Snapshot,
    /// The calendar days of the counties: what is in force changes with them, without a row in the log.
    pub days: String,
    /// The last migration: layers have the properties it left them.
    pub schema: i64,
}

/// What is to be done with one layer.
#[derive(Debug)]
pub enum LayerUpdate {
    /// Everything, in place of what was there.
    Whole(Schema, Vec<Feature>),
    /// Some features' present state; `None` is gone.
    Some(Vec<(FeatureId, Option<Feature>)>),
}

/// One consistent step forward.
#[derive(Debug)]
pub struct Step {
    /// Where the reader stands afterwards.
    pub standing: Standing,
    /// What changed.
    pub updates: Vec<(Layer, LayerUpdate)>,
    /// Whether something that decides who answers may have changed.
    pub organisation: bool,
}

/// A connection that reads the log again and again.
#[derive(Debug)]
pub struct Reader {
    connection: PgConnection,
    /// Those opened since everything was read, in the schema of then.
    layers: BTreeMap<Layer, LayerReader>,
}

impl Reader {
    /// Opens a connection of the system login, driven by the runtime that asks for it.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn connect(system: &PgPool) -> Result<Self, DbError> {
        let options = PgConnectOptions::clone(&system.connect_options()).application_name("yitu follow");
        let connection = PgConnection::connect_with(&options).await?;
        Ok(Self { connection, layers: BTreeMap::new() })
    }

    /// All layers in one snapshot.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn everything(&mut self) -> Result<Step, DbError> {
        let mut transaction = begin(&mut self.connection).await?;
        let all_seen = Snapshot { xmax: u64::MAX, ..Snapshot::default() };
        let Seen { standing, .. } = look(&mut transaction, &all_seen).await?;
        let updates = read_all(&mut transaction, &mut self.layers).await?;
        transaction.commit().await?;
        Ok(Step { standing, updates, organisation: true })
    }

    /// What committed since; `None` when nothing did. Begins anew where the log no longer tells.
    ///
    /// # Errors
    /// When the database cannot be read. The reader's standing is then unchanged; drop the reader.
    pub async fn since(&mut self, last: &Standing) -> Result<Option<Step>, DbError> {
        let mut transaction = begin(&mut self.connection).await?;
        let Seen { standing, trimmed_to, changed } = look(&mut transaction, &last.snapshot).await?;
        if standing == *last {
            transaction.commit().await?;
            return Ok(None);
        }
        let told = standing.is_in_the_world_of(last) && is_told(&last.snapshot, &standing.snapshot, trimmed_to);
        let (updates, organisation) = if told {
            read_changed(&mut transaction, &mut self.layers, changed).await?
        } else {
            (read_all(&mut transaction, &mut self.layers).await?, true)
        };
        transaction.commit().await?;
        Ok(Some(Step { standing, updates, organisation }))
    }
}

impl Standing {
    /// Whether all that can differ from an earlier standing is in the log.
    fn is_in_the_world_of(&self, last: &Self) -> bool {
        self.epoch == last.epoch && self.days == last.days && self.schema == last.schema
    }
}

async fn begin(connection: &mut PgConnection) -> Result<Transaction<'_, Postgres>, DbError> {
    Ok(connection.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?)
}

/// What one look at the log shows.
struct Seen {
    /// Where a reader of this transaction stands.
    standing: Standing,
    /// The transaction id below which rows may have been trimmed.
    trimmed_to: u64,
    /// The layers' names and the features to be read again.
    changed: Vec<(String, FeatureId)>,
}

/// One question, because each costs a journey to the database and back.
async fn look(transaction: &mut PgConnection, last: &Snapshot) -> Result<Seen, DbError> {
    let running: Vec<String> = last.running.iter().map(u64::to_string).collect();
    let row = sqlx::query(include_str!("sql/changed_since.sql"))
        .bind(last.xmax.to_string())
        .bind(running)
        .fetch_one(transaction)
        .await?;
    let snapshot = row.try_get::<&str, _>("snapshot")?.parse().map_err(|e| DbError::Stored(format!("{e}")))?;
    let trimmed_to: &str = row.try_get("trimmed_to")?;
    let trimmed_to = trimmed_to.parse().map_err(|_| DbError::Stored(format!("trimmed_to {trimmed_to}")))?;
    let (layers, ids): (Vec<String>, Vec<FeatureId>) = (row.try_get("layers")?, row.try_get("ids")?);
    Ok(Seen {
        standing: Standing {
            epoch: row.try_get("epoch")?,
            snapshot,
            days: row.try_get("days")?,
            schema: row.try_get("schema")?,
        },
        trimmed_to,
        changed: layers.into_iter().zip(ids).collect(),
    })
}

/// Whether the log still holds every row a reader at `last` has not seen. Rows below `trimmed_to` may be
/// gone: those of transactions that were to come, or were running then and have ended since.
fn is_told(last: &Snapshot, now: &Snapshot, trimmed_to: u64) -> bool {
    last.xmax >= trimmed_to && !last.running.iter().any(|&xid| xid < trimmed_to && now.sees(xid))
}

type LayerReaders = BTreeMap<Layer, LayerReader>;
type LayerUpdates = Vec<(Layer, LayerUpdate)>;

async fn read_all(transaction: &mut PgConnection, readers: &mut LayerReaders) -> Result<LayerUpdates, DbError> {
    // The schema may be another, and texts once shared may be gone.
    readers.clear();
    let mut updates = Vec::with_capacity(Layer::ALL.len());
    for &layer in Layer::ALL {
        let reader = opened(transaction, readers, layer).await?;
        let features = reader.all(transaction).await?;
        updates.push((layer, LayerUpdate::Whole(reader.schema().clone(), features)));
    }
    Ok(updates)
}

/// What the log calls the things that decide who answers for what: units, people, grids, rules, working days.
const ORGANISATION: [&str; 9] =
    ["party_org", "handling_unit", "responder", "grid", "region", "cluster", "category", "dispatch_rule", "calendar"];

/// The changed features' present state, and whether anything that decides who answers is among the changes.
async fn read_changed(
    transaction: &mut PgConnection,
    readers: &mut LayerReaders,
    changed: Vec<(String, FeatureId)>,
) -> Result<(LayerUpdates, bool), DbError> {
    let mut ids_of: BTreeMap<Layer, Vec<FeatureId>> = BTreeMap::new();
    let mut organisation = false;
    for (layer, id) in changed {
        // The log also tells of what is on no map, such as handling units.
        organisation |= ORGANISATION.contains(&layer.as_str());
        if let Ok(layer) = layer.parse() {
            ids_of.entry(layer).or_default().push(id);
        }
    }
    let mut updates = Vec::with_capacity(ids_of.len());
    for (layer, ids) in ids_of {
        let reader = opened(transaction, readers, layer).await?;
        let update = if ids.len() > READ_WHOLE_ABOVE {
            let features = reader.all(transaction).await?;
            LayerUpdate::Whole(reader.schema().clone(), features)
        } else {
            let mut present: BTreeMap<FeatureId, Feature> =
                reader.some(transaction, &ids).await?.into_iter().map(|f| (f.id, f)).collect();
            LayerUpdate::Some(ids.into_iter().map(|id| (id, present.remove(&id))).collect())
        };
        updates.push((layer, update));
    }
    Ok((updates, organisation))
}

async fn opened<'r>(
    transaction: &mut PgConnection,
    readers: &'r mut LayerReaders,
    layer: Layer,
) -> Result<&'r mut LayerReader, DbError> {
    Ok(match readers.entry(layer) {
        Entry::Occupied(known) => known.into_mut(),
        Entry::Vacant(new) => new.insert(LayerReader::open(transaction, layer).await?),
    })
}

/// Drops rows older than `keep` and notes how far the log no longer tells. Answers how many.
///
/// # Errors
/// When the database cannot be reached.
pub async fn trim(system: &PgPool, keep: Duration) -> Result<u64, DbError> {
    let trimmed: i64 = sqlx::query_scalar(
        "WITH gone AS (
           DELETE FROM change_log WHERE changed_at < now() - make_interval(secs => $1) RETURNING xid
         ), top AS (
           SELECT count(*) AS rows, (max(xid::text::numeric) + 1)::text::xid8 AS above FROM gone
         ), moved AS (
           UPDATE change_log_floor SET trimmed_to = greatest(trimmed_to, top.above) FROM top WHERE top.rows > 0
         )
         SELECT rows FROM top",
    )
    .bind(keep.as_secs_f64())
    .fetch_one(system)
    .await?;
    Ok(trimmed.unsigned_abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_is_told_all_unless_unseen_rows_may_be_gone() {
        let last = Snapshot { xmin: 10, xmax: 20, running: vec![10] };
        let still_running = Snapshot { xmin: 10, xmax: 40, running: vec![10] };
        let ended = Snapshot { xmin: 40, xmax: 40, running: vec![] };
        assert!(is_told(&last, &ended, 10), "nothing unseen was trimmed");
        assert!(is_told(&last, &still_running, 20), "what runs on has no rows to trim");
        assert!(!is_told(&last, &ended, 11), "rows of 10 may have been trimmed after it ended");
        assert!(!is_told(&last, &still_running, 21), "20 came after");
    }
}
