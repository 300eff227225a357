//! Incidents with their assignments, histories and decisions.

use serde_json::json;
use sha2::{Digest, Sha256};

use super::{LoadError, Loader, position};
use crate::db::copy::Rows;
use crate::demo::model::{Incident, Step};
use crate::domain::incident::HistoryRow;
use crate::domain::seal::{hex, is_reference, words_digest};

/// Algorithm version of decisions that no algorithm of this program made: the demo's past.
const BEFORE_US: i32 = 0;

impl Loader<'_> {
    pub(super) async fn incidents(&mut self) -> Result<u64, LoadError> {
        let mut total = self.incident_rows().await?;
        total += self.assignments().await?;
        total += self.histories().await?;
        total += self.decisions().await?;
        Ok(total + self.deliberations().await?)
    }

    async fn incident_rows(&mut self) -> Result<u64, LoadError> {
        let columns = [
            "county_id",
            "id",
            "number",
            "state",
            "category_id",
            "restricted",
            "urgency",
            "description",
            "location_source",
            "geom",
            "accuracy_m",
            "confidence",
            "household_id",
            "location_text",
            "village_id",
            "grid_id",
            "grid_version_id",
            "reporter",
            "reported_at",
            "received_at",
            "current_assignment_id",
            "next_deadline_at",
            "accept_by",
            "resolve_by",
            "resolved_at",
            "resolved_by",
            "closed_at",
            "on_the_spot",
            "version",
        ];
        let (county, id) = (self.county, self.county_id);
        let mut copy = self.load.copy("incident", &columns).await?;
        for i in &county.incidents {
            let rows = copy
                .rows()
                .row()
                .int8(id)
                .uuid(i.id)
                .int8(i.number)
                .text(i.state)
                .int8(i.category)
                .bool(i.restricted)
                .text(i.urgency);
            let rows = rows.text(&i.description).text(i.source).optional(i.place, |w, p| {
                w.point(position(&county.frame, p));
            });
            where_and_who(rows, i);
            when(rows, i);
            rows.bool(i.on_the_spot).int4(i.history.len() as i32);
            copy.flush_full().await?;
        }
        Ok(copy.finish().await?)
    }

    async fn assignments(&mut self) -> Result<u64, LoadError> {
        let columns = [
            "county_id",
            "id",
            "incident_id",
            "role",
            "unit_id",
            "responder_id",
            "accept_by",
            "accepted_at",
            "started_at",
            "ended_at",
        ];
        let (county, id) = (self.county, self.county_id);
        let mut copy = self.load.copy("assignment", &columns).await?;
        for i in &county.incidents {
            for a in &i.assignments {
                let rows = copy
                    .rows()
                    .row()
                    .int8(id)
                    .int8(a.id)
                    .uuid(i.id)
                    .text(if a.owner { "owner" } else { "helper" })
                    .int8(a.unit);
                let rows = rows.optional(a.responder, |w, r| {
                    w.int8(r);
                });
                for at in [a.accept_by, a.accepted_at, Some(a.started_at), a.ended_at] {
                    rows.optional(at, |w, t| {
                        w.timestamptz(t);
                    });
                }
            }
            copy.flush_full().await?;
        }
        Ok(copy.finish().await?)
    }

    async fn histories(&mut self) -> Result<u64, LoadError> {
        let columns = [
            "county_id",
            "id",
            "incident_id",
            "ordinal",
            "action",
            "actor",
            "at",
            "from_version",
            "from_state",
            "to_state",
            "unit_id",
            "responder_id",
            "note",
            "salt",
            "words_digest",
            "detail",
            "previous_digest",
            "digest",
        ];
        let (county, id) = (self.county, self.county_id);
        let mut copy = self.load.copy("incident_history", &columns).await?;
        for i in &county.incidents {
            let mut previous: Option<[u8; 32]> = None;
            for (n, s) in i.history.iter().enumerate() {
                let salt = salt(county.seed, s.id);
                let words_digest = words_digest(&salt, &s.actor, &s.note);
                let digest = digest(i, n, s, &words_digest, previous)?;
                let rows = copy
                    .rows()
                    .row()
                    .int8(id)
                    .int8(s.id)
                    .uuid(i.id)
                    .int4(n as i32 + 1)
                    .text(s.action)
                    .text(&s.actor)
                    .timestamptz(s.at);
                let rows = rows.int4(n as i32).optional(s.from_state, |w, f| {
                    w.text(f);
                });
                let rows = rows.text(s.to_state).optional(s.unit, |w, u| {
                    w.int8(u);
                });
                let rows = rows.optional(s.responder, |w, r| {
                    w.int8(r);
                });
                let detail = json!({ "limits": s.limits }).to_string();
                let rows = rows.text(&s.note).bytea(&salt).bytea(&words_digest).jsonb(&detail);
                let rows = rows.optional(previous, |w, p| {
                    w.bytea(&p);
                });
                rows.bytea(&digest);
                previous = Some(digest);
            }
            copy.flush_full().await?;
        }
        Ok(copy.finish().await?)
    }

    async fn decisions(&mut self) -> Result<u64, LoadError> {
        let columns = [
            "county_id",
            "incident_id",
            "decided_at",
            "algorithm_version",
            "rule_version",
            "inputs",
            "outcome",
            "explanation",
        ];
        let (county, id) = (self.county, self.county_id);
        let mut copy = self.load.copy("dispatch_decision", &columns).await?;
        for i in &county.incidents {
            let Some(explanation) = &i.explanation else { continue };
            let inputs = json!({"source": i.source, "category_id": i.category, "urgency": i.urgency}).to_string();
            let outcome = json!({"grid_id": i.grid, "unit_id": i.assignments[0].unit, "responder_id": i.assignments[0].responder}).to_string();
            let rows = copy.rows().row().int8(id).uuid(i.id).timestamptz(i.received_at).int4(BEFORE_US).int4(1);
            rows.text(&inputs).text(&outcome).text(explanation);
            copy.flush_full().await?;
        }
        Ok(copy.finish().await?)
    }
}

