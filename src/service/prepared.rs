//! What is costly to make from the atlas and serves until its layers change.

use std::sync::Arc;

use parking_lot::RwLock;

use super::Yitu;
use crate::domain::Layer;

/// Something made from layers of the atlas, with the sum of their generations when it was made.
#[derive(Debug)]
pub struct Prepared<T>(RwLock<Option<(u64, Arc<T>)>>);

impl<T> Default for Prepared<T> {
    fn default() -> Self {
        Self(RwLock::default())
    }
}

impl<T> Prepared<T> {
    /// What stands there, or else what `make` makes now.
    pub fn get(&self, yitu: &Yitu, layers: &[Layer], make: impl FnOnce() -> T) -> Arc<T> {
        // Read before the layers: what is made may then be newer than it claims, never older.
        let generation = layers.iter().map(|&l| yitu.atlas.layer_generation(l)).sum();
        if let Some((at, made)) = &*self.0.read()
            && *at == generation
        {
            return Arc::clone(made);
        }
        let made = Arc::new(make());
        *self.0.write() = Some((generation, Arc::clone(&made)));
        made
    }
}
