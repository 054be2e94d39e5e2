"""Being told of events as they are appended."""
