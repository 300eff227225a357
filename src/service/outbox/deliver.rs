//! Delivery: every server sends what is due; the database says whose turn each is.
//!
//! An attempt is counted and committed before it is made: should the server die in between, another makes it again once,
//! under the same id. Each receiver has lanes of its own, so that one that never answers holds nobody else up; one that
//! keeps failing is tried less and less.

use std::collections::HashMap;
use std::time::Duration;

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use futures::future::join_all;
use reqwest::Client;
use tokio::task::{AbortHandle, JoinSet};
use uuid::Uuid;

use super::message::Message;
use super::render::outgoing;
use super::secrets::{Secrets, key};
use super::send::{Accepts, Sent, client, send};
use crate::db::outbox::{self, Claimed, Ended, ReceiverKey};
use crate::db::receiver::ReceiverRow;
use crate::domain::receiver::ReceiverKind;
use crate::service::rounds::Rounds;
use crate::service::{ServiceError, WeakYitu, Yitu};

/// Attempts before a delivery is dead.
pub const ATTEMPTS: i32 = 12;
/// How long it is tried at most.
const LONGEST: TimeDelta = TimeDelta::hours(24);
/// The first wait, and the longest.
const WAITS: (f64, f64) = (5.0, 3600.0);
/// Failures in a row from which a receiver rests, how long at first, how long at most.
const PATIENCE: (i32, TimeDelta, TimeDelta) = (5, TimeDelta::seconds(30), TimeDelta::minutes(10));
/// Attempts at one receiver at the same time.
const LANES: usize = 4;
/// Attempts of a lane before the receiver's settings are looked at anew by another round.
const ROUND: usize = 50;
/// How long after its timeout an attempt is taken for lost.
const GRACE: TimeDelta = TimeDelta::seconds(30);
/// Notifications made into deliveries at a time.
const BATCH: i64 = 500;
/// How often is looked for what is due.
const EVERY: Duration = Duration::from_millis(250);
/// How often the backlog is counted, and old rows are looked for.
const TIDY: TimeDelta = TimeDelta::seconds(15);
/// How long what has arrived is kept.
const KEPT: TimeDelta = TimeDelta::days(90);

/// Runs for as long as the server does. Dropped, it ends all attempts under way.
pub async fn run(yitu: WeakYitu) {
    let client = match client() {
        Ok(client) => client,
        Err(error) => return tracing::error!(%error, "nothing can be sent to receivers"),
    };
    let mut rounds = Rounds::every(EVERY, yitu);
    let mut tasks = JoinSet::new();
    let mut busy: HashMap<ReceiverKey, AbortHandle> = HashMap::new();
    let mut tidied = DateTime::<Utc>::MIN_UTC;
    while let Some(yitu) = rounds.next().await {
        while tasks.try_join_next().is_some() {}
        busy.retain(|_, task| !task.is_finished());
        let now = yitu.clock.now();
        if now - tidied >= TIDY || now < tidied {
            tidied = now;
            if let Err(error) = tidy(&yitu, now).await {
                tracing::error!(%error, "the outbox could not be tidied; trying again");
            }
        }
        let ready = match prepare(&yitu).await {
            Ok(ready) => ready,
            Err(error) => {
                tracing::error!(%error, "the outbox could not be read; trying again");
                continue;
            }
        };
        for receiver in ready {
            busy.entry(receiver).or_insert_with(|| {
                let (yitu, client) = (yitu.clone(), client.clone());
                tasks.spawn(async move {
                    if let Err(error) = drain(&yitu, &client, receiver).await {
                        tracing::error!(%error, receiver = receiver.1, "deliveries were interrupted; trying again");
                    }
                })
            });
        }
    }
}

/// Sends all that is due now, to all receivers at once; answers how many attempts it made.
///
/// # Errors
/// When the database fails.
pub async fn pass(yitu: &Yitu) -> Result<usize, ServiceError> {
    let client = client()?;
    let ready = prepare(yitu).await?;
    let drained = join_all(ready.into_iter().map(|receiver| drain(yitu, &client, receiver))).await;
    drained.into_iter().sum()
}

/// Makes deliveries of new notifications and gives up old ones; answers who has something due.
async fn prepare(yitu: &Yitu) -> Result<Vec<ReceiverKey>, ServiceError> {
    let now = yitu.clock.now().trunc_subsecs(6);
    while outbox::spread(&yitu.db.system, now, BATCH, ATTEMPTS).await? == BATCH as u64 {}
    outbox::give_up(&yitu.db.system, now, now - LONGEST).await?;
    Ok(outbox::ready(&yitu.db.system, now).await?)
}

/// Counts the backlog and forgets what arrived long ago.
///
/// # Errors
/// When the database fails.
pub async fn tidy(yitu: &Yitu, now: DateTime<Utc>) -> Result<(), ServiceError> {
    let (pending, dead) = outbox::standing(&yitu.db.system).await?;
    metrics::gauge!("yitu_deliveries", "state" => "pending").set(pending as f64);
    metrics::gauge!("yitu_deliveries", "state" => "dead").set(dead as f64);
    outbox::trim(&yitu.db.system, now - KEPT, 10 * BATCH).await?;
    Ok(())
}

/// Sends what is due to one receiver.
async fn drain(yitu: &Yitu, client: &Client, key: ReceiverKey) -> Result<usize, ServiceError> {
    let Some(receiver) = outbox::receiver(&yitu.db.system, key, yitu.clock.now()).await? else { return Ok(0) };
    // Whether one that has failed so often works again is found out with one attempt.
    let lanes = if receiver.failures >= PATIENCE.0 { 1 } else { LANES };
    join_all((0..lanes).map(|_| lane(yitu, client, key))).await.into_iter().sum()
}

