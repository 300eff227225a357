-- Decisions as they were kept, under the names of db::decision::KeptDecision.
SELECT d.id, i.number, d.decided_at, d.algorithm_version, d.rule_version, d.inputs::text AS inputs, d.outcome::text AS outcome
FROM dispatch_decision d JOIN incident i ON i.county_id = d.county_id AND i.id = d.incident_id
