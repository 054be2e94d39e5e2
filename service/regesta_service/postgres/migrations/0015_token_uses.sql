-- When each token was last used, to about a minute. It is no fact of the log: whoever uses a
-- token writes nothing, and nothing is derived from it.
CREATE TABLE regesta.token_uses (
    token text COLLATE "C" PRIMARY KEY,
    used_at timestamptz NOT NULL
) WITH (fillfactor = 70);
GRANT SELECT, INSERT, UPDATE ON regesta.token_uses TO regesta_service;
