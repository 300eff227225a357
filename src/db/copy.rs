//! Binary COPY: rows packed by column type and streamed into a table.
//!
//! The format is that of `PostgreSQL`'s documentation of COPY, "Binary Format"; each type is in the form its
//! `…recv` function reads. Enum columns take their labels as text.

use chrono::{DateTime, NaiveDate, Utc};
use sqlx::postgres::PgCopyIn;
use sqlx::{AssertSqlSafe, Executor, PgConnection, PgPool, Postgres, Transaction};
use uuid::Uuid;

use super::binary::HEADER;

/// The driver's error, for callers that may not name the driver.
pub use sqlx::Error;

/// Bytes gathered before they are sent.
const CHUNK: usize = 1 << 20;
/// SRID of everything stored: CGCS2000.
const SRID: u32 = 4490;

const OID_INT8: u32 = 20;
const OID_TEXT: u32 = 25;

/// Rows packed for binary COPY. Begin each with [`Rows::row`], then write its columns in order.
#[derive(Debug)]
pub struct Rows {
    bytes: Vec<u8>,
    columns: i16,
}

/// A coordinate pair: longitude and latitude in degrees.
pub type Position = (f64, f64);

impl Rows {
    /// A stream of rows of so many columns.
    #[must_use]
    pub fn new(columns: usize) -> Self {
        let mut bytes = Vec::with_capacity(CHUNK + CHUNK / 4);
        bytes.extend_from_slice(HEADER);
        Self { bytes, columns: columns as i16 }
    }

    /// Begins a row.
    pub fn row(&mut self) -> &mut Self {
        self.bytes.extend_from_slice(&self.columns.to_be_bytes());
        self
    }

