//! The check of the history: every chain and every seal is computed anew and compared with the copy outside.

use std::path::Path;
use std::time::Instant;

use chrono::{DateTime, Duration, Utc};
use serde::Serialize;
use uuid::Uuid;

use super::seals::Seals;
use crate::db::history::{self, StoredStep};
use crate::db::{Databases, audit, seal};
use crate::domain::incident::{Action, HistoryRow, State};
use crate::domain::seal::{ERASED, hex, is_reference, words_digest};
use crate::service::ServiceError;
use crate::service::seal::copy::{self, Lines};

/// What was just written may wait so long for its seal and its copy.
pub(super) const GRACE: Duration = Duration::seconds(5);
/// Faults that are told one by one; the others are counted.
const TOLD: usize = 1000;

/// What the check of one county's history found.
#[derive(Debug, Clone, Serialize)]
pub struct HistoryReport {
    /// The county.
    pub county: String,
    /// Incidents that have a history.
    pub incidents: u64,
    /// Rows looked at.
    pub rows: u64,
    /// Of those, rows whose words were erased.
    pub erased: u64,
    /// Seals looked at.
    pub seals: u64,
    /// How long it took.
    pub seconds: f64,
    /// Rows a second.
    pub rows_per_second: f64,
    /// All faults.
    pub count: usize,
    /// The first thousand of them.
    pub faults: Vec<HistoryFault>,
}

/// One fault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HistoryFault {
    /// Its kind: `altered_row`, `missing_row`, `broken_link`, `altered_words`, `unrecorded_erasure`, `other_state`,
    /// `no_history`, `incident_gone`, `altered_seal`, `missing_seal`, `missing_sealed_row`, `other_rows`,
    /// `copy_differs`, `copy_unreadable`, `copy_short`, `truncated`, `unsealed`, `audit_log`.
    pub kind: &'static str,
    /// What is at fault.
    pub sentence: String,
    /// The incident's number, or that of the row of the audit log, where it is about one.
    pub number: Option<i64>,
    /// The row within the incident, where it is about one.
    pub ordinal: Option<i32>,
}

/// Faults as they are found.
#[derive(Debug, Default)]
pub(super) struct Faults {
    pub count: usize,
    told: Vec<HistoryFault>,
}

impl Faults {
    pub fn add(&mut self, kind: &'static str, of: (Option<i64>, Option<i32>), sentence: String) {
        self.count += 1;
        if self.told.len() < TOLD {
            self.told.push(HistoryFault { kind, sentence, number: of.0, ordinal: of.1 });
        }
    }
}

/// Checks every county's history against the copies in a data folder, on one state of the database. Memory does not
/// grow with the history.
///
/// # Errors
/// When the database or a copy cannot be read.
pub async fn run(db: &Databases, data_dir: &Path, now: DateTime<Utc>) -> Result<Vec<HistoryReport>, ServiceError> {
    let mut reports = Vec::new();
    for (county, name) in seal::counties(&db.migrator).await? {
        let begun = Instant::now();
        let path = copy::path(data_dir, county);
        // Before the database's state is fixed: a seal is in the database before it is in its copy.
        let lines = Lines::open(&path).map_err(|e| ServiceError::Internal(format!("{}:{e}", path.display())))?;
        let mut on = history::snapshot(&db.migrator).await?;
        let mut faults = Faults::default();
        let mut chains = Chains { faults: &mut faults, at: None, incidents: 0, rows: 0, erased: 0 };
        history::each_step(&mut on, county, |step| chains.take(step)).await?;
        chains.finish();
        let Chains { incidents, rows, erased, .. } = chains;
        for number in history::without(&mut on, county, TOLD as i64).await? {
            faults.add("no_history", (Some(number), None), format!("第 {number} 号事件没有任何历史。"));
        }
        let mut seals = Seals::new(&mut faults, lines, &path, now);
        history::each_sealed(&mut on, county, |seal, row| seals.take(seal, row)).await?;
        let loose = history::loose(&mut on, county).await?;
        let seals = seals.finish(&loose);
        for number in audit::broken(&mut on, county).await? {
            let sentence = format!("审计日志第 {number} 条被改动,或其前有缺失。");
            faults.add("audit_log", (Some(number), None), sentence);
        }
        let seconds = begun.elapsed().as_secs_f64();
        let rows_per_second = (rows as f64 / seconds.max(1e-6)).round();
        let Faults { count, told } = faults;
        reports.push(HistoryReport {
            county: name,
            incidents,
            rows,
            erased,
            seals,
            seconds,
            rows_per_second,
            count,
            faults: told,
        });
    }
    Ok(reports)
}

/// The chains, one after the other.
struct Chains<'f> {
    faults: &'f mut Faults,
    at: Option<At>,
    incidents: u64,
    rows: u64,
    erased: u64,
}

