//! What a shapefile's own bytes say before GDAL reads it: whether its parts are there and whole, and its character set.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::ImportError;

/// Whether the parts of a shapefile are there and as long as their headers say. GDAL reads a cut-off file as far as
/// it goes, without a word.
///
/// # Errors
/// Which part is missing or cut off.
pub fn check(file: &str, path: &Path) -> Result<(), ImportError> {
    let stem = path.file_stem().map_or_else(|| file.to_owned(), |s| s.to_string_lossy().into_owned());
    let missing = |part: &str, holds: &str| {
        ImportError::File(format!(
            "{file} 缺同名的 {stem}.{part}({holds})。Shapefile 由 .shp、.shx、.dbf 等几个文件组成,请一并复制到同一文件夹。"
        ))
    };
    let index = part(path, "shx").ok_or_else(|| missing("shx", "图形索引"))?;
    let table = part(path, "dbf").ok_or_else(|| missing("dbf", "属性表"))?;
    for main in [path, &index] {
        let head = head::<28>(main).filter(|h| h[..4] == 9994_i32.to_be_bytes());
        let head =
            head.ok_or_else(|| ImportError::File(format!("{} 不是 Shapefile 文件。请核对文件。", name(main))))?;
        // Bytes 24–27: length of the file in words of 16 bits (ESRI Shapefile Technical Description, 1998).
        let said = 2 * u64::from(u32::from_be_bytes([head[24], head[25], head[26], head[27]]));
        whole(main, said)?;
    }
    // Bytes 4–7 count the records, 8–9 and 10–11 measure the header and one record (dBase III).
    let Some(head) = head::<12>(&table) else { return whole(&table, 32) };
    let records = u64::from(u32::from_le_bytes([head[4], head[5], head[6], head[7]]));
    let header = u64::from(u16::from_le_bytes([head[8], head[9]]));
    let record = u64::from(u16::from_le_bytes([head[10], head[11]]));
    whole(&table, header + records * record)
}

fn whole(path: &Path, said: u64) -> Result<(), ImportError> {
    let there = std::fs::metadata(path).map_or(0, |m| m.len());
    if there >= said {
        return Ok(());
    }
    Err(ImportError::File(format!("{} 不完整:应有 {said} 字节,只有 {there} 字节。请重新导出或复制文件。", name(path))))
}

fn name(path: &Path) -> String {
    path.file_name().map_or_else(String::new, |n| n.to_string_lossy().into_owned())
}

fn part(path: &Path, extension: &str) -> Option<PathBuf> {
    let named = [extension.to_owned(), extension.to_uppercase()].map(|e| path.with_extension(e));
    named.into_iter().find(|p| p.exists())
}

fn head<const N: usize>(path: &Path) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    File::open(path).and_then(|mut f| f.read_exact(&mut bytes)).ok().map(|()| bytes)
}

/// Which character set a shapefile's table is in: as said, as it says itself, or recognised from its bytes.
pub fn encoding(file: &str, path: &Path, said: Option<&str>, notes: &mut Vec<String>) -> Option<String> {
    if let Some(said) = said {
        return Some(format!("ENCODING={said}"));
    }
    let has_cpg = ["cpg", "CPG", "cst"].iter().any(|e| path.with_extension(e).exists());
    let table = std::fs::read(part(path, "dbf")?).ok()?;
    // Byte 29 is the language driver; 0 and 0x57 say nothing of Chinese.
    let driver = table.get(29).copied().unwrap_or(0);
    if has_cpg || !matches!(driver, 0 | 0x57) || table.get(32..)?.is_ascii() {
        return None;
    }
    let utf8 = std::str::from_utf8(table.get(32..)?).is_ok();
    let encoding = if utf8 { "UTF-8" } else { "GBK" };
    notes.push(format!("{file}:没有 .cpg,按内容识别为 {encoding} 编码;不对请用 --encoding 指明。"));
    Some(format!("ENCODING={encoding}"))
}
