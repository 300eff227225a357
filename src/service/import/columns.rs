//! Which column of a file fills which field: guessed from the headers, shown, and overridden.

use std::collections::BTreeMap;

use super::ImportError;
use super::fields::ImportLayer;

/// Field → index of the column that fills it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mapping(pub BTreeMap<&'static str, usize>);

impl Mapping {
    /// Guesses from the headers, then applies what the user said (`field=column`). A column without a single value,
    /// as KML has many, is guessed only where no other will do.
    ///
    /// # Errors
    /// When a named field or column does not exist, or a required field has no column.
    pub fn new(
        layer: ImportLayer,
        headers: &[String],
        is_filled: impl Fn(usize) -> bool,
        said: &[(String, String)],
    ) -> Result<Self, ImportError> {
        let mut mapping = BTreeMap::new();
        let normal: Vec<String> = headers.iter().map(|h| normalise(h)).collect();
        for field in layer.fields() {
            // The order of the synonyms is their rank; a column fills one field at most.
            let free = |k: &usize| !mapping.values().any(|v| v == k);
            let mut named =
                field.synonyms.iter().flat_map(|s| (0..normal.len()).filter(|k| normal[*k] == *s && free(k)));
            let first = named.clone().next();
            if let Some(column) = named.find(|k| is_filled(*k)).or(first) {
                mapping.insert(field.key, column);
            }
        }
        let columns = headers.join("、");
        for (key, column) in said {
            let Some(field) = layer.fields().iter().find(|f| f.key == key) else {
                let keys: Vec<&str> = layer.fields().iter().map(|f| f.key).collect();
                return Err(ImportError::Usage(format!(
                    "--map {key}={column}:没有字段 {key}。可用的字段:{}。",
                    keys.join("、")
                )));
            };
            let Some(index) = headers.iter().position(|h| h == column) else {
                return Err(ImportError::Usage(format!(
                    "--map {key}={column}:文件里没有列“{column}”。文件的列:{columns}。"
                )));
            };
            mapping.retain(|_, v| *v != index);
            mapping.insert(field.key, index);
        }
        if let Some(missing) = layer.fields().iter().find(|f| f.required && !mapping.contains_key(f.key)) {
            return Err(ImportError::File(format!(
                "没有找到“{}”({})对应的列。文件的列:{columns}。请用 --map {}=列名 指明。",
                missing.label, missing.key, missing.key
            )));
        }
        Ok(Self(mapping))
    }

    /// One line a field: `名称(name) ← 列“AREANAME”`.
    #[must_use]
    pub fn shown(&self, layer: ImportLayer, headers: &[String]) -> Vec<String> {
        let line = |f: &super::fields::Field| {
            let column = headers.get(*self.0.get(f.key)?)?;
            Some(format!("{}({}) ← 列“{column}”", f.label, f.key))
        };
        layer.fields().iter().filter_map(line).collect()
    }

    /// Field → header, to be saved.
    #[must_use]
    pub fn saved(&self, headers: &[String]) -> BTreeMap<String, String> {
        self.0.iter().filter_map(|(k, v)| Some(((*k).to_owned(), headers.get(*v)?.clone()))).collect()
    }
}

fn normalise(header: &str) -> String {
    header
        .trim()
        .trim_start_matches('\u{feff}')
        .to_lowercase()
        .chars()
        .filter(|c| !c.is_whitespace() && !"_-*".contains(*c))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(names: &[&str]) -> Vec<String> {
        names.iter().map(|n| (*n).to_owned()).collect()
    }

    #[test]
    fn chinese_and_english_headers_are_guessed_and_overridden() {
        let there = headers(&["户 号", "户主姓名", "经度", "LAT", "别名"]);
        let mapping = Mapping::new(ImportLayer::Household, &there, |_| true, &[]).expect("guessed");
        assert_eq!(mapping.0, BTreeMap::from([("number", 0), ("head", 1), ("lon", 2), ("lat", 3)]));
        let said = [("head".to_owned(), "别名".to_owned())];
        assert_eq!(Mapping::new(ImportLayer::Household, &there, |_| true, &said).expect("said").0["head"], 4);
    }

    #[test]
    fn an_empty_column_gives_way() {
        let there = headers(&["Name", "名称", "类别"]);
        let guessed = |empty: &[usize]| {
            Mapping::new(ImportLayer::Venue, &there, |k| !empty.contains(&k), &[]).expect("guessed").0["name"]
        };
        assert_eq!((guessed(&[]), guessed(&[0]), guessed(&[0, 1])), (0, 1, 0));
    }

    #[test]
    fn a_missing_column_is_named_with_the_way_out() {
        let error = Mapping::new(ImportLayer::Household, &headers(&["户主"]), |_| true, &[])
            .expect_err("no number")
            .to_string();
        assert!(error.contains("户号") && error.contains("--map number="), "{error}");
    }
}
