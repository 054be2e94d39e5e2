"""The asynchronous face; the synchronous one is made from it."""
