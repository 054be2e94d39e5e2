"""The synchronous face; the synchronous one is made from it."""
