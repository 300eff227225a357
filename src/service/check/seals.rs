//! Every seal against the rows it covers, the seal before it, and its copy outside the database.

use std::iter::Peekable;
use std::path::Path;

use chrono::{DateTime, Utc};

use super::history::{Faults, GRACE};
use crate::db::history::Loose;
use crate::domain::seal::{Root, Seal};
use crate::service::seal::copy::Lines;

/// The seals, one after the other.
pub(super) struct Seals<'f> {
    faults: &'f mut Faults,
    copy: Option<Peekable<Lines>>,
    path: &'f Path,
    now: DateTime<Utc>,
    /// The seal whose rows are being taken.
    open: Option<(Seal, Root)>,
    last: Option<Seal>,
    count: u64,
    /// Seals that the copy does not hold: the first, when it was made, and how many.
    uncopied: Option<(i64, i64, u64)>,
}

impl<'f> Seals<'f> {
    pub fn new(faults: &'f mut Faults, copy: Option<Lines>, path: &'f Path, now: DateTime<Utc>) -> Self {
        let copy = copy.map(Iterator::peekable);
        Self { faults, copy, path, now, open: None, last: None, count: 0, uncopied: None }
    }

    /// Takes a seal with the digest of the next of its rows.
    pub fn take(&mut self, seal: Seal, row: Option<Vec<u8>>) {
        if self.open.as_ref().is_none_or(|(open, _)| open.number != seal.number) {
            self.close();
            self.open = Some((seal, Root::default()));
        }
        if let Some((_, root)) = &mut self.open
            && let Some(digest) = row
        {
            root.take(&digest);
        }
    }

    fn add(&mut self, kind: &'static str, sentence: String) {
        self.faults.add(kind, (None, None), sentence);
    }

    /// Looks at a seal whose rows are all taken.
    fn close(&mut self) {
        let Some((seal, root)) = self.open.take() else { return };
        self.count += 1;
        let number = seal.number;
        let expected = self.last.as_ref().map_or(1, |s| s.number + 1);
        if number != expected {
            self.missing(expected, number - 1);
        } else if seal.previous != self.last.as_ref().map_or_else(Seal::nothing_before, |s| s.digest.clone()) {
            self.add("altered_seal", format!("第 {number} 号封存与前一号不相接:前一号或这一号被改动。"));
        }
        if !seal.clone().closed().is_ok_and(|s| s.digest == seal.digest) {
            self.add("altered_seal", format!("第 {number} 号封存与其校验值不符:封存被改动。"));
        }
        let (rows, root) = root.close();
        if rows != seal.rows {
            let sentence =
                format!("第 {number} 号封存了 {} 条历史,现有 {rows} 条:有已封存的历史被删去或加入。", seal.rows);
            self.add("missing_sealed_row", sentence);
        } else if root != seal.root {
            let sentence = format!("第 {number} 号封存的 {rows} 条历史与封存时不同:有历史在封存后被改写。");
            self.add("other_rows", sentence);
        }
        self.compare(&seal);
        self.last = Some(seal);
    }

    fn missing(&mut self, first: i64, last: i64) {
        let which = if first == last { format!("第 {first} 号") } else { format!("第 {first} 至 {last} 号") };
        self.add("missing_seal", format!("数据库里缺{which}封存。"));
    }

    /// A seal against its line.
    fn compare(&mut self, seal: &Seal) {
        let path = self.path.display();
        loop {
            let next = self.copy.as_mut().and_then(Iterator::next);
            match next {
                None => {
                    let (.., count) = self.uncopied.get_or_insert((seal.number, seal.sealed_at, 0));
                    *count += 1;
                    return;
                }
                Some((line, None)) => {
                    let sentence = format!("封存文件 {path} 第 {line} 行读不出来:文件被改动。");
                    self.faults.add("copy_unreadable", (None, None), sentence);
                    return;
                }
                // The database's own gap, told already.
                Some((_, Some(copied))) if copied.number < seal.number => {}
                Some((line, Some(copied))) => {
                    if copied != *seal {
                        let sentence = format!(
                            "第 {} 号封存与封存文件 {path} 第 {line} 行不同:数据库的历史被改写,或文件被改动。",
                            seal.number
                        );
                        self.faults.add("copy_differs", (None, None), sentence);
                    }
                    return;
                }
            }
        }
    }

    /// What is left over on either side; answers how many seals there are.
    pub fn finish(mut self, loose: &Loose) -> u64 {
        self.close();
        let last = self.last.as_ref().map_or(0, |s| s.number);
        if let Some(highest) = loose.highest.filter(|h| *h > last) {
            self.missing(last + 1, highest);
        }
        let path = self.path.display();
        let mut left = self.copy.take().into_iter().flatten().filter_map(|(_, s)| Some(s?.number));
        if let Some(first) = left.next() {
            let end = left.last().unwrap_or(first);
            let sentence = format!(
                "封存文件 {path} 还有第 {first} 至 {end} 号封存,数据库里没有:历史的末尾被截去,或恢复了较早的备份。"
            );
            self.faults.add("truncated", (None, None), sentence);
        }
        let patience = (self.now - GRACE).timestamp_micros();
        if let Some((first, _, count)) = self.uncopied.filter(|(_, at, _)| *at < patience) {
            let sentence = format!(
                "封存文件 {path} 缺第 {first} 号起的 {count} 号封存:文件被截去,或尚未补齐(yitu serve 运行时会补齐)。"
            );
            self.faults.add("copy_short", (None, None), sentence);
        }
        if loose.since.is_some_and(|since| since < self.now - GRACE) {
            let sentence = format!("有 {} 条历史尚未封存(yitu serve 运行时每秒封存一次)。", loose.rows);
            self.faults.add("unsealed", (None, None), sentence);
        }
        self.count
    }
}
