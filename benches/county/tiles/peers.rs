//! The same features and attributes by others: `ST_AsMVT` asked in process, and Martin over HTTP.
//!
//! They read plain tables of their own: geometry in the tiles' projection, in spatial order, with an index; no views, no
//! row-level security.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use sqlx::{AssertSqlSafe, PgPool};
use yitu::geo::TileId;

use super::Kind;
use super::load::{Answered, CONNECTIONS, Load, Turns};
use crate::program::{Server, free_address};
use crate::support::TestDatabase;

/// Copies a layer into its peer table.
pub async fn fill(database: &TestDatabase, kind: &Kind) {
    let columns: Vec<String> = kind
        .attributes
        .iter()
        .map(|a| if a == "tags" { "array_to_string(tags, ',') AS tags".to_owned() } else { format!("\"{a}\"") })
        .collect();
    let (layer, columns) = (kind.layer, columns.join(", "));
    let statements = [
        format!(
            "CREATE TABLE bench_{layer} AS SELECT id, {columns}, ST_Transform(ST_SetSRID(geom, 4326), 3857) AS geom
             FROM layer_{layer} WHERE geom IS NOT NULL ORDER BY geom"
        ),
        format!("ALTER TABLE bench_{layer} ADD PRIMARY KEY (id)"),
        format!("CREATE INDEX ON bench_{layer} USING gist (geom)"),
        format!("VACUUM ANALYZE bench_{layer}"),
        // Compiling such queries takes longer than it saves.
        format!("ALTER DATABASE {} SET jit = off", database.name),
    ];
    for statement in statements {
        sqlx::raw_sql(AssertSqlSafe(statement)).execute(&database.databases.migrator).await.unwrap();
    }
}

/// `ST_AsMVT` over [`CONNECTIONS`] connections, without HTTP: the best that a server over it could do.
pub async fn postgis(database: &TestDatabase, kind: &Kind, tiles: &[TileId], least: Duration) -> Load {
    let pool = sqlx::postgres::PgPoolOptions::new().max_connections(CONNECTIONS as u32);
    let pool = pool.connect(&database.url()).await.unwrap();
    let columns = kind.attributes.join("\", \"");
    let layer = kind.layer;
    let sql: Arc<str> = format!(
        "SELECT ST_AsMVT(t, '{layer}', 4096, 'geom', 'id') FROM (
           SELECT id, \"{columns}\", ST_AsMVTGeom(geom, ST_TileEnvelope($1, $2, $3), 4096, 256, true) AS geom
           FROM bench_{layer} WHERE geom && ST_TileEnvelope($1, $2, $3, margin => 0.0625)
         ) t"
    )
    .into();
    postgis_turns(&pool, &sql, tiles, Duration::ZERO).await;
    let load = postgis_turns(&pool, &sql, tiles, least).await;
    pool.close().await;
    load
}

async fn postgis_turns(pool: &PgPool, sql: &Arc<str>, tiles: &[TileId], least: Duration) -> Load {
    let turns = Arc::new(Turns::new(tiles, least));
    let tasks: Vec<_> = (0..CONNECTIONS)
        .map(|_| {
            let (pool, sql, turns) = (pool.clone(), sql.clone(), turns.clone());
            tokio::spawn(async move {
                let mut connection = pool.acquire().await.unwrap();
                let mut answered = Vec::new();
                while let Some(tile) = turns.next() {
                    let begun = Instant::now();
                    let bytes: Vec<u8> = sqlx::query_scalar(AssertSqlSafe(sql.as_ref()))
                        .bind(i32::from(tile.z()))
                        .bind(tile.x() as i32)
                        .bind(tile.y() as i32)
                        .fetch_one(&mut *connection)
                        .await
                        .unwrap();
                    answered.push(Answered { zoom: tile.z(), time: begun.elapsed(), bytes: bytes.len() });
                }
                answered
            })
        })
        .collect();
    let mut answered = Vec::new();
    for task in tasks {
        answered.extend(task.await.unwrap());
    }
    turns.done(answered)
}

/// Martin over the peer table, if it is installed; its cache holds so many megabytes, 0 none.
pub async fn martin(database: &TestDatabase, kind: &Kind, folder: &Path, cache_mb: u64) -> Option<Server> {
    Command::new("martin").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().ok()?;
    let address = free_address();
    // Over the Unix socket, as `postgis` is.
    let url = database.url();
    let (url, socket) = url.split_once("?host=").unwrap();
    let url = url.replacen("localhost", &socket.replace('/', "%2F"), 1);
    let Kind { layer, attributes, geometry, .. } = kind;
    let properties = attributes.join(": text\n        ");
    let config = format!(
        "listen_addresses: '{address}'\ncache:\n  size_mb: 0\n  tile_size_mb: {cache_mb}\npostgres:\n  \
         connection_string: '{url}'\n  pool_size: {CONNECTIONS}\n  auto_publish: false\n  tables:\n    {layer}:\n      \
         layer_id: {layer}\n      schema: public\n      table: bench_{layer}\n      srid: 3857\n      \
         geometry_column: geom\n      geometry_type: {geometry}\n      id_column: id\n      extent: 4096\n      \
         buffer: 256\n      clip_geom: true\n      properties:\n        {properties}: text\n"
    );
    let file = folder.join("martin.yaml");
    std::fs::write(&file, config).unwrap();
    let mut command = Command::new("martin");
    command.arg("--config").arg(&file).env("RUST_LOG", "warn").stdout(Stdio::null());
    Some(Server::spawn(&mut command, address, "/health").await)
}
