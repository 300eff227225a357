//! Regions, organisations, grids and the layers of the map.

use chrono::{Days, NaiveDate};

use super::{LoadError, Loader, geometry, multi, position};
use crate::demo::calendar::{LAST_YEAR, china};
use crate::demo::model::{Geom, Ground, Named};
use crate::demo::names::COUNTY;
use crate::domain::category::LINK_TARGETS;
use crate::domain::holidays;

impl Loader<'_> {
    /// Days before the county's last day that its first grids and codes apply from.
    const SINCE: Days = Days::new(900);

    fn since(&self) -> NaiveDate {
        let today = self.county.now.with_timezone(&china()).date_naive();
        today.checked_sub_days(Self::SINCE).unwrap_or(today)
    }

    pub(super) async fn places_and_orgs(&mut self) -> Result<u64, LoadError> {
        let mut rows = self.regions().await?;
        rows += self.named("villager_group", &["id", "county_id", "village_id", "name", "geom"], false).await?;
        rows += self.named("settlement", &["id", "county_id", "village_id", "name", "geom", "kind"], true).await?;
        rows += self.orgs().await?;
        rows += self.grids().await?;
        rows += self.codes().await?;
        Ok(rows + self.rules().await?)
    }

    async fn regions(&mut self) -> Result<u64, LoadError> {
        let (county, id) = (self.county, self.county_id);
        let columns = ["id", "county_id", "parent_id", "level", "kind", "name", "geom", "time_zone"];
        let mut copy = self.load.copy("region", &columns).await?;
        for r in &county.regions {
            let rows = copy.rows().row().int8(r.id).int8(id).optional(r.parent, |w, p| {
                w.int8(p);
            });
            multi(rows.text(r.level).text(r.kind).text(&r.name), &county.frame, &r.geom);
            rows.optional(r.parent.is_none().then_some("Asia/Shanghai"), |w, z| {
                w.text(z);
            });
            copy.flush_full().await?;
        }
        Ok(copy.finish().await?)
    }

    async fn named(
        &mut self,
        table: &'static str,
        columns: &[&'static str],
        settlements: bool,
    ) -> Result<u64, LoadError> {
        let (county, id) = (self.county, self.county_id);
        let list: &[Named] = if settlements { &county.settlements } else { &county.groups };
        let mut copy = self.load.copy(table, columns).await?;
        for n in list {
            let rows = copy.rows().row().int8(n.id).int8(id).int8(n.village).text(&n.name);
            geometry(rows, &county.frame, &n.geom);
            if settlements {
                rows.text(n.kind);
            }
            copy.flush_full().await?;
        }
        Ok(copy.finish().await?)
    }

    async fn orgs(&mut self) -> Result<u64, LoadError> {
        let (county, id) = (self.county, self.county_id);
        let mut copy =
            self.load.copy("party_org", &["id", "county_id", "parent_id", "kind", "form", "name", "region_id"]).await?;
        for o in &county.party_orgs {
            let rows = copy.rows().row().int8(o.id).int8(id).optional(o.parent, |w, p| {
                w.int8(p);
            });
            rows.text(o.kind).text(o.form).text(&o.name).int8(o.region);
        }
        let mut total = copy.finish().await?;
        let mut copy = self
            .load
            .copy("handling_unit", &["id", "county_id", "parent_id", "kind", "name", "region_id", "lead_org_id"])
            .await?;
        for u in &county.units {
            let rows = copy.rows().row().int8(u.id).int8(id).optional(u.parent, |w, p| {
                w.int8(p);
            });
            rows.text(u.kind).text(&u.name).int8(u.region).int8(u.lead_org);
        }
        total += copy.finish().await?;
        let mut copy = self
            .load
            .copy("social_org", &["id", "county_id", "region_id", "name", "kind", "registered", "geom"])
            .await?;
        for o in &county.social_orgs {
            let rows =
                copy.rows().row().int8(o.id).int8(id).int8(o.region).text(&o.name).text(o.kind).bool(o.registered);
            rows.point(position(&county.frame, o.place));
        }
        Ok(total + copy.finish().await?)
    }

    async fn grids(&mut self) -> Result<u64, LoadError> {
        let (county, id, since) = (self.county, self.county_id, self.since());
        let recorded = since.and_time(chrono::NaiveTime::MIN).and_utc();
        let mut copy = self.load.copy("grid", &["id", "county_id", "village_id", "kind"]).await?;
        for g in &county.grids {
            copy.rows().row().int8(g.id).int8(id).int8(g.village).text(g.kind);
        }
        let mut total = copy.finish().await?;
        let columns = ["id", "county_id", "grid_id", "name", "geom", "valid_during", "recorded_during"];
        let mut copy = self.load.copy("grid_version", &columns).await?;
        for g in &county.grids {
            let rows = copy.rows().row().int8(g.version_id).int8(id).int8(g.id).text(&g.name);
            multi(rows, &county.frame, &g.geom);
            rows.daterange(Some(since), None).tstzrange(Some(recorded), None);
            copy.flush_full().await?;
        }
        total += copy.finish().await?;
        let mut copy =
            self.load.copy("grid_responsibility", &["county_id", "grid_id", "org_id", "valid_during"]).await?;
        for g in &county.grids {
            copy.rows().row().int8(id).int8(g.id).int8(g.group).daterange(Some(since), None);
        }
        Ok(total + copy.finish().await?)
    }

    async fn codes(&mut self) -> Result<u64, LoadError> {
        let (county, id, since) = (self.county, self.county_id, self.since());
        let mut copy = self
            .load
            .copy("code_alias", &["county_id", "scheme", "code", "layer", "feature_id", "valid_during"])
            .await?;
        for r in &county.regions {
            copy.rows().row().int8(id).text("division").text(&r.code).text("region").int8(r.id).daterange(None, None);
        }
        for g in &county.grids {
            copy.rows().row().int8(id).text("grid").text(&g.code).text("grid").int8(g.id).daterange(Some(since), None);
        }
        Ok(copy.finish().await?)
    }

    async fn rules(&mut self) -> Result<u64, LoadError> {
        let (county, id) = (self.county, self.county_id);
        let columns = [
            "id",
            "county_id",
            "code",
            "parent_id",
            "name",
            "village_admitted",
            "township_delegated",
            "legal_dept",
            "restricted",
            "photo_needed",
        ];
        let mut copy = self.load.copy("category", &columns).await?;
        for c in &county.categories {
            let rows = copy.rows().row().int8(c.id).int8(id).text(&c.code).optional(c.parent, |w, p| {
                w.int8(p);
            });
            let rows = rows.text(c.name).bool(c.village_admitted).optional(c.township_delegated, |w, d| {
                w.text(d);
            });
            let rows = rows.optional(c.legal_dept, |w, d| {
                w.text(d);
            });
            rows.bool(c.restricted).bool(c.photo_needed);
        }
        let mut total = copy.finish().await?;
        let mut copy = self.load.copy("dispatch_rule_version", &["county_id", "version", "note"]).await?;
        copy.rows().row().int8(id).int4(1).text(&format!("{COUNTY}分派规则第1版(演示)"));
        total += copy.finish().await?;
        total += self.rule_rows().await?;
        let mut copy = self.load.copy("calendar_day", &["county_id", "day", "working", "name"]).await?;
        for (day, working, name) in &county.calendar {
            copy.rows().row().int8(id).date(*day).bool(*working).text(name);
        }
        total += copy.finish().await?;
        let mut copy = self.load.copy("calendar_year", &["county_id", "year", "provisional", "source"]).await?;
        for y in holidays::until(LAST_YEAR) {
            copy.rows().row().int8(id).int2(y.year as i16).bool(y.provisional).text(y.source);
        }
        total += copy.finish().await?;
        let mut copy = self.load.copy("link_target", &["county_id", "role", "households"]).await?;
        for (role, households) in LINK_TARGETS {
            copy.rows().row().int8(id).text(role).int4(households);
        }
        Ok(total + copy.finish().await?)
    }

    async fn rule_rows(&mut self) -> Result<u64, LoadError> {
        let columns = [
            "county_id",
            "version",
            "ordinal",
            "category_id",
            "urgency",
            "first_level",
            "first_unit_id",
            "assist_unit_ids",
            "cluster_helps",
            "accept_within_minutes",
            "resolve_within_minutes",
            "resolve_within_days",
        ];
        let mut copy = self.load.copy("dispatch_rule", &columns).await?;
        for r in &self.county.rules {
            let rows = copy.rows().row().int8(self.county_id).int4(1).int4(r.ordinal).optional(r.category, |w, c| {
                w.int8(c);
            });
            let rows = rows.optional(r.urgency, |w, u| {
                w.text(u);
            });
            let rows = rows.text(r.first_level).optional(r.first_unit, |w, u| {
                w.int8(u);
            });
            let rows = rows.int8_array(&r.assist).bool(r.cluster_helps).int4(r.accept_minutes);
            let rows = rows.optional(r.resolve_minutes, |w, m| {
                w.int4(m);
            });
            rows.optional(r.resolve_days, |w, d| {
                w.int4(d);
            });
        }
        Ok(copy.finish().await?)
    }

    pub(super) async fn layers(&mut self) -> Result<u64, LoadError> {
        let mut total = self.venues_and_transport().await?;
        total += self.clusters().await?;
        let county = self.county;
        total += self.ground("water", &["id", "county_id", "kind", "geom", "name"], &county.water, true).await?;
        total += self.ground("land_use", &["id", "county_id", "kind", "geom"], &county.land_use, false).await?;
        total += self.ground("building", &["id", "county_id", "kind", "geom"], &county.buildings, false).await?;
        Ok(total + self.elevation().await?)
    }

    async fn ground(
        &mut self,
        table: &'static str,
        columns: &[&'static str],
        list: &[Ground],
        named: bool,
    ) -> Result<u64, LoadError> {
        let (frame, id) = (self.county.frame, self.county_id);
        let mut copy = self.load.copy(table, columns).await?;
        for g in list {
            let rows = copy.rows().row().int8(g.id).int8(id).text(g.kind);
            geometry(rows, &frame, &g.geom);
            if named {
                rows.text(&g.name);
            }
            copy.flush_full().await?;
        }
        Ok(copy.finish().await?)
    }

    async fn venues_and_transport(&mut self) -> Result<u64, LoadError> {
        let (county, id) = (self.county, self.county_id);
        let columns = ["id", "county_id", "village_id", "kind", "name", "capacity", "opening_hours", "geom"];
        let mut copy = self.load.copy("venue", &columns).await?;
        for v in &county.venues {
            let rows = copy
                .rows()
                .row()
                .int8(v.id)
                .int8(id)
                .int8(v.village)
                .text(v.kind)
                .text(&v.name)
                .int4(v.capacity)
                .text(v.hours);
            geometry(rows, &county.frame, &v.geom);
        }
        let mut total = copy.finish().await?;
        let mut copy = self.load.copy("bus_line", &["id", "county_id", "number", "name", "geom"]).await?;
        for l in &county.bus_lines {
            let rows = copy.rows().row().int8(l.id).int8(id).text(&l.number).text(&l.name);
            rows.line(l.line.iter().map(|p| position(&county.frame, *p)));
        }
        total += copy.finish().await?;
        let mut copy = self.load.copy("bus_stop", &["county_id", "line_id", "ordinal", "name", "geom"]).await?;
        for l in &county.bus_lines {
            for (n, (name, place)) in l.stops.iter().enumerate() {
                copy.rows()
                    .row()
                    .int8(id)
                    .int8(l.id)
                    .int2(n as i16 + 1)
                    .text(name)
                    .point(position(&county.frame, *place));
            }
        }
        total += copy.finish().await?;
        let mut copy = self
            .load
            .copy("road", &["id", "county_id", "class", "name", "speed_kmh", "from_node", "to_node", "geom"])
            .await?;
        for r in &county.roads {
            let rows = copy
                .rows()
                .row()
                .int8(r.id)
                .int8(id)
                .text(r.class)
                .text(&r.name)
                .float4(r.speed_kmh)
                .int8(r.from)
                .int8(r.to);
            geometry(rows, &county.frame, &Geom::Line(r.line.clone()));
            copy.flush_full().await?;
        }
        Ok(total + copy.finish().await?)
    }

    async fn clusters(&mut self) -> Result<u64, LoadError> {
        let (county, id) = (self.county, self.county_id);
        let mut copy =
            self.load.copy("cluster", &["id", "county_id", "name", "committee_org_id", "industries"]).await?;
        for c in &county.clusters {
            copy.rows().row().int8(c.id).int8(id).text(&c.name).int8(c.committee).text_array(&c.industries);
        }
        let mut total = copy.finish().await?;
        let columns =
            ["id", "county_id", "cluster_id", "kind", "member_name", "village_id", "social_org_id", "valid_during"];
        let mut copy = self.load.copy("cluster_member", &columns).await?;
        for c in &county.clusters {
            for m in &c.members {
                let rows = copy.rows().row().int8(m.id).int8(id).int8(c.id).text(m.kind).text(&m.name).optional(
                    m.village,
                    |w, v| {
                        w.int8(v);
                    },
                );
                let rows = rows.optional(m.social_org, |w, o| {
                    w.int8(o);
                });
                rows.daterange(Some(m.from), m.to);
            }
        }
        total += copy.finish().await?;
        let mut copy = self.load.copy("cluster_bus_line", &["county_id", "cluster_id", "line_id"]).await?;
        for c in &county.clusters {
            for line in &c.bus_lines {
                copy.rows().row().int8(id).int8(c.id).int8(*line);
            }
        }
        Ok(total + copy.finish().await?)
    }

    async fn elevation(&mut self) -> Result<u64, LoadError> {
        let (county, id) = (self.county, self.county_id);
        let (corner, step) = county.frame.cells(f64::from(crate::demo::terrain::CELL_M));
        let heights: Vec<u8> = county.heights.data.iter().flat_map(|z| (z.round() as i16).to_le_bytes()).collect();
        let columns = ["county_id", "west", "north", "cell_degrees_x", "cell_degrees_y", "columns", "rows", "heights"];
        let mut copy = self.load.copy("elevation", &columns).await?;
        let rows = copy.rows().row().int8(id).float8(corner.lon).float8(corner.lat).float8(step.0).float8(step.1);
        rows.int4(county.heights.width as i32).int4(county.heights.height as i32).bytea(&heights);
        Ok(copy.finish().await?)
    }
}