async fn lane(yitu: &Yitu, client: &Client, key: ReceiverKey) -> Result<usize, ServiceError> {
    for made in 0..ROUND {
        let now = yitu.clock.now().trunc_subsecs(6);
        let Some(receiver) = outbox::receiver(&yitu.db.system, key, now).await? else { return Ok(made) };
        let lost_at = now + TimeDelta::milliseconds(receiver.timeout_ms.into()) + GRACE;
        let Some(claimed) = outbox::claim(&yitu.db.system, key, now, lost_at).await? else { return Ok(made) };
        attempt(yitu, client, &receiver, &claimed).await?;
    }
    Ok(ROUND)
}

async fn attempt(yitu: &Yitu, client: &Client, receiver: &ReceiverRow, claimed: &Claimed) -> Result<(), ServiceError> {
    let key = (receiver.county_id, receiver.id);
    let row = outbox::message(&yitu.db.system, receiver.county_id, claimed.notification_id).await?;
    let message = Message { row: &row, fields: &receiver.fields };
    // Its right to restricted matters may be gone since it was to be told.
    let withheld = row.restricted && !receiver.restricted;
    let sent = if withheld {
        Sent { status: None, took: Duration::ZERO, fault: Some("保密件不再发给这个接收方".to_owned()) }
    } else {
        send_to(yitu, client, receiver, &message).await
    };
    let at = yitu.clock.now().trunc_subsecs(6);
    let over = withheld || claimed.attempts >= claimed.give_up_after || at - claimed.since >= LONGEST;
    let state = match (&sent.fault, over) {
        (None, _) => "delivered",
        (Some(_), true) => "dead",
        (Some(_), false) => "pending",
    };
    let made = claimed.attempts - (claimed.give_up_after - ATTEMPTS);
    let ended = Ended {
        state,
        at,
        due_at: at + wait(claimed.notification_id, made),
        status: sent.status.map(i32::from),
        took_ms: sent.took.as_millis().try_into().unwrap_or(i32::MAX),
        fault: sent.fault.as_deref(),
    };
    outbox::end(&yitu.db.system, key, claimed, &ended).await?;
    let outcome = if sent.fault.is_none() { "delivered" } else { "failed" };
    metrics::counter!("yitu_delivery_attempts_total", "kind" => receiver.kind.clone(), "outcome" => outcome)
        .increment(1);
    match sent.fault {
        None if receiver.failures == 0 => {}
        None => outbox::works(&yitu.db.system, key).await?,
        Some(_) if withheld => {}
        Some(fault) => {
            let attempt = claimed.attempts;
            tracing::warn!(receiver = receiver.id, id = %claimed.notification_id, attempt, %fault, state, "not delivered");
            outbox::fails(&yitu.db.system, key, at, PATIENCE).await?;
        }
    }
    Ok(())
}

/// Makes one attempt and judges it; settings that cannot be used are a fault like any other.
pub async fn send_to(yitu: &Yitu, client: &Client, receiver: &ReceiverRow, message: &Message<'_>) -> Sent {
    let unsent = |fault: String| Sent { status: None, took: Duration::ZERO, fault: Some(fault) };
    let secrets = match key(yitu).await.and_then(|key| Secrets::open(&key, &receiver.sealed)) {
        Ok(secrets) => secrets,
        Err(error) => {
            tracing::error!(%error, receiver = receiver.id, "its secrets cannot be opened");
            return unsent("接收方的地址与密钥无法解开,请核对本服务器的密钥文件,或重新填写".to_owned());
        }
    };
    let outgoing = match outgoing(receiver, &secrets, message, yitu.clock.now()) {
        Ok(outgoing) => outgoing,
        Err(fault) => return unsent(fault),
    };
    let by_code = ReceiverKind::from_code(&receiver.kind).is_some_and(ReceiverKind::answers_by_code);
    let accepts = match receiver.expect.as_deref() {
        Some(text) => Accepts::Text(text),
        None if by_code => Accepts::ZeroErrcode,
        None => Accepts::Status,
    };
    let timeout = Duration::from_millis(receiver.timeout_ms.unsigned_abs().into());
    send(client, outgoing, timeout, accepts).await
}

/// How long to wait after so many attempts: twice as long each time, a fifth more or less by the id, so that what failed
/// together is not tried together again.
fn wait(id: Uuid, attempts: i32) -> TimeDelta {
    let (first, longest) = WAITS;
    let seconds = (first * 2_f64.powi((attempts - 1).clamp(0, 30))).min(longest);
    let hash = xxhash_rust::xxh3::xxh3_64_with_seed(id.as_bytes(), attempts.unsigned_abs().into());
    let spread = 0.8 + 0.4 * (hash as f64 / u64::MAX as f64);
    TimeDelta::milliseconds((seconds * spread * 1000.0) as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_from_seconds_to_an_hour() {
        let id = Uuid::from_u128(7);
        for attempts in 1..=ATTEMPTS {
            let exact = (5.0 * 2_f64.powi(attempts - 1)).min(3600.0);
            let waited = wait(id, attempts).num_milliseconds() as f64 / 1000.0;
            assert!((0.8 * exact - 0.01..=1.2 * exact + 0.01).contains(&waited), "{attempts}: {waited}");
            assert_eq!(wait(id, attempts), wait(id, attempts));
        }
        let others: std::collections::HashSet<_> = (0..50).map(|n| wait(Uuid::from_u128(n), 1)).collect();
        assert!(others.len() > 40, "they are spread");
    }
}
