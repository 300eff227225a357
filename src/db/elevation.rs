//! The county's elevation grid.

use sqlx::PgConnection;

use super::DbError;

/// A stored elevation grid.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct StoredElevation {
    /// Outer edge of the first cell, degrees of EPSG:4490.
    pub west: f64,
    /// Outer edge of the first cell, degrees of EPSG:4490.
    pub north: f64,
    /// Width of a cell, degrees.
    pub cell_degrees_x: f64,
    /// Height of a cell, degrees.
    pub cell_degrees_y: f64,
    /// Cells in a row.
    pub columns: i32,
    /// Rows from the north, little-endian int16 metres above sea level.
    pub heights: Vec<u8>,
}

/// What changes whenever the grid is stored anew; `None` when there is none.
///
/// # Errors
/// When the database cannot be reached.
pub async fn edition(request: &mut PgConnection) -> Result<Option<String>, DbError> {
    Ok(sqlx::query_scalar("SELECT xmin::text FROM elevation").fetch_optional(request).await?)
}

/// The grid with its edition.
///
/// # Errors
/// When the database cannot be reached.
pub async fn load(request: &mut PgConnection) -> Result<Option<(String, StoredElevation)>, DbError> {
    #[derive(sqlx::FromRow)]
    struct Row {
        edition: String,
        #[sqlx(flatten)]
        stored: StoredElevation,
    }
    let row: Option<Row> = sqlx::query_as(
        "SELECT xmin::text AS edition, west, north, cell_degrees_x, cell_degrees_y, columns, heights FROM elevation",
    )
    .fetch_optional(request)
    .await?;
    Ok(row.map(|r| (r.edition, r.stored)))
}
