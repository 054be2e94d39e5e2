"""Copies of logs outside of the database, and databases made of them.

- `folder`: what a backup is made of;
- `writing`: a backup, from the database itself;
- `loading`: records into an empty log;
- `restoring`: a backup into an empty database;
- `replaying`: any export into a scratch database, and its rows beside the original's.
"""
