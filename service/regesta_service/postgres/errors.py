"""What can be wrong with the database, as one tree.

::

    PostgresError
    ├── BinariesNotFound          no PostgreSQL program that can be run
    ├── DataDirectoryUnusable     the directory cannot hold a cluster of ours
    │   └── OtherMajorVersion     its cluster belongs to another PostgreSQL
    ├── DataDirectoryBusy         its owner neither answers nor goes away
    ├── ServerNotStarted          PostgreSQL did not come up
    ├── ServerNotStopped          PostgreSQL did not go down
    ├── NotOnMainThread           the server would die with a short-lived thread
    ├── ServerUnsuitable          the server is too old, or its text is not UTF-8
    ├── AdministratorNeeded       roles or database are missing and we may not make them
    └── MigrationError
        ├── MigrationFilesInvalid the files of this build contradict each other
        ├── MigrationFailed       PostgreSQL refused a file; nothing of it was applied
        ├── MigrationsLocked      another process kept applying for too long
        ├── SchemaMissing         nothing was ever applied
        ├── SchemaOlder           files of this build are not applied yet
        ├── SchemaNewer           the database knows files that this build does not
        └── SchemaEdited          an applied file is not what this build carries
"""

from __future__ import annotations


class PostgresError(Exception):
    """The database cannot be used as asked; the message names the way out."""


class BinariesNotFound(PostgresError):
    """No PostgreSQL program was found that can be run here."""


class DataDirectoryUnusable(PostgresError):
    """The directory cannot hold a cluster of ours; nothing in it was changed."""


class OtherMajorVersion(DataDirectoryUnusable):
    """The cluster was made by another major version; nothing in it was changed."""


class DataDirectoryBusy(PostgresError):
    """Another process owns the directory, and its server neither answers nor ends."""


class ServerNotStarted(PostgresError):
    """PostgreSQL did not come up in time, or ended while starting."""


class ServerNotStopped(PostgresError):
    """PostgreSQL was still running after every signal we may send."""


class NotOnMainThread(PostgresError):
    """The server was to be started from a thread whose end would stop it."""


class ServerUnsuitable(PostgresError):
    """The server is older than regesta's SQL, or the database's encoding is not UTF-8."""


class AdministratorNeeded(PostgresError):
    """Roles or database are missing, and this login may not create them.

    Attributes:
        sql: What an administrator has to run once, complete.
    """

    def __init__(self, message: str, sql: str) -> None:
        super().__init__(f"{message} An administrator has to run this once:\n\n{sql}")
        self.sql = sql


class MigrationError(PostgresError):
    """The schema and this build do not fit together."""


class MigrationFilesInvalid(MigrationError):
    """The migration files of this build contradict each other."""


class MigrationFailed(MigrationError):
    """PostgreSQL refused a file; what that file had done is rolled back."""


class MigrationsLocked(MigrationError):
    """Another process held the migration lock for longer than we wait."""


class SchemaMissing(MigrationError):
    """No migration was ever applied to this database."""


class SchemaOlder(MigrationError):
    """This build carries migrations that the database has not seen."""


class SchemaNewer(MigrationError):
    """The database has seen migrations that this build does not carry."""


class SchemaEdited(MigrationError):
    """A migration was changed after it had been applied to this database."""
