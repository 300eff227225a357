//! What changed lately in one layer, so that whoever prepared something from it can tell whether it still holds.

use std::collections::VecDeque;

use geo::Intersects;

use crate::geo::Bbox;

/// Changes remembered by layer. Older preparations are taken as outdated.
const REMEMBERED: usize = 4096;

/// Counts a layer's changes and remembers where the latest were.
#[derive(Debug, Default)]
pub struct History {
    generation: u64,
    /// All changes after this generation are in `recent`.
    forgotten: u64,
    recent: VecDeque<(u64, Bbox)>,
}

impl History {
    /// Moves on with each change.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// Notes that features changed within some boxes (degrees), each as it was and as it is.
    pub fn note(&mut self, boxes: impl IntoIterator<Item = Bbox>) {
        self.generation += 1;
        for bbox in boxes {
            if self.recent.len() == REMEMBERED
                && let Some((dropped, _)) = self.recent.pop_front()
            {
                self.forgotten = dropped;
            }
            self.recent.push_back((self.generation, bbox));
        }
    }

    /// Notes that anything may have changed anywhere.
    pub fn note_all(&mut self) {
        self.generation += 1;
        self.forgotten = self.generation;
        self.recent.clear();
    }

    /// Whether anything within `bbox` may have changed after `generation`. O(changes since).
    #[must_use]
    pub fn changed_since(&self, generation: u64, bbox: Bbox) -> bool {
        generation < self.forgotten
            || self
                .recent
                .iter()
                .rev()
                .take_while(|(at, _)| *at > generation)
                .any(|(_, changed)| changed.intersects(&bbox))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(x: f64) -> Bbox {
        Bbox::new((x, 0.0), (x + 1.0, 1.0))
    }

    #[test]
    fn only_later_changes_of_the_place_count() {
        let mut history = History::default();
        history.note([at(0.0)]);
        let seen = history.generation();
        assert!(!history.changed_since(seen, at(0.0)));
        history.note([at(5.0)]);
        assert!(!history.changed_since(seen, at(0.0)) && history.changed_since(seen, at(5.5)));
        history.note((0..REMEMBERED).map(|_| at(9.0)));
        assert!(history.changed_since(seen, at(0.0)), "what is forgotten counts as changed");
        history.note_all();
        assert!(!history.changed_since(history.generation(), at(9.0)));
    }
}
