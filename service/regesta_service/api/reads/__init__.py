"""Servicers that read: catalog, lifecycle, audit and watch."""
