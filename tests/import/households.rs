//! Households: registers with and without points, and their phones.

use gdal::DriverManager;
use gdal::vector::{Feature, FieldDefn, LayerAccess, LayerOptions, OGRFieldType, OGRwkbGeometryType};
use yitu::service::import::{ImportLayer, run};

use crate::support::TestDatabase;
use crate::{count, phone_key, request, tally, two_villages};

#[tokio::test(flavor = "multi_thread")]
async fn households_come_in_gcj02_and_swapped_axes_want_a_word() {
    let database = TestDatabase::new().await;
    let folder = tempfile::tempdir().unwrap();
    two_villages(&database, folder.path()).await;
    let file = folder.path().join("户.csv");
    let (lon, lat) = yitu::geo::Crs::Gcj02.from_cgcs2000(117.005, 25.01);
    std::fs::write(&file, format!("户号,户主,经度,纬度,标签\nH1,林测试,{lon},{lat},低保、独居老人\n")).unwrap();
    let mut import = request(ImportLayer::Household, &file);
    let error = run(&database.databases, import.clone()).await.unwrap_err().to_string();
    assert!(error.contains("--crs"), "{error}");
    import.said.crs = Some("gcj02".into());
    let report = run(&database.databases, import.clone()).await.unwrap();
    assert_eq!(tally(&report), (1, 0, 0, 0));
    assert!(report.notes.iter().any(|n| n.contains("近似,仅供录入与导航")), "{:?}", report.notes);
    let metres: f64 = sqlx::query_scalar(
        "SELECT ST_Distance(geom::geography, ST_SetSRID(ST_MakePoint(117.005, 25.01), 4490)::geography) FROM household",
    )
    .fetch_one(&database.databases.migrator)
    .await
    .unwrap();
    assert!(metres < 0.1, "{metres}");
    std::fs::write(&file, format!("户号,户主,经度,纬度,标签\nH1,林测试,{lat},{lon},低保、独居老人\n")).unwrap();
    let error = run(&database.databases, import.clone()).await.unwrap_err().to_string();
    assert!(error.contains("--confirm-swapped"), "{error}");
    import.said.confirm_swapped = true;
    assert_eq!(
        tally(&run(&database.databases, import).await.unwrap()),
        (0, 0, 1, 0),
        "swapped back, it is where it was"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_spreadsheet_register_without_points_is_taken_and_takes_no_point_away() {
    let database = TestDatabase::new().await;
    let folder = tempfile::tempdir().unwrap();
    two_villages(&database, folder.path()).await;
    let points = folder.path().join("户.csv");
    std::fs::write(&points, "户号,户主,lon,lat\n1001,林一,117.005,25.01\n").unwrap();
    let mut import = request(ImportLayer::Household, &points);
    import.said.crs = Some("cgcs2000".into());
    run(&database.databases, import).await.unwrap();
    let path = folder.path().join("登记册.xlsx");
    let mut dataset = DriverManager::get_driver_by_name("XLSX").unwrap().create_vector_only(&path).unwrap();
    let layer = dataset
        .create_layer(LayerOptions { name: "Sheet1", ty: OGRwkbGeometryType::wkbNone, ..LayerOptions::default() })
        .unwrap();
    for (name, kind) in [
        ("户号", OGRFieldType::OFTInteger64),
        ("户主姓名", OGRFieldType::OFTString),
        ("村代码", OGRFieldType::OFTInteger64),
        ("组别", OGRFieldType::OFTString),
    ] {
        FieldDefn::new(name, kind).unwrap().add_to_layer(&layer).unwrap();
    }
    for (number, head) in [(1001, "林一"), (1002, "陈二")] {
        let mut feature = Feature::new(layer.defn()).unwrap();
        feature.set_field_integer64(0, number).unwrap();
        feature.set_field_string(1, head).unwrap();
        feature.set_field_integer64(2, 350_999_100_200).unwrap();
        feature.set_field_string(3, "第一组").unwrap();
        feature.create(&layer).unwrap();
    }
    drop(dataset);
    let report = run(&database.databases, request(ImportLayer::Household, &path)).await.unwrap();
    assert_eq!(tally(&report), (1, 1, 0, 0), "{report:?}");
    assert_eq!(count(&database, "SELECT count(*) FROM household WHERE number = '1001' AND geom IS NOT NULL AND villager_group_id IS NOT NULL").await, 1);
    assert_eq!(count(&database, "SELECT count(*) FROM household WHERE number = '1002' AND geom IS NULL").await, 1);
    assert_eq!(tally(&run(&database.databases, request(ImportLayer::Household, &path)).await.unwrap()), (0, 0, 2, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn phones_are_kept_sealed_and_found_by_their_hash() {
    let database = TestDatabase::new().await;
    let folder = tempfile::tempdir().unwrap();
    two_villages(&database, folder.path()).await;
    let file = folder.path().join("户.csv");
    let import = |rows: &str| {
        std::fs::write(&file, format!("户号,户主,村,联系电话\n{rows}")).unwrap();
        run(&database.databases, request(ImportLayer::Household, &file))
    };
    let first = import("H1,林一,上溪村,19900001234、0597-6123456\nH2,林二,上溪村,\n").await.unwrap();
    assert_eq!(tally(&first), (2, 0, 0, 0));
    let key = phone_key();
    let found = |digits: &str| {
        sqlx::query_as::<_, (String, Vec<u8>)>(
            "SELECT h.number, p.ciphertext FROM phone p JOIN household h ON h.id = p.household_id WHERE p.number_hash = $1 AND p.tail_hash = $2",
        )
        .bind(key.number_hash(digits).to_vec())
        .bind(key.tail_hash(digits).to_vec())
        .fetch_all(&database.databases.migrator)
    };
    for digits in ["19900001234", "05976123456"] {
        let there = found(digits).await.unwrap();
        assert_eq!(there.len(), 1, "{digits}");
        assert_eq!((there[0].0.as_str(), key.open(&there[0].1).as_deref()), ("H1", Ok(digits)));
        let clear: i64 = sqlx::query_scalar("SELECT count(*) FROM phone WHERE position($1::bytea IN ciphertext) > 0")
            .bind(digits.as_bytes())
            .fetch_one(&database.databases.migrator)
            .await
            .unwrap();
        assert_eq!(clear, 0);
    }
    // The same again, written otherwise: nothing changes. An empty cell says nothing.
    let again = import("H1,林一,上溪村,(0597)6123456/+86 199 0000 1234\nH2,林二,上溪村,\n").await.unwrap();
    assert_eq!(tally(&again), (0, 0, 2, 0));
    assert_eq!(tally(&import("H1,林一,上溪村,\n").await.unwrap()), (0, 0, 1, 0));
    assert_eq!(count(&database, "SELECT count(*) FROM phone").await, 2);
    let moved = import("H1,林一,上溪村,19900005678\nH2,林二,上溪村,19900001234\n").await.unwrap();
    assert_eq!(tally(&moved), (0, 2, 0, 0));
    assert_eq!(found("19900001234").await.unwrap()[0].0, "H2");
    assert_eq!(count(&database, "SELECT count(*) FROM phone").await, 2);
    let refused = import("H1,林一,上溪村,12345\n").await.unwrap();
    assert!(
        refused.refused[0].note.contains("列“联系电话”") && refused.refused[0].note.contains("12345"),
        "{refused:?}"
    );
}
