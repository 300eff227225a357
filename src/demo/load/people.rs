//! Households, members, phones, responders and the links between them.

use chrono::{Days, NaiveTime};

use super::{LoadError, Loader, position};
use crate::db::copy::Rows;

impl Loader<'_> {
    pub(super) async fn people(&mut self) -> Result<u64, LoadError> {
        let mut total = self.responders().await?;
        total += self.households().await?;
        self.load.analyze(&["household"]).await?;
        total += self.members().await?;
        self.load.analyze(&["member"]).await?;
        total += self.phones().await?;
        Ok(total + self.links().await?)
    }

    async fn households(&mut self) -> Result<u64, LoadError> {
        let (county, id) = (self.county, self.county_id);
        let columns = [
            "county_id",
            "id",
            "number",
            "village_id",
            "villager_group_id",
            "settlement_id",
            "grid_id",
            "grid_source",
            "register_grid_id",
            "geom",
            "outline",
            "address",
            "head_name",
            "tags",
        ];
        let mut copy = self.load.copy("household", &columns).await?;
        for h in &county.households {
            let rows = copy
                .rows()
                .row()
                .int8(id)
                .int8(h.id)
                .text(&h.number)
                .int8(h.village)
                .int8(h.group)
                .int8(h.settlement)
                .int8(h.grid);
            let rows = rows.text(if h.door.is_some() { "point" } else { "register" }).int8(h.register_grid);
            let rows = rows.optional(h.door, |w, p| {
                w.point(position(&county.frame, p));
            });
            let rows = rows.optional(h.outline, |w, ring| {
                w.polygon(std::iter::once(ring.iter().map(|p| position(&county.frame, *p))));
            });
            rows.text(&h.address).text(&h.head).text_array(&h.tags);
            copy.flush_full().await?;
        }
        Ok(copy.finish().await?)
    }

    async fn members(&mut self) -> Result<u64, LoadError> {
        let (county, id) = (self.county, self.county_id);
        let columns =
            ["county_id", "id", "household_id", "name", "relation", "gender", "birth_year", "at_home", "tags"];
        let mut copy = self.load.copy("member", &columns).await?;
        for h in &county.households {
            for m in &h.members {
                let rows = copy.rows().row().int8(id).int8(m.id).int8(h.id).text(&m.name).text(m.relation);
                rows.text(if m.female { "female" } else { "male" })
                    .int2(m.birth_year)
                    .bool(m.at_home)
                    .text_array(&m.tags);
            }
            copy.flush_full().await?;
        }
        Ok(copy.finish().await?)
    }

    async fn phones(&mut self) -> Result<u64, LoadError> {
        let (county, id, key) = (self.county, self.county_id, self.key);
        let columns = ["county_id", "id", "household_id", "responder_id", "ciphertext", "number_hash", "tail_hash"];
        let mut copy = self.load.copy("phone", &columns).await?;
        // A phone bears its owner's id: both come from one sequence and nobody here has two.
        let write = |rows: &mut Rows, owner: i64, household: bool, number: u64| {
            let sealed = key.seal(&number.to_string(), key.nonce_of(owner));
            let rows = rows.row().int8(id).int8(owner);
            let rows = if household { rows.int8(owner).null() } else { rows.null().int8(owner) };
            rows.bytea(&sealed.ciphertext).bytea(&sealed.number_hash).bytea(&sealed.tail_hash);
        };
        for h in &county.households {
            if let Some(number) = h.phone {
                write(copy.rows(), h.id, true, number);
                copy.flush_full().await?;
            }
        }
        for r in &county.responders {
            write(copy.rows(), r.id, false, r.phone);
            copy.flush_full().await?;
        }
        Ok(copy.finish().await?)
    }

    async fn responders(&mut self) -> Result<u64, LoadError> {
        let (county, id) = (self.county, self.county_id);
        let mut copy = self.load.copy("responder", &["id", "county_id", "name", "skills"]).await?;
        for r in &county.responders {
            copy.rows().row().int8(r.id).int8(id).text(&r.name).text_array(&r.skills);
        }
        let mut total = copy.finish().await?;
        self.load.analyze(&["responder"]).await?;
        let columns = ["id", "county_id", "responder_id", "role", "unit_id", "region_id", "grid_id", "valid_during"];
        let mut copy = self.load.copy("appointment", &columns).await?;
        for r in &county.responders {
            for a in &r.appointments {
                let rows =
                    copy.rows().row().int8(a.id).int8(id).int8(r.id).text(a.role).int8(a.unit).int8(a.region).optional(
                        a.grid,
                        |w, g| {
                            w.int8(g);
                        },
                    );
                rows.daterange(Some(a.from), None);
            }
            copy.flush_full().await?;
        }
        total += copy.finish().await?;
        let mut copy =
            self.load.copy("presence", &["county_id", "responder_id", "month", "in_village", "confirmed_at"]).await?;
        for r in &county.responders {
            for (month, in_village) in &r.presence {
                // Confirmed on the third of the month, or at the county's last instant before that.
                let third = month.checked_add_days(Days::new(2)).unwrap_or(*month).and_time(NaiveTime::MIN).and_utc();
                copy.rows().row().int8(id).int8(r.id).date(*month).bool(*in_village).timestamptz(third.min(county.now));
            }
            copy.flush_full().await?;
        }
        total += copy.finish().await?;
        let mut copy = self.load.copy("duty", &["id", "county_id", "responder_id", "unit_id", "during"]).await?;
        for d in &county.duties {
            copy.rows().row().int8(d.id).int8(id).int8(d.responder).int8(d.unit).tstzrange(Some(d.from), Some(d.to));
        }
        Ok(total + copy.finish().await?)
    }

    async fn links(&mut self) -> Result<u64, LoadError> {
        let (county, id) = (self.county, self.county_id);
        let mut copy = self
            .load
            .copy("household_link", &["id", "county_id", "household_id", "responder_id", "valid_during"])
            .await?;
        for l in &county.links {
            copy.rows().row().int8(l.id).int8(id).int8(l.household).int8(l.responder).daterange(Some(l.from), None);
            copy.flush_full().await?;
        }
        Ok(copy.finish().await?)
    }
}
