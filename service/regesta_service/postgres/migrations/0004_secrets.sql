-- What all servers of one database must share and nobody else may know.
CREATE TABLE regesta.secrets (
    name text COLLATE "C" PRIMARY KEY,
    secret bytea NOT NULL CHECK (octet_length(secret) >= 16)
);

-- Signs page tokens. 244 random bits; gen_random_uuid() is core PostgreSQL and strong.
INSERT INTO regesta.secrets (name, secret)
VALUES ('page_tokens', sha256(convert_to(gen_random_uuid()::text || gen_random_uuid()::text, 'UTF8')));

GRANT SELECT ON regesta.secrets TO regesta_service;
