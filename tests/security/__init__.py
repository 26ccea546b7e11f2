"""What lrsync must never do, whoever answers and whatever lies in the bucket: trust a key, tell a secret, skip TLS."""
