"""lrsync: back up a Lightroom photo library to S3, and prove that every photo is safe."""

__version__ = "0.1.0"
