"""The log in the database: appending to it and reading it."""