    /// Writes a value whose length is known only once it is written.
    fn value(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> &mut Self {
        let at = self.bytes.len();
        self.bytes.extend_from_slice(&[0; 4]);
        write(&mut self.bytes);
        let length = (self.bytes.len() - at - 4) as i32;
        self.bytes[at..at + 4].copy_from_slice(&length.to_be_bytes());
        self
    }

    /// NULL.
    pub fn null(&mut self) -> &mut Self {
        self.bytes.extend_from_slice(&(-1_i32).to_be_bytes());
        self
    }

    /// The value by a writer, or NULL.
    pub fn optional<T>(&mut self, value: Option<T>, write: impl FnOnce(&mut Self, T)) -> &mut Self {
        match value {
            Some(v) => write(self, v),
            None => {
                self.null();
            }
        }
        self
    }

    /// `bigint`.
    pub fn int8(&mut self, v: i64) -> &mut Self {
        self.value(|b| b.extend_from_slice(&v.to_be_bytes()))
    }

    /// `integer`.
    pub fn int4(&mut self, v: i32) -> &mut Self {
        self.value(|b| b.extend_from_slice(&v.to_be_bytes()))
    }

    /// `smallint`.
    pub fn int2(&mut self, v: i16) -> &mut Self {
        self.value(|b| b.extend_from_slice(&v.to_be_bytes()))
    }

    /// `double precision`.
    pub fn float8(&mut self, v: f64) -> &mut Self {
        self.value(|b| b.extend_from_slice(&v.to_be_bytes()))
    }

    /// `real`.
    pub fn float4(&mut self, v: f32) -> &mut Self {
        self.value(|b| b.extend_from_slice(&v.to_be_bytes()))
    }

    /// `boolean`.
    pub fn bool(&mut self, v: bool) -> &mut Self {
        self.value(|b| b.push(u8::from(v)))
    }

    /// `text` and enums.
    pub fn text(&mut self, v: &str) -> &mut Self {
        self.value(|b| b.extend_from_slice(v.as_bytes()))
    }

    /// `bytea`.
    pub fn bytea(&mut self, v: &[u8]) -> &mut Self {
        self.value(|b| b.extend_from_slice(v))
    }

    /// `uuid`.
    pub fn uuid(&mut self, v: Uuid) -> &mut Self {
        self.value(|b| b.extend_from_slice(v.as_bytes()))
    }

    /// `jsonb`, from its text.
    pub fn jsonb(&mut self, v: &str) -> &mut Self {
        self.value(|b| {
            b.push(1);
            b.extend_from_slice(v.as_bytes());
        })
    }

    /// `date`.
    pub fn date(&mut self, v: NaiveDate) -> &mut Self {
        self.int4(days(v))
    }

    /// `timestamptz`, to the microsecond.
    pub fn timestamptz(&mut self, v: DateTime<Utc>) -> &mut Self {
        self.int8(micros(v))
    }

    /// `daterange`, the first day included, the last excluded; `None` is unbounded.
    pub fn daterange(&mut self, from: Option<NaiveDate>, to: Option<NaiveDate>) -> &mut Self {
        let bound = |d: Option<NaiveDate>| d.map(|d| days(d).to_be_bytes());
        self.range(bound(from), bound(to))
    }

    /// `tstzrange`, the start included, the end excluded; `None` is unbounded.
    pub fn tstzrange(&mut self, from: Option<DateTime<Utc>>, to: Option<DateTime<Utc>>) -> &mut Self {
        let bound = |t: Option<DateTime<Utc>>| t.map(|t| micros(t).to_be_bytes());
        self.range(bound(from), bound(to))
    }

    fn range<const N: usize>(&mut self, from: Option<[u8; N]>, to: Option<[u8; N]>) -> &mut Self {
        // Flags of rangetypes.h: lower inclusive 2, lower infinite 8, upper infinite 16.
        let flags = if from.is_some() { 2 } else { 8 } | if to.is_some() { 0 } else { 16 };
        self.value(|b| {
            b.push(flags);
            for bound in [from, to].into_iter().flatten() {
                b.extend_from_slice(&(N as i32).to_be_bytes());
                b.extend_from_slice(&bound);
            }
        })
    }

    /// `text[]`.
    pub fn text_array<S: AsRef<str>>(&mut self, items: &[S]) -> &mut Self {
        self.array(OID_TEXT, items.len(), |b, k| b.extend_from_slice(items[k].as_ref().as_bytes()))
    }

    /// `bigint[]`.
    pub fn int8_array(&mut self, items: &[i64]) -> &mut Self {
        self.array(OID_INT8, items.len(), |b, k| b.extend_from_slice(&items[k].to_be_bytes()))
    }

    fn array(&mut self, oid: u32, count: usize, write: impl Fn(&mut Vec<u8>, usize)) -> &mut Self {
        self.value(|b| {
            b.extend_from_slice(&i32::from(count > 0).to_be_bytes());
            b.extend_from_slice(&0_i32.to_be_bytes());
            b.extend_from_slice(&oid.to_be_bytes());
            if count == 0 {
                return;
            }
            b.extend_from_slice(&(count as i32).to_be_bytes());
            b.extend_from_slice(&1_i32.to_be_bytes());
            for k in 0..count {
                let at = b.len();
                b.extend_from_slice(&[0; 4]);
                write(b, k);
                let length = (b.len() - at - 4) as i32;
                b[at..at + 4].copy_from_slice(&length.to_be_bytes());
            }
        })
    }

    /// A point in EPSG:4490.
    pub fn point(&mut self, p: Position) -> &mut Self {
        self.value(|b| {
            shape(b, 1, true);
            position(b, p);
        })
    }

    /// A line string in EPSG:4490.
    pub fn line(&mut self, line: impl ExactSizeIterator<Item = Position>) -> &mut Self {
        self.value(|b| {
            shape(b, 2, true);
            positions(b, line);
        })
    }

    /// A polygon in EPSG:4490 from its closed rings, the outer first.
    pub fn polygon<R: ExactSizeIterator<Item = Position>>(
        &mut self,
        rings: impl ExactSizeIterator<Item = R>,
    ) -> &mut Self {
        self.value(|b| {
            shape(b, 3, true);
            all_rings(b, rings);
        })
    }

    /// A multipolygon in EPSG:4490 from the closed rings of each polygon.
    pub fn multi_polygon<R, P>(&mut self, polygons: impl ExactSizeIterator<Item = P>) -> &mut Self
    where
        R: ExactSizeIterator<Item = Position>,
        P: ExactSizeIterator<Item = R>,
    {
        self.value(|b| {
            shape(b, 6, true);
            b.extend_from_slice(&(polygons.len() as u32).to_le_bytes());
            for rings in polygons {
                shape(b, 3, false);
                all_rings(b, rings);
            }
        })
    }

    /// A geometry in EPSG:4490 already in EWKB.
    pub fn ewkb(&mut self, v: &[u8]) -> &mut Self {
        self.bytea(v)
    }

    /// Takes what is packed so far.
    fn take(&mut self) -> Vec<u8> {
        std::mem::replace(&mut self.bytes, Vec::with_capacity(CHUNK + CHUNK / 4))
    }
}

/// Little-endian EWKB header; the SRID only on the outermost geometry.
fn shape(b: &mut Vec<u8>, kind: u32, outer: bool) {
    b.push(1);
    b.extend_from_slice(&(kind | if outer { 0x2000_0000 } else { 0 }).to_le_bytes());
    if outer {
        b.extend_from_slice(&SRID.to_le_bytes());
    }
}

fn position(b: &mut Vec<u8>, p: Position) {
    b.extend_from_slice(&p.0.to_le_bytes());
    b.extend_from_slice(&p.1.to_le_bytes());
}

fn positions(b: &mut Vec<u8>, line: impl ExactSizeIterator<Item = Position>) {
    b.extend_from_slice(&(line.len() as u32).to_le_bytes());
    for p in line {
        position(b, p);
    }
}

fn all_rings<R: ExactSizeIterator<Item = Position>>(b: &mut Vec<u8>, rings: impl ExactSizeIterator<Item = R>) {
    b.extend_from_slice(&(rings.len() as u32).to_le_bytes());
    for ring in rings {
        positions(b, ring);
    }
}

/// Days since 2000-01-01, the zero of `PostgreSQL`.
fn days(v: NaiveDate) -> i32 {
    v.signed_duration_since(NaiveDate::from_ymd_opt(2000, 1, 1).unwrap_or_default()).num_days() as i32
}

/// Microseconds since 2000-01-01 00:00 UTC.
fn micros(v: DateTime<Utc>) -> i64 {
    v.timestamp_micros() - 946_684_800_000_000
}

/// A COPY under way.
pub struct CopyIn<'c> {
    sink: PgCopyIn<&'c mut PgConnection>,
    rows: Rows,
}

