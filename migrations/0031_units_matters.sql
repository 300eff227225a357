-- Why: what somebody may see takes the matters their units have or had a part in, asked anew every other second.
CREATE INDEX assignment_unit ON assignment (unit_id, county_id, incident_id);
