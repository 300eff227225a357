//! Exports that are stopped, disturbed or impossible.

use std::path::Path;
use std::time::Duration;

use rand::{Rng, SeedableRng};
use sqlx::Executor;

use crate::support::TestDatabase;
use crate::{done, names, one_text, refused, yitu};

const LAYERS: [&str; 6] = ["--layers", "region,grid,road,building", "--maxzoom", "15", "--reason", "试验"];

fn with(file: &str) -> Vec<&str> {
    [&[file], &LAYERS[..]].concat()
}

fn drawn(folder: &Path, file: &str) -> u64 {
    folder.join(format!("{file}.part/tiles")).metadata().map_or(0, |m| m.len())
}

/// Runs it and kills it once so many bytes of tiles are on the disk; false when it was done before.
async fn kill_at(database: &TestDatabase, folder: &Path, file: &str, bytes: u64) -> bool {
    let mut child = yitu(database, folder, &with(file)).stderr(std::process::Stdio::null()).spawn().unwrap();
    loop {
        if child.try_wait().unwrap().is_some() {
            return false;
        }
        if drawn(folder, file) > bytes {
            child.kill().await.unwrap();
            return true;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_anywhere_it_ends_with_the_same_bytes() {
    let (database, folder) = (TestDatabase::with_demo().await, tempfile::tempdir().unwrap());
    let folder = folder.path();
    done(&database, folder, &with("whole.pmtiles")).await;
    let whole = std::fs::read(folder.join("whole.pmtiles")).unwrap();
    done(&database, folder, &with("again.pmtiles")).await;
    assert!(std::fs::read(folder.join("again.pmtiles")).unwrap() == whole, "the same map is the same file");
    let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(8520);
    let mut kills = 0;
    for round in 0..3 {
        let file = format!("round{round}.pmtiles");
        // Later and later, twice in each round.
        let mut at = random.random_range(0..whole.len() as u64 / 2);
        for _ in 0..2 {
            kills += u32::from(kill_at(&database, folder, &file, at).await);
            let part = drawn(folder, &file);
            // A crash of the machine may leave anything at the end.
            let mut tail: Vec<u8> = (0..random.random_range(0..40)).map(|_| random.random()).collect();
            tail.extend([0; 64]);
            if part > 0 {
                let mut tiles = std::fs::read(folder.join(format!("{file}.part/tiles"))).unwrap();
                tiles.extend(tail);
                std::fs::write(folder.join(format!("{file}.part/tiles")), tiles).unwrap();
            }
            at = part + random.random_range(0..whole.len() as u64 / 4);
        }
        assert!(!folder.join(&file).exists(), "a file that is not whole has no name");
        let told = done(&database, folder, &with(&file)).await;
        assert!(told.contains("从断点继续"), "{told}");
        assert!(std::fs::read(folder.join(&file)).unwrap() == whole, "round {round}");
        assert!(!folder.join(format!("{file}.part")).exists());
    }
    assert_eq!(kills, 6, "each run was killed before its end");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_map_or_other_arguments_begin_anew() {
    let (database, folder) = (TestDatabase::with_demo().await, tempfile::tempdir().unwrap());
    let folder = folder.path();
    assert!(kill_at(&database, folder, "map.pmtiles", 100_000).await);
    // What is not drawn does not matter.
    database.databases.migrator.execute("UPDATE venue SET name = name || '(新)'").await.unwrap();
    assert!(kill_at(&database, folder, "map.pmtiles", drawn(folder, "map.pmtiles") + 10_000).await);
    assert!(drawn(folder, "map.pmtiles") > 110_000, "it went on");
    database
        .databases
        .migrator
        .execute("UPDATE road SET name = '改名路' WHERE id = (SELECT min(id) FROM road)")
        .await
        .unwrap();
    let told = done(&database, folder, &with("map.pmtiles")).await;
    assert!(told.contains("地图已有改动,重新开始"), "{told}");
    done(&database, folder, &with("fresh.pmtiles")).await;
    let read = |file: &str| std::fs::read(folder.join(file)).unwrap();
    assert!(read("map.pmtiles") == read("fresh.pmtiles"), "nothing of the map before is in it");
    assert!(kill_at(&database, folder, "other.pmtiles", 10_000).await);
    let fewer = ["other.pmtiles", "--layers", "region,grid", "--maxzoom", "12"];
    let told = done(&database, folder, &fewer).await;
    assert!(told.contains("参数与上次不同,重新开始"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_name_the_way_out() {
    let (database, folder) = (TestDatabase::with_demo().await, tempfile::tempdir().unwrap());
    let folder = folder.path();
    for (arguments, code, said) in [
        (&["a.pmtiles", "--region", "999999"][..], 2, "没有辖区 \"999999\""),
        (&["a.pmtiles", "--layers", "grid,houses"], 2, "没有图层 \"houses\"。可用的图层:"),
        (&["a.pmtiles", "--layers", "party_org"], 2, "没有图层"),
        (&["a.pmtiles", "--maxzoom", "17"], 2, "6 至 16 级"),
        (&["a.pmtiles", "--minzoom", "12", "--maxzoom", "9"], 2, "级别 12 至 9 不可用"),
        (&["no/such/folder/a.pmtiles"], 1, "no/such/folder/a.pmtiles.part 不能读写"),
        (&["."], 2, "是文件夹"),
    ] {
        let told = refused(&database, folder, arguments, code).await;
        assert!(told.contains(said), "{told}");
        let is_chinese = |l: &str| l.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c));
        assert!(told.lines().any(|l| !l.is_empty() && !is_chinese(l)), "and in English: {told}");
    }
    assert!(names(folder).is_empty());
    std::fs::write(folder.join("there.pmtiles"), "mine").unwrap();
    let code = one_text(&database, "SELECT code FROM layer_region WHERE level = 'village' ORDER BY id LIMIT 1").await;
    let there = ["there.pmtiles", "--region", &code, "--layers", "region,grid"];
    let told = refused(&database, folder, &there, 2).await;
    assert!(told.contains("--force"), "{told}");
    assert_eq!(std::fs::read(folder.join("there.pmtiles")).unwrap(), b"mine");
    done(&database, folder, &[&there[..], &["--force"]].concat()).await;
    assert!(std::fs::read(folder.join("there.pmtiles")).unwrap().starts_with(b"PMTiles"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_says_so_and_two_exports_do_not_mix() {
    let (database, folder) = (TestDatabase::with_demo().await, tempfile::tempdir().unwrap());
    let folder = folder.path();
    // A device on which every write finds no space left.
    std::fs::create_dir(folder.join("full.pmtiles.part")).unwrap();
    std::os::unix::fs::symlink("/dev/full", folder.join("full.pmtiles.part/tiles")).unwrap();
    let told = refused(&database, folder, &with("full.pmtiles"), 1).await;
    assert!(told.contains("磁盘已满") && told.contains("从断点继续"), "{told}");
    assert!(!folder.join("full.pmtiles").exists());
    let part = folder.join("two.pmtiles.part");
    std::fs::create_dir(&part).unwrap();
    let other = std::fs::File::create(part.join("lock")).unwrap();
    other.lock().unwrap();
    let told = refused(&database, folder, &with("two.pmtiles"), 1).await;
    assert!(told.contains("另一个导出正在写"), "{told}");
    drop(other);
    done(&database, folder, &with("two.pmtiles")).await;
}
