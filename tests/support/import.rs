//! Imports as the tests ask for them.

#![allow(dead_code, missing_docs, clippy::missing_panics_doc, clippy::unwrap_used)]

use std::path::Path;

use yitu::access::phone::PhoneKey;
use yitu::service::import::{Declaration, ImportLayer, ImportRequest};

pub fn phone_key() -> PhoneKey {
    PhoneKey::new(&[7; 32])
}

/// One file, read as it is.
pub fn request(layer: ImportLayer, file: &Path) -> ImportRequest {
    ImportRequest {
        layer,
        files: vec![file.to_owned()],
        reading: yitu::service::import::source::Reading::default(),
        said: yitu::service::import::position::Said::default(),
        level: None,
        parent: None,
        map: Vec::new(),
        declared: Declaration {
            security_class: "internal".into(),
            provider: "测试测绘队".into(),
            dated: "2026-03-01".parse().unwrap(),
            approval_no: None,
        },
        phone_key: phone_key(),
        county: None,
        dry_run: false,
        skip_refused: false,
        now: "2026-11-20T02:00:00Z".parse().unwrap(),
    }
}