/// The chain under way, after its last row.
struct At {
    incident: Uuid,
    number: Option<i64>,
    state: Option<String>,
    ordinal: i32,
    digest: Vec<u8>,
    to_state: String,
    /// The last row whose words are erased, and the last that records an erasure; 0 for none.
    erased: i32,
    recorded: i32,
}

impl Chains<'_> {
    fn take(&mut self, step: StoredStep) {
        self.rows += 1;
        self.erased += u64::from(step.salt.is_none());
        let mut before = self.at.take();
        if let Some(at) = before.take_if(|at| at.incident != step.incident_id) {
            self.end(&at);
        }
        let last = before.as_ref().map_or(0, |at| at.ordinal);
        if step.ordinal != last + 1 {
            let which = if step.ordinal == last + 2 {
                format!("第 {} 条", last + 1)
            } else {
                format!("第 {} 至 {} 条", last + 1, step.ordinal - 1)
            };
            let sentence = format!("{}缺{which}历史。", named(step.number, step.incident_id));
            self.faults.add("missing_row", (step.number, Some(last + 1)), sentence);
        } else if before.as_ref().map(|at| &at.digest) != step.previous_digest.as_ref() {
            let sentence = format!(
                "{}第 {} 条与前一条不相接:前一条被改动,或二者之一被换过。",
                named(step.number, step.incident_id),
                step.ordinal
            );
            self.faults.add("broken_link", (step.number, Some(step.ordinal)), sentence);
        }
        self.row(&step);
        self.incidents += u64::from(before.is_none());
        let erased = if step.salt.is_none() { step.ordinal } else { before.as_ref().map_or(0, |at| at.erased) };
        let recorded = if step.action == Action::Erase.code() {
            step.ordinal
        } else {
            before.as_ref().map_or(0, |at| at.recorded)
        };
        self.at = Some(At {
            incident: step.incident_id,
            number: step.number,
            state: step.state,
            ordinal: step.ordinal,
            digest: step.digest,
            to_state: step.to_state,
            erased,
            recorded,
        });
    }

    /// What a row says, against its own digest.
    fn row(&mut self, step: &StoredStep) {
        let of = (step.number, Some(step.ordinal));
        let action = Action::from_code(&step.action).map_or(step.action.as_str(), |a| a.zh());
        let row = format!("{}第 {} 条({action})", named(step.number, step.incident_id), step.ordinal);
        let words_hold = match &step.salt {
            Some(salt) => words_digest(salt, &step.actor, &step.note)[..] == step.words_digest,
            None => {
                (step.note.is_empty() || step.note == ERASED) && (step.actor == ERASED || is_reference(&step.actor))
            }
        };
        if !words_hold {
            self.faults.add("altered_words", of, format!("{row}的文字或姓名被改动。"));
        }
        let stored = HistoryRow {
            incident: step.incident_id,
            ordinal: step.ordinal,
            action: &step.action,
            actor: Some(step.actor.as_str()).filter(|a| is_reference(a)),
            at: step.at.timestamp_micros(),
            from_state: step.from_state.as_deref(),
            to_state: &step.to_state,
            unit: step.unit_id,
            responder: step.responder_id,
            words: hex(&step.words_digest),
            detail: step.detail.clone(),
        };
        let previous = step.previous_digest.as_ref().map(|d| d.as_slice().try_into().unwrap_or_default());
        let holds = stored.digest(previous).is_ok_and(|d| d[..] == step.digest);
        if !holds || step.from_version != step.ordinal - 1 {
            self.faults.add("altered_row", of, format!("{row}与其校验值不符:内容被改动。"));
        }
    }

    /// What must hold of a whole chain.
    fn end(&mut self, at: &At) {
        let name = named(at.number, at.incident);
        let zh = |code: &str| State::from_code(code).map_or(code.to_owned(), |s| s.zh().to_owned());
        match &at.state {
            None => self.faults.add("incident_gone", (None, None), format!("{name}已不存在,其历史还在。")),
            Some(state) if *state != at.to_state => {
                let sentence = format!(
                    "{name}现为“{}”,历史的最后一条(第 {} 条)却是“{}”。",
                    zh(state),
                    at.ordinal,
                    zh(&at.to_state)
                );
                self.faults.add("other_state", (at.number, Some(at.ordinal)), sentence);
            }
            Some(_) => {}
        }
        if at.erased > at.recorded {
            let sentence = format!("{name}第 {} 条的文字被删去,却没有依法删除的记录。", at.erased);
            self.faults.add("unrecorded_erasure", (at.number, Some(at.erased)), sentence);
        }
    }

    fn finish(&mut self) {
        if let Some(at) = self.at.take() {
            self.end(&at);
        }
    }
}

fn named(number: Option<i64>, id: Uuid) -> String {
    number.map_or_else(|| format!("事件 {id} "), |n| format!("第 {n} 号事件"))
}
