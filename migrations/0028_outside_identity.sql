-- Why: signing in through the county's own identity server (OpenID Connect). An account waits for its identity there for a
-- time, and is bound to it when it first signs in; a session says how far that server vouches for it; no answer of that
-- server serves twice.
ALTER TABLE account
  ADD COLUMN awaits_identity_until timestamptz,
  ADD CHECK (awaits_identity_until IS NULL OR issuer IS NULL);

-- plain: the second factor, where the account has one, was given here. code_due: it is still to be given, and the session
-- is good for nothing else. mfa: the identity server has asked for more than a password.
CREATE TYPE vouched AS ENUM ('plain', 'code_due', 'mfa');
ALTER TABLE credential
  ADD COLUMN vouched vouched,                           -- NULL: a password's session, or a token
  ADD CHECK (vouched IS NULL OR kind = 'session');

CREATE TABLE used_state (
  digest bytea PRIMARY KEY CHECK (length(digest) = 32), -- of what was sent there and came back
  expires_at timestamptz NOT NULL                       -- after that it is refused for its age
);
CREATE INDEX used_state_expires ON used_state (expires_at);
ALTER TABLE used_state ENABLE ROW LEVEL SECURITY;
CREATE POLICY whole ON used_state TO yitu_system USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, DELETE ON used_state TO yitu_system;
