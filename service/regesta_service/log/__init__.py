"""The log in PostgreSQL: appending to it, and reading the rows that deciding needs."""
