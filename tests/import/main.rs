//! Import on real files through real GDAL into real PostGIS.

#![allow(clippy::unwrap_used)]

#[path = "../support/import.rs"]
mod asking;
mod broken;
mod formats;
mod grids;
mod households;
mod people;
#[path = "../support/mod.rs"]
mod support;

use std::path::{Path, PathBuf};

use asking::{phone_key, request};
use gdal::DriverManager;
use gdal::spatial_ref::{AxisMappingStrategy, SpatialRef};
use gdal::vector::{Feature, FieldDefn, Geometry, LayerAccess, LayerOptions, OGRFieldType, OGRwkbGeometryType};
use support::TestDatabase;
use yitu::db::import::{Level, NewCounty};
use yitu::service::import::{ImportError, ImportLayer, ImportRequest, Report, run};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/import").join(name)
}

fn regions(file: &Path, level: Level) -> ImportRequest {
    let county = Some(NewCounty { name: "试验县".into(), code: "350999".into() });
    ImportRequest { level: Some(level), county, ..request(ImportLayer::Region, file) }
}

async fn count(database: &TestDatabase, sql: &'static str) -> i64 {
    sqlx::query_scalar(sql).fetch_one(&database.databases.migrator).await.unwrap()
}

fn tally(report: &Report) -> (u64, u64, u64, usize) {
    (report.inserted, report.updated, report.unchanged, report.refused.len())
}

