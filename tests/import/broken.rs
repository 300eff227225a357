//! What is broken is refused with its place and the way out, and leaves nothing behind.

use std::path::Path;

use yitu::db::import::Level;
use yitu::service::import::{ImportLayer, run};

use crate::support::TestDatabase;
use crate::{count, fixture, regions, request, shapefile, tally, two_villages};

#[tokio::test(flavor = "multi_thread")]
async fn one_broken_row_refuses_the_file_and_is_named() {
    let database = TestDatabase::new().await;
    let folder = tempfile::tempdir().unwrap();
    two_villages(&database, folder.path()).await;
    let file = folder.path().join("户.csv");
    std::fs::write(&file, "户号,户主,村,lon,lat\nH1,林一,上溪村,117.005,25.01\nH2,,上溪村,117.005,25.01\nH3,林三,无此村,117.005,25.01\nH4,林四,下溪村,117.015,25.01\n").unwrap();
    let mut import = request(ImportLayer::Household, &file);
    import.said.crs = Some("cgcs2000".into());
    let report = run(&database.databases, import.clone()).await.unwrap();
    assert!(!report.written);
    assert_eq!(count(&database, "SELECT count(*) FROM household").await, 0);
    let refused: Vec<(u64, &str)> = report.refused.iter().map(|r| (r.row, r.note.as_str())).collect();
    assert!(matches!(refused[..], [(2, a), (3, b)] if a.contains("户主") && b.contains("无此村")), "{refused:?}");
    report.write_csv(&folder.path().join("拒绝.csv")).unwrap();
    let listed = std::fs::read_to_string(folder.path().join("拒绝.csv")).unwrap();
    assert_eq!(listed.lines().count(), 3, "{listed}");
    import.skip_refused = true;
    assert_eq!(tally(&run(&database.databases, import).await.unwrap()), (2, 0, 0, 2));
    assert_eq!(count(&database, "SELECT count(*) FROM household").await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_system_and_a_wrong_zone_are_refused_with_the_way_out() {
    let database = TestDatabase::new().await;
    let folder = tempfile::tempdir().unwrap();
    let file = shapefile(folder.path(), 4527, 39_520_000.0, false);
    let error = run(&database.databases, regions(&file, Level::Township)).await.unwrap_err().to_string();
    assert!(error.contains(".prj") && error.contains("--crs EPSG:4527"), "{error}");
    let mut given = regions(&file, Level::Township);
    given.said.crs = Some("EPSG:4548".into());
    let error = run(&database.databases, given.clone()).await.unwrap_err().to_string();
    assert!(error.contains("带号 39") && error.contains("EPSG:4527"), "{error}");
    given.said.crs = Some("EPSG:4610".into());
    let error = run(&database.databases, given.clone()).await.unwrap_err().to_string();
    assert!(error.contains("西安 1980") && error.contains("--transform"), "{error}");
    given.said.crs = Some("EPSG:4527".into());
    assert_eq!(tally(&run(&database.databases, given).await.unwrap()), (1, 0, 0, 0));
}

/// Copies the parts of the Tokyo shapefile, cut off or left out as told.
fn tokyo(folder: &Path, name: &str, parts: &[(&str, Option<u64>)]) -> std::path::PathBuf {
    for (extension, length) in parts {
        let to = folder.join(name).with_extension(extension);
        std::fs::copy(fixture("tokyo/tokyomet262.shp").with_extension(extension), &to).unwrap();
        if let Some(length) = length {
            std::fs::OpenOptions::new().write(true).open(&to).unwrap().set_len(*length).unwrap();
        }
    }
    folder.join(name).with_extension("shp")
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_are_no_files_are_told() {
    let database = TestDatabase::new().await;
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    };
    let whole = |x: &[&'static str]| -> Vec<(&'static str, Option<u64>)> { x.iter().map(|e| (*e, None)).collect() };
    let cut = |which: &str, at: u64| -> Vec<(&'static str, Option<u64>)> {
        ["shp", "shx", "dbf", "prj"].map(|e| (e, (e == which).then_some(at))).to_vec()
    };
    let json =
        br#"{"type":"FeatureCollection","features":[{"type":"Feature","properties":{"name":"A"},"geometry":null},"#;
    let cases = [
        (write("空.csv", b""), vec!["空.csv", "0 字节"]),
        (write("空.geojson", b""), vec!["空.geojson", "0 字节"]),
        (write("空.gpkg", b""), vec!["空.gpkg", "0 字节"]),
        (write("空.xlsx", b""), vec!["空.xlsx", "0 字节"]),
        (write("半截.geojson", json), vec!["半截.geojson", "不完整"]),
        (write("不是.gpkg", &[b'x'; 5000]), vec!["不是.gpkg", "格式不认识"]),
        (write("压缩.csv", b"PK\x03\x04\0\0\0\0"), vec!["压缩.csv", "不是 CSV"]),
        (write("无行.csv", "代码,名称\n".as_bytes()), vec!["无行.csv", "只有表头", "代码、名称"]),
        (
            write("引号.csv", "代码,名称\n350999100,\"甲镇\n350999101,乙镇\n".as_bytes()),
            vec!["引号.csv", "第 2 行", "引号"],
        ),
        (write("一行.csv", &vec![b'x'; 10 << 20]), vec!["一行.csv", "不像表头"]),
        (write("一行多列.csv", &b"x,".repeat(5 << 20)), vec!["一行多列.csv", "不像表头"]),
        (write("乱码.csv", b"a,b\n1,\xff\xff\n"), vec!["乱码.csv", "第 2 行", "--encoding"]),
        (write("无名.csv", "代码,x\n1,2\n".as_bytes()), vec!["无名.csv", "代码、x", "--map name="]),
        (write("空要素.geojson", br#"{"type":"FeatureCollection","features":[]}"#), vec!["空要素.geojson", "没有要素"]),
        (tokyo(folder.path(), "无索引", &whole(&["shp", "dbf", "prj"])), vec!["无索引.shx", "一并复制"]),
        (tokyo(folder.path(), "无表", &whole(&["shp", "shx", "prj"])), vec!["无表.dbf", "一并复制"]),
        (tokyo(folder.path(), "无系", &whole(&["shp", "shx", "dbf"])), vec!["无系.shp", ".prj", "--crs"]),
        (tokyo(folder.path(), "断图", &cut("shp", 100_000)), vec!["断图.shp", "不完整", "100000 字节"]),
        (tokyo(folder.path(), "断索引", &cut("shx", 500)), vec!["断索引.shx", "不完整"]),
        (tokyo(folder.path(), "断表", &cut("dbf", 2000)), vec!["断表.dbf", "不完整"]),
        (tokyo(folder.path(), "断头", &cut("shp", 20)), vec!["断头.shp", "不是 Shapefile"]),
        (folder.path().join("没有.shp"), vec!["没有.shp", "检查路径"]),
    ];
    for (file, words) in cases {
        let error = run(&database.databases, regions(&file, Level::Township)).await.map(|r| format!("{r:?}"));
        let error = error.expect_err(&file.display().to_string()).to_string();
        assert!(words.iter().all(|w| error.contains(w)), "{words:?}: {error}");
    }
    assert_eq!(count(&database, "SELECT count(*) FROM region").await, 0);
    assert_eq!(count(&database, "SELECT count(*) FROM layer_source").await, 0);
}

/// A table whose rows are broken each in its own way: every one is named with file, row, column and value.
#[tokio::test(flavor = "multi_thread")]
async fn each_broken_row_is_told_with_its_column_and_value() {
    let database = TestDatabase::new().await;
    let folder = tempfile::tempdir().unwrap();
    two_villages(&database, folder.path()).await;
    let file = folder.path().join("阵地.csv");
    let rows = [
        ("亭一,议事亭,117.005,25.01,30", None),
        ("亭二,凉亭,117.005,25.01,30", Some(["列“类别”", "凉亭"])),
        ("亭三,议事亭,117.0o5,25.01,30", Some(["列“经度”", "117.0o5"])),
        ("亭四,议事亭,117.005,25.01,三十", Some(["列“容量”", "三十"])),
        ("亭五,议事亭,117.005", Some(["第 6 行有 3 列", "表头有 5 列"])),
        ("亭六,议事亭,117.005,25.01,30,多,余", Some(["第 7 行有 7 列", "表头有 5 列"])),
        ("亭七,议事亭,,,30", Some(["没有图形", "坐标"])),
        ("亭八,议事亭,118.9,25.01,30", Some(["118.9", "不在任何村"])),
        ("亭九,议事亭,117.005,25.01,30", None),
    ];
    let text: String = rows.iter().flat_map(|(r, _)| [*r, "\n"]).collect();
    std::fs::write(&file, format!("名称,类别,经度,纬度,容量\n{text}")).unwrap();
    let mut import = request(ImportLayer::Venue, &file);
    import.said.crs = Some("cgcs2000".into());
    let report = run(&database.databases, import.clone()).await.unwrap();
    assert!(!report.written);
    assert_eq!(count(&database, "SELECT count(*) FROM venue").await, 0);
    for (k, (row, words)) in rows.iter().enumerate() {
        let told = report.refused.iter().find(|r| r.row == k as u64 + 1);
        match (words, told) {
            (None, None) => {}
            (Some(words), Some(told)) => {
                assert!(words.iter().all(|w| told.note.contains(w)) && told.file == "阵地.csv", "{row}: {told:?}");
                assert_eq!(told.name, row.split(',').next().unwrap());
            }
            other => panic!("{row}: {other:?}"),
        }
    }
    import.skip_refused = true;
    assert_eq!(tally(&run(&database.databases, import).await.unwrap()), (2, 0, 0, 7));
}
