"""The page of `lrsync report`: from what is known to a view, from that to HTML. Reads and writes nothing."""
