-- Indexes for two searches that walked all versions of a namespace: what did this run make, and
-- what changed last. Among 100,000 versions they took 40 and 110 ms, and take 0.1 and 0.5.
--
-- Every registration writes them, and every change of a version, since its time is in one of
-- them. Times come in order, at one end of the index: 1 to 2 µs a row. Runs do not: 4 to 8 µs,
-- for versions that name one.

CREATE INDEX versions_run ON regesta.versions (namespace_id, generation, run)
    WHERE run IS NOT NULL;

-- Also for what many versions have, such as a usual tag: the last changed are looked at until a
-- page is full. Only over all models: the versions of one are sorted, about 1 µs each, and a
-- second index by model would cost every append 5 µs. Nor for models themselves, whose time
-- changes with each registration, in place.
CREATE INDEX versions_updated ON regesta.versions (namespace_id, generation, updated_at);
