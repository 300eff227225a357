//! What a server does again and again.

use std::time::Duration;

use tokio::time::{Interval, MissedTickBehavior};

use super::{WeakYitu, Yitu};

/// Comes round for as long as the server runs and its database is open. A round that takes long puts the next one off.
#[derive(Debug)]
pub struct Rounds {
    tick: Interval,
    yitu: WeakYitu,
}

impl Rounds {
    /// One round every so often, the first at once.
    #[must_use]
    pub fn every(period: Duration, yitu: WeakYitu) -> Self {
        let mut tick = tokio::time::interval(period);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { tick, yitu }
    }

    /// The server, when the next round is due; nothing once it stops.
    pub async fn next(&mut self) -> Option<Yitu> {
        self.tick.tick().await;
        self.yitu.upgrade().filter(|yitu| !yitu.db.system.is_closed())
    }
}
