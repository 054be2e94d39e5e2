"""A log written out for other programs: as records, as a table, as CloudEvents, as tiles.

- `columns`: an event as a row of a table;
- `formats`: JSON lines, CSV and CloudEvents batches;
- `parquet`: Parquet files, with the extra `regesta[parquet]`;
- `tiling`: a folder of tiles.
"""
