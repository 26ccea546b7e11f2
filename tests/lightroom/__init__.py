"""Lightroom catalogs: real ones, generated ones, and ones that a process writes to while they are copied."""