impl Loader<'_> {
    async fn deliberations(&mut self) -> Result<u64, LoadError> {
        let columns = [
            "county_id",
            "id",
            "venue_id",
            "day",
            "agenda_no",
            "topic",
            "incident_id",
            "outcome",
            "resolution",
            "carried_over_from",
            "carried_over_count",
        ];
        let (county, id) = (self.county, self.county_id);
        let mut copy = self.load.copy("deliberation", &columns).await?;
        for d in &county.deliberations {
            let rows = copy.rows().row().int8(id).int8(d.id).int8(d.venue).date(d.day).int4(d.agenda_no).text(&d.topic);
            let rows = rows.optional(d.incident, |w, i| {
                w.uuid(i);
            });
            let rows = rows.text(d.outcome).text(&d.resolution);
            let rows = rows.optional(d.carried_over_from, |w, from| {
                w.int8(from);
            });
            rows.int4(d.carried_over_count);
            copy.flush_full().await?;
        }
        Ok(copy.finish().await?)
    }
}

/// Columns `accuracy_m` to `reporter`.
fn where_and_who(rows: &mut Rows, i: &Incident) {
    let rows = rows.optional(i.accuracy_m, |w, a| {
        w.float8(a);
    });
    let rows = rows.optional(i.accuracy_m.map(|_| 0.68), |w, c| {
        w.float8(c);
    });
    let rows = rows.optional(i.household, |w, h| {
        w.int8(h);
    });
    let rows = rows.text(&i.location_text).int8(i.village);
    for id in [i.grid, i.grid_version] {
        rows.optional(id, |w, g| {
            w.int8(g);
        });
    }
    rows.jsonb(&json!({"kind": i.reporter}).to_string());
}

/// Columns `reported_at` to `closed_at`.
fn when(rows: &mut Rows, i: &Incident) {
    rows.timestamptz(i.reported_at).timestamptz(i.received_at).int8(i.assignments[i.current].id);
    for at in [i.next_deadline, Some(i.accept_by), Some(i.resolve_by), i.resolved_at] {
        rows.optional(at, |w, t| {
            w.timestamptz(t);
        });
    }
    rows.optional(i.resolved_by.as_deref(), |w, b| {
        w.text(b);
    });
    rows.optional(i.closed_at, |w, t| {
        w.timestamptz(t);
    });
}

/// The same seed gives the same county: what is fictional needs no secret salt.
fn salt(seed: u64, step: i64) -> [u8; 16] {
    let hash = Sha256::new().chain_update(seed.to_be_bytes()).chain_update(step.to_be_bytes()).finalize();
    std::array::from_fn(|k| hash[k])
}

fn digest(
    i: &Incident,
    n: usize,
    s: &Step,
    words_digest: &[u8],
    previous: Option<[u8; 32]>,
) -> Result<[u8; 32], serde_json::Error> {
    let row = HistoryRow {
        incident: i.id,
        ordinal: n as i32 + 1,
        action: s.action,
        actor: Some(s.actor.as_str()).filter(|a| is_reference(a)),
        at: s.at.timestamp_micros(),
        from_state: s.from_state,
        to_state: s.to_state,
        unit: s.unit,
        responder: s.responder,
        words: hex(words_digest),
        detail: json!({ "limits": s.limits }),
    };
    row.digest(previous)
}
