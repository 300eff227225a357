//! The formats counties have, written by GDAL and read back; PostGIS is the oracle of where things come to lie.

use std::path::{Path, PathBuf};
use std::process::Command;

use gdal::DriverManager;
use gdal::spatial_ref::{AxisMappingStrategy, SpatialRef};
use gdal::vector::{Feature, FieldDefn, Geometry, LayerAccess, LayerOptions, OGRFieldType, OGRwkbGeometryType};
use yitu::service::import::{ImportLayer, run};

use crate::support::TestDatabase;
use crate::{count, request, tally, two_villages};

/// Writes rows of (values, WKT) through a GDAL driver.
fn write(
    driver: &str,
    path: &Path,
    epsg: Option<u32>,
    ty: OGRwkbGeometryType::Type,
    columns: &[&str],
    rows: &[(&[&str], String)],
) {
    let mut dataset = DriverManager::get_driver_by_name(driver).unwrap().create_vector_only(path).unwrap();
    let srs = epsg.map(|e| {
        let mut srs = SpatialRef::from_epsg(e).unwrap();
        srs.set_axis_mapping_strategy(AxisMappingStrategy::TraditionalGisOrder);
        srs
    });
    let name = if driver == "DXF" { "entities" } else { "图层" };
    let options: Option<&[&str]> = (driver == "ESRI Shapefile").then_some(&["ENCODING=UTF-8"]);
    let layer = dataset.create_layer(LayerOptions { name, srs: srs.as_ref(), ty, options }).unwrap();
    if driver != "DXF" {
        for name in columns {
            let field = FieldDefn::new(name, OGRFieldType::OFTString).unwrap();
            field.add_to_layer(&layer).unwrap_or_else(|e| panic!("{driver} {name}: {e}"));
        }
    }
    for (values, wkt) in rows {
        let mut feature = Feature::new(layer.defn()).unwrap();
        if driver != "XLSX" {
            feature.set_geometry(Geometry::from_wkt(wkt).unwrap()).unwrap();
        }
        for (column, value) in columns.iter().zip(*values) {
            feature.set_field_string(feature.field_index(column).unwrap(), value).unwrap();
        }
        feature.create(&layer).unwrap_or_else(|e| panic!("{driver}: {e}"));
    }
    dataset.flush_cache().unwrap();
}

/// A point of the survey, 3-degree zone of 117°E, metres.
const EAST: f64 = 500_504.0;
const NORTH: f64 = 2_766_400.0;

async fn oracle(database: &TestDatabase, from: &str) -> (f64, f64) {
    let sql = "SELECT ST_X(p), ST_Y(p) FROM ST_Transform(ST_MakePoint($1, $2), $3, '+proj=longlat +ellps=GRS80 +towgs84=0,0,0') p";
    let query = sqlx::query_as(sql).bind(EAST).bind(NORTH).bind(from);
    query.fetch_one(&database.databases.migrator).await.unwrap()
}

const CGCS2000_117E: &str =
    "+proj=tmerc +lat_0=0 +lon_0=117 +k=1 +x_0=500000 +y_0=0 +ellps=GRS80 +towgs84=0,0,0 +units=m +no_defs";

async fn assert_there(database: &TestDatabase, table: &'static str, (lon, lat): (f64, f64), what: &str) {
    let sql = format!(
        "SELECT min(ST_Distance(geom::geography, ST_SetSRID(ST_MakePoint($1, $2), 4490)::geography)) FROM {table}"
    );
    let off: f64 = sqlx::query_scalar(sqlx::AssertSqlSafe(sql))
        .bind(lon)
        .bind(lat)
        .fetch_one(&database.databases.migrator)
        .await
        .unwrap();
    assert!(off < 0.01, "{what}: {off} m");
}

