"""Typed records between tables and arrays; no files."""
