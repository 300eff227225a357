//! The copy outside the database.

use crate::Desk;
use yitu::service::seal::{Copies, pass};

#[tokio::test]
async fn a_line_torn_by_a_crash_is_completed_and_a_lost_one_is_named() {
    let mut desk = Desk::sealed().await;
    let path = desk.copy();
    let whole = std::fs::read(&path).unwrap();
    let lines: Vec<&[u8]> = whole.split_inclusive(|b| *b == b'\n').collect();
    assert_eq!(lines.len(), 4);
    let upto = |n: usize| lines[..n].concat().len();
    for kept in [upto(3) + 40, upto(4) - 1, upto(3), upto(1), upto(0)] {
        // Killed: what it had open is gone.
        desk.copies = Copies::of(desk.data.path());
        std::fs::write(&path, &whole[..kept]).unwrap();
        assert_eq!(desk.kinds().await, ["copy_short"], "{kept} bytes");
        assert_eq!(desk.seal().await, 0);
        assert_eq!(std::fs::read(&path).unwrap(), whole, "{kept} bytes");
        assert_eq!(desk.check().await.count, 0);
    }
    desk.copies = Copies::of(desk.data.path());
    std::fs::remove_file(&path).unwrap();
    assert_eq!(desk.kinds().await, ["copy_short"]);
    desk.seal().await;
    assert_eq!(std::fs::read(&path).unwrap(), whole);
}

#[tokio::test]
async fn a_file_that_is_not_this_databases_is_left_alone_and_named() {
    let mut desk = Desk::sealed().await;
    let path = desk.copy();
    let whole = String::from_utf8(std::fs::read(&path).unwrap()).unwrap();
    let digest = &whole.lines().nth(3).unwrap()[40..];
    let altered = whole.replace(digest, &digest.replace("\"rows\":2", "\"rows\":3"));
    std::fs::write(&path, &altered).unwrap();
    assert_eq!(desk.kinds().await, ["copy_differs"]);
    std::fs::write(&path, whole.replacen('{', "[", 1)).unwrap();
    assert_eq!(desk.kinds().await, ["copy_unreadable"]);

    // Half a line of something else, and a whole one: neither is written over.
    for other in [whole[..whole.len() - 30].to_owned() + "00", whole.replace(&whole[whole.len() - 67..], "00\"}\n")] {
        desk.copies = Copies::of(desk.data.path());
        std::fs::write(&path, &other).unwrap();
        desk.report("路边垃圾堆积").await;
        let refused = pass(&desk.database.databases, &mut desk.copies, desk.yitu.clock.now()).await.unwrap_err();
        assert!(refused.to_string().contains("不相接"), "{refused}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), other);
        assert_eq!(desk.one::<i64>("SELECT count(*) FROM incident_history WHERE seal_number IS NULL").await, 0);
    }
    std::fs::write(&path, &whole).unwrap();
    desk.copies = Copies::of(desk.data.path());
    desk.seal().await;
    assert_eq!(desk.check().await.count, 0);
}

#[tokio::test]
async fn a_replaced_county_begins_a_new_copy_and_keeps_the_old_one() {
    let desk = Desk::sealed().await;
    let old = std::fs::read(desk.copy()).unwrap();
    let out = desk.cli(&["demo", "--size", "small", "--replace"]);
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let out = desk.cli(&["check", "--history"]);
    assert!(out.status.success(), "{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
    assert!(String::from_utf8_lossy(&out.stdout).contains("历史完整"));
    let kept: Vec<_> = std::fs::read_dir(desk.data.path().join("seals")).unwrap().map(|e| e.unwrap().path()).collect();
    assert_eq!(kept.len(), 2);
    assert!(kept.iter().any(|p| std::fs::read(p).unwrap() == old));
}