impl<'c> CopyIn<'c> {
    /// Starts a COPY into the named columns of a table. Both are names of our own schema, never input.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn begin(
        connection: &'c mut PgConnection,
        table: &'static str,
        columns: &[&'static str],
    ) -> Result<Self, Error> {
        let statement = format!("COPY {table} ({}) FROM STDIN (FORMAT binary)", columns.join(", "));
        let sink = connection.copy_in_raw(&statement).await?;
        Ok(Self { sink, rows: Rows::new(columns.len()) })
    }

    /// Where to write rows.
    pub fn rows(&mut self) -> &mut Rows {
        &mut self.rows
    }

    /// Sends what has gathered, once it is enough. Call it between rows.
    ///
    /// # Errors
    /// When the connection is lost.
    pub async fn flush_full(&mut self) -> Result<(), Error> {
        if self.rows.bytes.len() >= CHUNK {
            let chunk = self.rows.take();
            self.sink.send(chunk).await?;
        }
        Ok(())
    }

    /// Ends the stream and answers the number of rows.
    ///
    /// # Errors
    /// When a row is refused.
    pub async fn finish(mut self) -> Result<u64, Error> {
        let mut last = self.rows.take();
        last.extend_from_slice(&(-1_i16).to_be_bytes());
        self.sink.send(last).await?;
        self.sink.finish().await
    }
}

