INSERT INTO incoming_place SELECT row_no, ST_PointOnSurface(geom) FROM incoming WHERE NOT ST_IsEmpty(geom);
CREATE INDEX incoming_place_at ON incoming_place USING gist (at);
ANALYZE incoming;
ANALYZE incoming_place;
