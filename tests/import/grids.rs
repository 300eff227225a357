//! Grids of a village that has none: taken once, then changed by redraw alone.

use std::path::{Path, PathBuf};

use gdal::DriverManager;
use gdal::spatial_ref::SpatialRef;
use gdal::vector::{Feature, FieldDefn, Geometry, LayerAccess, LayerOptions, OGRFieldType, OGRwkbGeometryType};
use yitu::service::import::{ImportLayer, run};

use crate::support::TestDatabase;
use crate::{count, request, tally, two_villages};

/// Village, name, corners.
type Drawn = (&'static str, &'static str, &'static [(f64, f64)]);

/// Corners in metres of the 3-degree zone of 117°E: two villages side by side, drawn on a plane. The east village's
/// one grid meets the west's three between its vertices.
const GRIDS: [Drawn; 4] = [
    (
        "上溪村",
        "西一网格",
        &[(500_100.0, 2_766_000.0), (500_900.0, 2_766_000.0), (500_930.0, 2_766_611.0), (500_100.0, 2_766_500.0)],
    ),
    (
        "上溪村",
        "西二网格",
        &[(500_100.0, 2_766_500.0), (500_930.0, 2_766_611.0), (500_961.4, 2_767_250.457), (500_100.0, 2_767_100.0)],
    ),
    (
        "上溪村",
        "西三网格",
        &[(500_100.0, 2_767_100.0), (500_961.4, 2_767_250.457), (500_990.0, 2_767_833.0), (500_100.0, 2_767_800.0)],
    ),
    (
        "下溪村",
        "东网格",
        &[(500_900.0, 2_766_000.0), (501_900.0, 2_766_000.0), (501_900.0, 2_767_800.0), (500_990.0, 2_767_833.0)],
    ),
];

/// The first grid, drawn otherwise.
const CORNERS: [(f64, f64); 4] =
    [(500_100.0, 2_766_000.0), (500_800.0, 2_766_000.0), (500_930.0, 2_766_611.0), (500_100.0, 2_766_500.0)];

/// The second grid, over the first.
const OVER: [(f64, f64); 4] =
    [(500_100.0, 2_766_400.0), (500_930.0, 2_766_611.0), (500_961.4, 2_767_250.457), (500_100.0, 2_767_100.0)];

/// A grid of the other village.
const FAR: [(f64, f64); 4] =
    [(501_200.0, 2_766_000.0), (501_900.0, 2_766_000.0), (501_900.0, 2_767_800.0), (501_200.0, 2_767_833.0)];

/// The east grid, over the west's.
const WIDE: [(f64, f64); 4] =
    [(500_850.0, 2_766_000.0), (501_900.0, 2_766_000.0), (501_900.0, 2_767_800.0), (500_990.0, 2_767_833.0)];

fn write(path: &Path, grids: &[Drawn]) -> PathBuf {
    let mut dataset = DriverManager::get_driver_by_name("GPKG").unwrap().create_vector_only(path).unwrap();
    let srs = SpatialRef::from_epsg(4548).unwrap();
    let ty = OGRwkbGeometryType::wkbPolygon;
    let layer = dataset.create_layer(LayerOptions { name: "网格", srs: Some(&srs), ty, options: None }).unwrap();
    for column in ["所属村", "网格名称"] {
        FieldDefn::new(column, OGRFieldType::OFTString).unwrap().add_to_layer(&layer).unwrap();
    }
    for (village, name, corners) in grids {
        let ring: Vec<String> = corners.iter().chain(corners.first()).map(|(x, y)| format!("{x} {y}")).collect();
        let mut feature = Feature::new(layer.defn()).unwrap();
        feature.set_geometry(Geometry::from_wkt(&format!("POLYGON(({}))", ring.join(","))).unwrap()).unwrap();
        feature.set_field_string(0, village).unwrap();
        feature.set_field_string(1, name).unwrap();
        feature.create(&layer).unwrap();
    }
    drop(dataset);
    path.to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn first_grids_come_in_without_seams_and_take_their_households() {
    let database = TestDatabase::new().await;
    let folder = tempfile::tempdir().unwrap();
    two_villages(&database, folder.path()).await;
    let points = folder.path().join("户.csv");
    std::fs::write(&points, "户号,户主,lon,lat\n1,林一,117.005,25.003\n2,林二,117.015,25.01\n3,林三,117.005,25.0199\n")
        .unwrap();
    let mut households = request(ImportLayer::Household, &points);
    households.said.crs = Some("cgcs2000".into());
    run(&database.databases, households).await.unwrap();

    let file = write(&folder.path().join("网格.gpkg"), &GRIDS);
    let report = run(&database.databases, request(ImportLayer::Grid, &file)).await.unwrap();
    assert_eq!(tally(&report), (4, 0, 0, 0), "{report:?}");
    assert!(report.notes.iter().any(|n| n.contains("4 个网格还没有责任党小组")), "{:?}", report.notes);
    assert!(report.notes.iter().any(|n| n.contains("上溪村") && n.contains("2 米")), "{:?}", report.notes);
    let codes: Vec<(String, String)> = sqlx::query_as("SELECT code, name FROM layer_grid ORDER BY code")
        .fetch_all(&database.databases.migrator)
        .await
        .unwrap();
    let codes: Vec<(&str, &str)> = codes.iter().map(|(c, n)| (c.as_str(), n.as_str())).collect();
    assert_eq!(codes[3], ("350999100201001", "东网格"));
    assert!(
        codes.contains(&("350999100200001", "西二网格")) || codes.contains(&("350999100200001", "西一网格")),
        "{codes:?}"
    );
    // The west's corners bend off the east's long border by centimetres; now they are its vertices.
    let seams = "SELECT count(*) FROM layer_grid a JOIN layer_grid b ON a.id <> b.id, ST_DumpPoints(b.geom) p
                 WHERE ST_DWithin(a.geom, p.geom, 1e-6) AND NOT EXISTS (SELECT FROM ST_DumpPoints(a.geom) q WHERE ST_Equals(p.geom, q.geom))";
    assert_eq!(count(&database, seams).await, 0);
    assert_eq!(
        count(
            &database,
            "SELECT count(*) FROM household h JOIN layer_grid g ON g.id = h.grid_id AND ST_Covers(g.geom, h.geom)"
        )
        .await,
        2
    );
    assert_eq!(count(&database, "SELECT count(*) FROM household WHERE grid_id IS NULL").await, 1, "it lies in no grid");

    assert_eq!(tally(&run(&database.databases, request(ImportLayer::Grid, &file)).await.unwrap()), (0, 0, 4, 0));
    let mut moved = GRIDS;
    moved[0].2 = &CORNERS;
    let moved = write(&folder.path().join("改.gpkg"), &moved);
    let report = run(&database.databases, request(ImportLayer::Grid, &moved)).await.unwrap();
    assert!(!report.written);
    assert!(matches!(&report.refused[..], [r] if r.name == "西一网格" && r.note.contains("重划")), "{report:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn overlapping_and_misplaced_grids_are_refused_by_name() {
    let database = TestDatabase::new().await;
    let folder = tempfile::tempdir().unwrap();
    two_villages(&database, folder.path()).await;
    let mut grids = GRIDS;
    grids[1].2 = &OVER;
    grids[3].0 = "上溪村";
    grids[3].1 = "西三网格";
    grids[3].2 = &FAR;
    let file = write(&folder.path().join("网格.gpkg"), &grids);
    let report = run(&database.databases, request(ImportLayer::Grid, &file)).await.unwrap();
    assert!(!report.written);
    let told: Vec<(u64, &str)> = report.refused.iter().map(|r| (r.row, r.note.as_str())).collect();
    assert!(
        matches!(told[..], [(1, a), (2, b), (3, c), (4, d)]
            if a.contains("“西二网格”重叠") && b.contains("“西一网格”重叠") && c.contains("都叫“西三网格”") && d.contains("不在村")),
        "{told:?}"
    );
    assert_eq!(count(&database, "SELECT count(*) FROM grid").await, 0);
    // One after the other: the second file's grid meets those that stand.
    let west = write(&folder.path().join("西.gpkg"), &GRIDS[..3]);
    assert_eq!(tally(&run(&database.databases, request(ImportLayer::Grid, &west)).await.unwrap()), (3, 0, 0, 0));
    let mut east = GRIDS;
    east[3].2 = &WIDE;
    let wide = write(&folder.path().join("东宽.gpkg"), &east[3..]);
    let report = run(&database.databases, request(ImportLayer::Grid, &wide)).await.unwrap();
    assert!(matches!(&report.refused[..], [r] if r.note.contains("与已有的网格“西")), "{report:?}");
    let east = write(&folder.path().join("东.gpkg"), &GRIDS[3..]);
    assert_eq!(tally(&run(&database.databases, request(ImportLayer::Grid, &east)).await.unwrap()), (1, 0, 0, 0));
}