/// One transaction of bulk loads by the schema's owner. Dropped without [`BulkLoad::commit`] it leaves
/// nothing behind.
pub struct BulkLoad(Transaction<'static, Postgres>);

impl BulkLoad {
    /// Begins one.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn begin(owner: &PgPool) -> Result<Self, Error> {
        Ok(Self(owner.begin().await?))
    }

    /// Starts a COPY.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn copy(&mut self, table: &'static str, columns: &[&'static str]) -> Result<CopyIn<'_>, Error> {
        CopyIn::begin(&mut self.0, table, columns).await
    }

    /// Takes statistics of tables just loaded; call it before loading rows that refer to them.
    ///
    /// A foreign key looks up each row by a plan made from the statistics of the table it refers to. A table
    /// that was analysed while empty (after a load that was rolled back, say) has statistics that call
    /// every index equally good, and the plan may walk all rows of the county for each row.
    ///
    /// # Errors
    /// When there is no such table.
    pub async fn analyze(&mut self, tables: &[&'static str]) -> Result<(), Error> {
        self.0.execute(AssertSqlSafe(format!("ANALYZE {}", tables.join(", ")))).await?;
        Ok(())
    }

    /// Moves a sequence on, so that ids given out by the load are not given out again.
    ///
    /// # Errors
    /// When there is no such sequence.
    pub async fn advance_sequence(&mut self, sequence: &'static str, last: i64) -> Result<(), Error> {
        sqlx::query("SELECT setval($1::regclass, $2)").bind(sequence).bind(last.max(1)).execute(&mut *self.0).await?;
        Ok(())
    }

    /// Commits; deferred rules are checked here.
    ///
    /// # Errors
    /// When one refuses.
    pub async fn commit(self) -> Result<(), Error> {
        self.0.commit().await
    }
}

/// Names of the counties in the database.
///
/// # Errors
/// When the database cannot be asked.
pub async fn counties(owner: &PgPool) -> Result<Vec<String>, Error> {
    sqlx::query_scalar("SELECT name FROM region WHERE level = 'county' ORDER BY id").fetch_all(owner).await
}

/// Empties the database for good: its schema goes and is built anew, with a new log epoch, so that
/// every server drops what it knows. Incidents and ledgers cannot be deleted row by row, by design.
///
/// # Errors
/// When the schema cannot be dropped or built.
pub async fn start_afresh(owner: &PgPool) -> Result<(), Error> {
    owner.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public").await?;
    super::migrate(owner).await.map_err(|e| Error::Protocol(e.to_string()))
}

/// Refreshes the planner's statistics after a load.
///
/// # Errors
/// When the database cannot be reached.
pub async fn analyze(owner: &PgPool) -> Result<(), Error> {
    owner.execute("ANALYZE").await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_packed_as_the_format_says() {
        let mut rows = Rows::new(3);
        rows.row().int4(7).null().text_array(&["a"]);
        let expected: &[u8] = &[
            0, 3, // columns
            0, 0, 0, 4, 0, 0, 0, 7, // 7
            255, 255, 255, 255, // NULL
            0, 0, 0, 25, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 25, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, b'a',
        ];
        assert_eq!(&rows.take()[HEADER.len()..], expected);
    }

    #[test]
    fn days_and_instants_count_from_2000() {
        assert_eq!(days(NaiveDate::from_ymd_opt(2000, 1, 2).unwrap_or_default()), 1);
        assert_eq!(micros(DateTime::from_timestamp(946_684_801, 0).unwrap_or_default()), 1_000_000);
    }
}
