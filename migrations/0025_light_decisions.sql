-- Why: what a decision was made from is ten kilobytes of text, and packing it is a good part of what a report costs. LZ4
-- packs it several times faster than the default; a PostgreSQL built without it keeps the default.
DO $$ BEGIN
  ALTER TABLE dispatch_decision ALTER inputs SET COMPRESSION lz4, ALTER outcome SET COMPRESSION lz4;
EXCEPTION WHEN feature_not_supported THEN NULL; END $$;
