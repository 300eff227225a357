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
    /// What stands there, or else what `make` makes now of what stood there before.
    pub fn get(&self, yitu: &Yitu, layers: &[Layer], make: impl FnOnce(Option<&T>) -> T) -> Arc<T> {
        // Read before the layers: what is made may then be newer than it claims, never older.
        let generation = layers.iter().map(|&l| yitu.atlas.layer_generation(l)).sum();
        let known = self.0.read().clone();
        if let Some((at, made)) = &known
            && *at == generation
        {
            return Arc::clone(made);
        }
        let made = Arc::new(make(known.as_ref().map(|(_, made)| made.as_ref())));
        *self.0.write() = Some((generation, Arc::clone(&made)));
        made
    }
}
