"""Reading: the tail of the log, exact caches over it, and queries of projections and past."""