#[tokio::test(flavor = "multi_thread")]
async fn venues_come_from_every_format_to_the_same_place() {
    let database = TestDatabase::new().await;
    let folder = tempfile::tempdir().unwrap();
    two_villages(&database, folder.path()).await;
    let place = oracle(&database, CGCS2000_117E).await;
    let plane = format!("POINT({EAST} {NORTH})");
    let degrees = format!("POINT({:.9} {:.9})", place.0, place.1);
    let cases = [
        ("GPKG", "gpkg", Some(4548), &plane),
        ("OpenFileGDB", "gdb", Some(4548), &plane),
        ("ESRI Shapefile", "shp", Some(4548), &plane),
        ("GeoJSON", "geojson", Some(4326), &degrees),
        ("FlatGeobuf", "fgb", Some(4490), &degrees),
        ("LIBKML", "kml", Some(4326), &degrees),
        ("XLSX", "xlsx", None, &degrees),
    ];
    for (k, (driver, extension, epsg, wkt)) in cases.into_iter().enumerate() {
        let path = folder.path().join(format!("阵地{k}.{extension}"));
        let name = format!("榕树亭{k}");
        let (columns, values): (&[&str], Vec<String>) = if epsg.is_some() {
            (&["名称", "类别"], vec![name, "议事亭".into()])
        } else {
            (&["名称", "类别", "经度", "纬度"], vec![name, "议事亭".into(), place.0.to_string(), place.1.to_string()])
        };
        let values: Vec<&str> = values.iter().map(String::as_str).collect();
        write(driver, &path, epsg, OGRwkbGeometryType::wkbPoint, columns, &[(&values, wkt.clone())]);
        let mut import = request(ImportLayer::Venue, &path);
        import.said.crs = epsg.is_none().then(|| "EPSG:4490".to_owned());
        assert_eq!(tally(&run(&database.databases, import.clone()).await.unwrap()), (1, 0, 0, 0), "{driver}");
        assert_eq!(tally(&run(&database.databases, import).await.unwrap()), (0, 0, 1, 0), "{driver}");
        assert_eq!(count(&database, "SELECT count(*) FROM venue").await, k as i64 + 1);
        assert_there(&database, "(SELECT geom FROM venue ORDER BY id DESC LIMIT 1) v", place, driver).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drawing_gives_roads_by_its_layers() {
    let database = TestDatabase::new().await;
    let folder = tempfile::tempdir().unwrap();
    two_villages(&database, folder.path()).await;
    let path = folder.path().join("道路.dxf");
    let line = format!("LINESTRING({EAST} {NORTH},{} {})", EAST + 300.0, NORTH + 40.0);
    write("DXF", &path, None, OGRwkbGeometryType::wkbLineString, &["Layer"], &[(&["村道"], line)]);
    let mut import = request(ImportLayer::Road, &path);
    import.map = vec![("class".into(), "Layer".into())];
    let error = run(&database.databases, import.clone()).await.unwrap_err().to_string();
    assert!(error.contains("没有坐标系") && error.contains("--crs"), "{error}");
    import.said.crs = Some("EPSG:4548".into());
    let report = run(&database.databases, import).await.unwrap();
    assert_eq!(tally(&report), (1, 0, 0, 0), "{report:?}");
    assert_there(&database, "road", oracle(&database, CGCS2000_117E).await, "DXF").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_system_is_moved_by_the_transform_that_is_given() {
    let database = TestDatabase::new().await;
    let folder = tempfile::tempdir().unwrap();
    two_villages(&database, folder.path()).await;
    let path = folder.path().join("西安80.gpkg");
    // Xi'an 1980, 3-degree zone of 117°E; the shift of three parameters is made up.
    write(
        "GPKG",
        &path,
        Some(2384),
        OGRwkbGeometryType::wkbPoint,
        &["名称", "类别"],
        &[(&["旧亭", "议事亭"], format!("POINT({EAST} {NORTH})"))],
    );
    let mut import = request(ImportLayer::Venue, &path);
    let error = run(&database.databases, import.clone()).await.unwrap_err().to_string();
    assert!(error.contains("西安 1980") && error.contains("--transform"), "{error}");
    import.said.transform = Some("+proj=nonsense".into());
    let error = run(&database.databases, import.clone()).await.unwrap_err().to_string();
    assert!(error.contains("--transform"), "{error}");
    let ellipsoid = "+a=6378140 +rf=298.257";
    import.said.transform = Some(format!(
        "+proj=pipeline +step +inv +proj=tmerc +lat_0=0 +lon_0=117 +k=1 +x_0=500000 +y_0=0 {ellipsoid} +step +proj=cart {ellipsoid} \
         +step +proj=helmert +x=-12 +y=30 +z=15 +step +inv +proj=cart +ellps=GRS80 +step +proj=unitconvert +xy_in=rad +xy_out=deg"
    ));
    let report = run(&database.databases, import).await.unwrap();
    assert_eq!(tally(&report), (1, 0, 0, 0), "{report:?}");
    let from = format!(
        "+proj=tmerc +lat_0=0 +lon_0=117 +k=1 +x_0=500000 +y_0=0 {ellipsoid} +towgs84=-12,30,15 +units=m +no_defs"
    );
    assert_there(&database, "venue", oracle(&database, &from).await, "Xi'an 1980").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_several_layers_one_is_named() {
    let database = TestDatabase::new().await;
    let folder = tempfile::tempdir().unwrap();
    two_villages(&database, folder.path()).await;
    let path = folder.path().join("多层.gpkg");
    let mut dataset = DriverManager::get_driver_by_name("GPKG").unwrap().create_vector_only(&path).unwrap();
    let srs = SpatialRef::from_epsg(4490).unwrap();
    for (name, venue) in [("阵地", "榕树亭"), ("旧阵地", "旧亭")] {
        let ty = OGRwkbGeometryType::wkbPoint;
        let layer = dataset.create_layer(LayerOptions { name, srs: Some(&srs), ty, options: None }).unwrap();
        for column in ["名称", "类别"] {
            FieldDefn::new(column, OGRFieldType::OFTString).unwrap().add_to_layer(&layer).unwrap();
        }
        let mut feature = Feature::new(layer.defn()).unwrap();
        feature.set_geometry(Geometry::from_wkt("POINT(117.005 25.01)").unwrap()).unwrap();
        feature.set_field_string(0, venue).unwrap();
        feature.set_field_string(1, "议事亭").unwrap();
        feature.create(&layer).unwrap();
    }
    drop(dataset);
    let mut import = request(ImportLayer::Venue, &path);
    let error = run(&database.databases, import.clone()).await.unwrap_err().to_string();
    assert!(error.contains("阵地、旧阵地") && error.contains("--source-layer"), "{error}");
    import.reading.layer = Some("旧阵地".into());
    run(&database.databases, import).await.unwrap();
    assert_eq!(count(&database, "SELECT count(*) FROM venue WHERE name = '旧亭'").await, 1);
}

/// The program itself: a mapping is saved by one run and serves the next; a GBK table is read and told.
#[tokio::test(flavor = "multi_thread")]
async fn a_saved_mapping_serves_the_next_file() {
    let database = TestDatabase::new().await;
    let folder = tempfile::tempdir().unwrap();
    two_villages(&database, folder.path()).await;
    let table = |name: &str, number: &str| -> PathBuf {
        let path = folder.path().join(name);
        let text = format!("门牌号,当家人,哪个村,电话号\n{number},林测试,上溪村,19900001234\n");
        std::fs::write(&path, encoding_rs::GBK.encode(&text).0).unwrap();
        path
    };
    let yitu = |file: &Path, more: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_yitu"));
        command.args(["import", "household"]).arg(file).args(more);
        command.args(["--security-class", "internal", "--provider", "测试队", "--dated", "2026-03-01"]);
        let output = command
            .current_dir(folder.path())
            .env("DATABASE_URL", database.url())
            .env("YITU_DATA_DIR", folder.path().join("data"))
            .output()
            .unwrap();
        let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        (output.status.code().unwrap(), said)
    };
    let first = table("甲.csv", "H1");
    let (code, said) = yitu(&first, &[]);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("--map number=") && said.contains("门牌号"), "{said}");
    let maps = ["--map", "number=门牌号", "--map", "head=当家人", "--map", "village=哪个村", "--map", "phone=电话号"];
    let (code, said) = yitu(&first, &[&maps[..], &["--save-mapping", "户.toml"]].concat());
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("按内容识别为 GBK") && said.contains("户号(number) ← 列“门牌号”"), "{said}");
    let (code, said) = yitu(&table("乙.csv", "H2"), &["--mapping", "户.toml"]);
    assert_eq!(code, 0, "{said}");
    assert_eq!(
        count(
            &database,
            "SELECT count(*) FROM household h JOIN phone p ON p.household_id = h.id WHERE head_name = '林测试'"
        )
        .await,
        2
    );
    std::fs::write(folder.path().join("坏.toml"), "number = \n").unwrap();
    for (mapping, word) in [("坏.toml", "坏.toml"), ("没有.toml", "没有.toml")] {
        let (code, said) = yitu(&first, &["--mapping", mapping]);
        assert_eq!(code, 2, "{said}");
        assert!(said.contains(word), "{said}");
    }
}
