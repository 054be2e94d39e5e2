-- The two roles and the database, for psql as a superuser on a fresh server. The official
-- postgres image runs it once, when its volume is empty (see compose.yaml).
-- The passwords come from the environment: an unset one ends the script here.
\getenv owner_password REGESTA_OWNER_PASSWORD
\getenv service_password REGESTA_SERVICE_PASSWORD
\set ON_ERROR_STOP on

-- The owner has the schema and changes it; the service reads and adds, and owns nothing.
CREATE ROLE regesta_owner LOGIN PASSWORD :'owner_password';
CREATE ROLE regesta_service LOGIN PASSWORD :'service_password';

-- pg_temp last: else anybody's temporary table could stand in for one of regesta's.
ALTER ROLE regesta_owner SET search_path = regesta, pg_temp;
ALTER ROLE regesta_service SET search_path = regesta, pg_temp;

-- template0 is the only template that may differ in encoding and order.
CREATE DATABASE regesta OWNER regesta_owner TEMPLATE template0
    ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C';

\connect regesta
CREATE SCHEMA regesta AUTHORIZATION regesta_owner;
REVOKE ALL ON DATABASE regesta FROM PUBLIC;
GRANT CONNECT ON DATABASE regesta TO regesta_service;
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