/// A township and two villages side by side, as GeoJSON: west and east of 117.01°E.
async fn two_villages(database: &TestDatabase, folder: &Path) {
    let square = |w: f64, e: f64| {
        format!(r#"{{"type":"Polygon","coordinates":[[[{w},25.0],[{e},25.0],[{e},25.02],[{w},25.02],[{w},25.0]]]}}"#)
    };
    let feature = |code: &str, name: &str, w, e| {
        format!(r#"{{"type":"Feature","properties":{{"code":"{code}","name":"{name}"}},"geometry":{}}}"#, square(w, e))
    };
    let collection = |features: String| format!(r#"{{"type":"FeatureCollection","features":[{features}]}}"#);
    let townships = folder.join("townships.geojson");
    std::fs::write(&townships, collection(feature("350999100", "溪头镇", 117.0, 117.02))).unwrap();
    assert_eq!(tally(&run(&database.databases, regions(&townships, Level::Township)).await.unwrap()), (1, 0, 0, 0));
    let villages = folder.join("villages.geojson");
    let two = format!(
        "{},{}",
        feature("350999100200", "上溪村", 117.0, 117.01),
        feature("350999100201", "下溪村", 117.01, 117.02)
    );
    std::fs::write(&villages, collection(two)).unwrap();
    assert_eq!(tally(&run(&database.databases, regions(&villages, Level::Village)).await.unwrap()), (2, 0, 0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn tokyo_becomes_the_townships_of_a_county() {
    let database = TestDatabase::new().await;
    let file = fixture("tokyo/tokyomet262.shp");
    let dry =
        run(&database.databases, ImportRequest { dry_run: true, ..regions(&file, Level::Township) }).await.unwrap();
    assert_eq!((dry.read, dry.inserted, dry.written), (262, 262, false));
    assert_eq!(count(&database, "SELECT count(*) FROM region").await, 0, "a dry run writes nothing");

    let report = run(&database.databases, regions(&file, Level::Township)).await.unwrap();
    assert_eq!(tally(&report), (262, 0, 0, 0));
    assert!(report.repaired.iter().any(|r| r.name == "Ryugasaki-shi"), "{:?}", report.repaired);
    let again = run(&database.databases, regions(&file, Level::Township)).await.unwrap();
    assert_eq!(tally(&again), (0, 0, 262, 0));
    assert_eq!(count(&database, "SELECT rows_changed FROM layer_source ORDER BY id DESC LIMIT 1").await, 0);

    // GDAL's own transform of each shape, measured by PostGIS, is the oracle.
    let dataset = gdal::Dataset::open(&file).unwrap();
    let mut layer = dataset.layer(0).unwrap();
    let mut to = SpatialRef::from_epsg(4490).unwrap();
    to.set_axis_mapping_strategy(AxisMappingStrategy::TraditionalGisOrder);
    let mut compared = 0;
    for feature in layer.features() {
        let shape = feature.geometry().unwrap();
        if !shape.is_valid() {
            continue;
        }
        let wkb = shape.transform_to(&to).unwrap().wkb().unwrap();
        let code = feature.field_as_string(0).unwrap().unwrap();
        let (stored, oracle): (f64, f64) = sqlx::query_as(
            "SELECT ST_Area(r.geom::geography), ST_Area(ST_GeomFromWKB($2, 4490)::geography)
             FROM region r JOIN code_alias a ON a.feature_id = r.id AND a.code = $1",
        )
        .bind(&code)
        .bind(wkb)
        .fetch_one(&database.databases.migrator)
        .await
        .unwrap();
        assert!((stored - oracle).abs() <= oracle * 1e-6 + 1.0, "{code}: {stored} for {oracle}");
        compared += 1;
    }
    assert!(compared > 240, "{compared}");
    let apart = "SELECT count(*) FROM region c JOIN region t ON t.parent_id = c.id WHERE NOT ST_Covers(ST_Buffer(c.geom, 1e-7), t.geom)";
    assert_eq!(count(&database, apart).await, 0, "the county is the union of its townships");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_register_of_villages_makes_its_townships() {
    let database = TestDatabase::new().await;
    let file = fixture("villages-350623.csv");
    assert_eq!(tally(&run(&database.databases, regions(&file, Level::Village)).await.unwrap()), (352, 0, 0, 0));
    assert_eq!(count(&database, "SELECT count(*) FROM region WHERE level = 'township'").await, 25);
    assert_eq!(tally(&run(&database.databases, regions(&file, Level::Village)).await.unwrap()), (0, 0, 352, 0));
}

/// A shapefile of one township whose table is in GBK, in the given system, moved by `shift` metres east.
fn shapefile(folder: &Path, epsg: u32, x: f64, keep_prj: bool) -> PathBuf {
    let path = folder.join("乡镇界.shp");
    let mut dataset = DriverManager::get_driver_by_name("ESRI Shapefile").unwrap().create_vector_only(&path).unwrap();
    let srs = SpatialRef::from_epsg(epsg).unwrap();
    let options = LayerOptions {
        name: "乡镇界",
        srs: Some(&srs),
        ty: OGRwkbGeometryType::wkbPolygon,
        options: Some(&["ENCODING=GBK"]),
    };
    let layer = dataset.create_layer(options).unwrap();
    for name in ["名称", "代码"] {
        FieldDefn::new(name, OGRFieldType::OFTString).unwrap().add_to_layer(&layer).unwrap();
    }
    let mut feature = Feature::new(layer.defn()).unwrap();
    let y = 2_765_000.0;
    let ring =
        format!("POLYGON(({x} {y},{} {y},{} {},{x} {},{x} {y}))", x + 1000.0, x + 1000.0, y + 1000.0, y + 1000.0);
    feature.set_geometry(Geometry::from_wkt(&ring).unwrap()).unwrap();
    feature.set_field_string(0, "竹坑乡").unwrap();
    feature.set_field_string(1, "350999201").unwrap();
    feature.create(&layer).unwrap();
    drop(feature);
    drop(dataset);
    std::fs::remove_file(path.with_extension("cpg")).ok();
    if !keep_prj {
        std::fs::remove_file(path.with_extension("prj")).unwrap();
    }
    path
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gbk_shapefile_with_zone_prefix_is_read_and_told() {
    let database = TestDatabase::new().await;
    let folder = tempfile::tempdir().unwrap();
    let file = shapefile(folder.path(), 4527, 39_520_000.0, true);
    let report = run(&database.databases, regions(&file, Level::Township)).await.unwrap();
    assert_eq!(tally(&report), (1, 0, 0, 0));
    assert!(report.notes.iter().any(|n| n.contains("带号 39")), "{:?}", report.notes);
    let (name, lon): (String, f64) =
        sqlx::query_as("SELECT name, ST_X(ST_Centroid(geom)) FROM region WHERE level = 'township'")
            .fetch_one(&database.databases.migrator)
            .await
            .unwrap();
    assert_eq!(name, "竹坑乡");
    // 20.5 km east of the central meridian 117°, at 25°N.
    assert!((lon - 117.203).abs() < 0.002, "{lon}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_other_layers_come_in_once() {
    let database = TestDatabase::new().await;
    let folder = tempfile::tempdir().unwrap();
    two_villages(&database, folder.path()).await;
    let files = [
        (ImportLayer::Settlement, "地名,村,经度,纬度\n溪尾,上溪村,117.003,25.01\n"),
        (ImportLayer::VillagerGroup, "组名,村\n一组,上溪村\n二组,上溪村\n"),
        (ImportLayer::Venue, "名称,类别,经度,纬度,容量\n榕树亭,议事亭,117.015,25.01,30\n"),
        (
            ImportLayer::Road,
            "WKT,名称,等级\n\"LINESTRING(117.001 25.01,117.01 25.01)\",溪边路,村道\n\"LINESTRING(117.01 25.01,117.019 25.01)\",,乡道\n",
        ),
        (ImportLayer::BusLine, "WKT,线路,名称\n\"LINESTRING(117.001 25.01,117.019 25.01)\",8,溪头—上溪\n"),
        (ImportLayer::SocialOrg, "名称,类别,备案,村\n溪头茶叶协会,协会,是,下溪村\n"),
        (ImportLayer::Cluster, "名称,成员,产业\n溪流片区,上溪村、下溪村、竹海合作社,茶叶、竹笋\n"),
    ];
    for (layer, text) in files {
        let file = folder.path().join(format!("{}.csv", layer.name()));
        std::fs::write(&file, text).unwrap();
        let mut import = request(layer, &file);
        import.said.crs = Some("cgcs2000".into());
        let rows = text.lines().count() as u64 - 1;
        let first = run(&database.databases, import.clone()).await.unwrap();
        assert_eq!(tally(&first), (rows, 0, 0, 0), "{} {first:?}", layer.name());
        let second = run(&database.databases, import).await.unwrap();
        assert_eq!(tally(&second), (0, 0, rows, 0), "{} {second:?}", layer.name());
    }
    assert_eq!(
        count(&database, "SELECT count(*) FROM road a JOIN road b ON a.to_node = b.from_node").await,
        1,
        "the segments meet"
    );
    assert_eq!(count(&database, "SELECT count(*) FROM cluster_member WHERE village_id IS NOT NULL").await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_not_come_in_is_refused_before_anything_is_read() {
    let database = TestDatabase::new().await;
    let mut secret = regions(&fixture("villages-350623.csv"), Level::Village);
    secret.declared.security_class = "机密".into();
    let error = run(&database.databases, secret).await.unwrap_err();
    assert!(matches!(&error, ImportError::Usage(m) if m.contains("涉密")), "{error}");
}
