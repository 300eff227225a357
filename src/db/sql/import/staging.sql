-- Why: rows wait here while they are compared, and go with the transaction.
CREATE TEMP TABLE incoming (
  row_no bigint PRIMARY KEY, geom geometry(Geometry, 4490), f jsonb NOT NULL,
  reason text,                                          -- why the row is refused
  region_id bigint,                                     -- what it lies in
  target_id bigint,                                     -- the feature it is
  grid_id bigint, register_grid_id bigint, group_id bigint, settlement_id bigint,
  outcome text                                          -- inserted, updated; NULL is unchanged
) ON COMMIT DROP;
-- A point of each row that has a shape, in an index: areas ask it for what they cover, each many points at once,
-- which PostGIS answers far sooner than each point asking for its area.
CREATE TEMP TABLE incoming_place (row_no bigint NOT NULL, at geometry(Point, 4490) NOT NULL) ON COMMIT DROP;
CREATE TEMP TABLE setting (county_id bigint, level region_level, parent_id bigint, today date) ON COMMIT DROP;
CREATE TEMP TABLE import_note (note text) ON COMMIT DROP;
