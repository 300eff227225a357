//! The dependency rules: imports run downwards only, SQL stays in `db`, axum in `http`.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Lower rows first; modules of one row are siblings and never import each other.
const ROWS: &[&[&str]] = &[
    &["geo"],
    &["domain"],
    &["atlas", "tiles", "dispatch", "planning", "access", "db"],
    // Settings are read by use cases and by the programs above them.
    &["config"],
    &["service"],
    &["http"],
    &["demo"],
    &["cli"],
];

fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
}

/// The top-level modules that a source text names by `crate::…`, also in grouped imports.
fn imported(text: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let code: String = text.lines().filter(|l| !l.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        if let Some(group) = rest.strip_prefix('{') {
            let mut depth = 0;
            let mut word = String::new();
            for c in group.chars() {
                match c {
                    '{' => depth += 1,
                    '}' if depth == 0 => {
                        names.insert(std::mem::take(&mut word));
                        break;
                    }
                    '}' => depth -= 1,
                    ',' if depth == 0 => {
                        names.insert(std::mem::take(&mut word));
                    }
                    c if depth == 0 => word.push(c),
                    _ => {}
                }
            }
        } else {
            names.insert(rest.to_owned());
        }
    }
    let first = |name: String| name.trim().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
    names.into_iter().map(first).filter(|n| !n.is_empty()).collect()
}

fn row(module: &str) -> Option<usize> {
    ROWS.iter().position(|row| row.contains(&module))
}

/// Every import in `src` that the rules forbid, as "file: what".
fn offences(src: &Path) -> Vec<String> {
    let mut files = Vec::new();
    rust_files(src, &mut files);
    let mut offences = Vec::new();
    for file in files {
        let inside = file.strip_prefix(src).unwrap();
        let module = inside.iter().next().unwrap().to_str().unwrap().trim_end_matches(".rs").to_owned();
        if module == "lib" || module == "main" {
            continue;
        }
        let Some(own) = row(&module) else {
            offences.push(format!("{}: module {module} has no place in the order", inside.display()));
            continue;
        };
        let text = fs::read_to_string(&file).unwrap();
        for other in imported(&text) {
            if other != module && row(&other).is_some_and(|row| row >= own) {
                offences.push(format!("{}: {module} imports {other}", inside.display()));
            }
        }
        for (library, home) in [("sqlx", "db"), ("axum", "http")] {
            let uses = text.lines().any(|l| !l.trim_start().starts_with("//") && l.contains(&format!("{library}::")));
            if uses && module != home {
                offences.push(format!("{}: {library} belongs to {home} alone", inside.display()));
            }
        }
    }
    offences
}

#[test]
fn imports_run_downwards_only() {
    let offences = offences(Path::new("src"));
    assert!(offences.is_empty(), "{}", offences.join("\n"));
}

#[test]
fn a_wrong_arrow_is_found() {
    let folder = tempfile::tempdir().unwrap();
    for (file, text) in [
        ("geo/tile.rs", "use crate::domain::Layer;\n"),
        ("tiles/encode.rs", "use crate::{geo::TileId, atlas::{Atlas, LayerStore}};\n"),
        ("service/report.rs", "fn f() { let _ = sqlx::query(\"\"); }\n// use crate::http::x;\n"),
        ("dispatch/decide.rs", "use crate::domain::Viewer;\n"),
    ] {
        let path = folder.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let mut found = offences(folder.path());
    found.sort();
    assert_eq!(
        found,
        [
            "geo/tile.rs: geo imports domain",
            "service/report.rs: sqlx belongs to db alone",
            "tiles/encode.rs: tiles imports atlas",
        ]
    );
}
