-- Why: a decision is replayed to the byte, so its inputs and outcome are kept as they were written; and a server that
-- dispatches from memory hears when the rules or the working days change.
ALTER TABLE dispatch_decision DISABLE TRIGGER append_only;
ALTER TABLE dispatch_decision
  ALTER COLUMN inputs TYPE json USING inputs::text::json,
  ALTER COLUMN outcome TYPE json USING outcome::text::json,
  ALTER COLUMN inputs SET COMPRESSION lz4,
  ALTER COLUMN outcome SET COMPRESSION lz4;
ALTER TABLE dispatch_decision ENABLE TRIGGER append_only;

CALL follow_changes('dispatch_rule_version', 'dispatch_rule', 'version');
CALL follow_changes('calendar_day', 'calendar', 'county_id');

-- A report in words gets its place later.
ALTER TYPE incident_action ADD VALUE 'locate';
