//! A name for the state of the map that an archive is of.

use std::fmt::Write;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use crate::db::elevation::StoredElevation;
use crate::domain::{Feature, Layer, Value};
use crate::geo::ewkb::{self, EwkbError};
use crate::service::Yitu;

/// Hashes what is drawn, so that the same map has the same name whatever transactions led to it.
#[derive(Debug, Default)]
pub struct State(Sha256);

impl State {
    /// Takes in a text, such as a layer's settings.
    pub fn text(&mut self, text: &str) {
        self.0.update((text.len() as u64).to_le_bytes());
        self.0.update(text);
    }

    /// Takes in a layer's features and their settings.
    ///
    /// # Errors
    /// When a geometry has no bytes.
    pub fn layer(&mut self, yitu: &Yitu, layer: Layer) -> Result<(), EwkbError> {
        self.text(&format!("{layer} {:?}", yitu.tiles.layers.configs().get(layer)));
        let store = yitu.atlas.layer(layer);
        self.text(&format!("{:?}", store.schema()));
        let mut features: Vec<&Arc<Feature>> = store.iter().collect();
        features.sort_unstable_by_key(|f| f.id);
        features.into_iter().try_for_each(|f| self.feature(f))
    }

    /// Takes in one feature.
    ///
    /// # Errors
    /// When its geometry has no bytes.
    pub fn feature(&mut self, feature: &Feature) -> Result<(), EwkbError> {
        self.0.update(feature.id.to_le_bytes());
        let geometry = feature.geometry.as_ref().map(ewkb::encode).transpose()?.unwrap_or_default();
        self.0.update((geometry.len() as u64).to_le_bytes());
        self.0.update(geometry);
        feature.values.iter().for_each(|v| self.value(v));
        Ok(())
    }

    fn value(&mut self, value: &Value) {
        match value {
            Value::Null => self.0.update([0]),
            Value::Bool(yes) => self.0.update([1, u8::from(*yes)]),
            Value::Int(number) => self.number(2, number.to_le_bytes()),
            Value::Float(number) => self.number(3, number.to_le_bytes()),
            Value::Text(text) => {
                self.0.update([4]);
                self.text(text);
            }
            Value::TextList(texts) => {
                self.number(5, (texts.len() as u64).to_le_bytes());
                texts.iter().for_each(|t| self.text(t));
            }
            Value::Ids(ids) => {
                self.number(6, (ids.len() as u64).to_le_bytes());
                ids.iter().for_each(|id| self.0.update(id.to_le_bytes()));
            }
        }
    }

    fn number(&mut self, kind: u8, bytes: [u8; 8]) {
        self.0.update([kind]);
        self.0.update(bytes);
    }

    /// Takes in the heights.
    pub fn elevation(&mut self, stored: &StoredElevation) {
        for degrees in [stored.west, stored.north, stored.cell_degrees_x, stored.cell_degrees_y] {
            self.0.update(degrees.to_le_bytes());
        }
        self.0.update(stored.columns.to_le_bytes());
        self.0.update(&stored.heights);
    }

    /// The name: 32 hexadecimal digits.
    #[must_use]
    pub fn name(self) -> String {
        self.0.finalize().iter().take(16).fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
    }
}
