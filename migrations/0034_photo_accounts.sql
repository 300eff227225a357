-- Why: an upload is continued and given up by the account that began it, and a photo may be taken back by whoever sent it.
-- None where the program did, as it does without accounts, and of what came before.
ALTER TABLE incident_photo ADD COLUMN account_id bigint REFERENCES account ON DELETE SET NULL;
CREATE INDEX incident_photo_account ON incident_photo (account_id) WHERE account_id IS NOT NULL;
