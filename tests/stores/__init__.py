"""Object stores to test against: one in memory, and real S3 servers on loopback.

In memory: `tests.stores.memory.MemoryStore` fulfils `core.ports.ObjectStore` in full and checks for real.

Real servers, as session fixtures of type `S3Server` (see `tests.stores.server`):

    seaweed       SeaweedFS over http
    seaweed_tls   the same server over https, with a test CA
    rclone_s3     `rclone serve s3`: a poor store, without checksums, conditions or versions
    moto_s3       moto's server: knows archive classes, checks next to nothing

`bucket` makes a fresh bucket: `name = bucket(seaweed)`, `bucket(seaweed, versioned=True)`.
`open_store` opens an S3Store on it that is closed after the test: `open_store(seaweed, name, threads=2)`.
A subprocess gets `env=seaweed.environment()`: credentials, the CA, and no configuration of the user's own.
`seaweed.client()` is a plain boto3 client to look into a bucket behind lrsync's back; use it in a `with closing(...)`.

`canned` answers what a test tells it to (`tests.stores.canned`): errors that no real store gives on demand.

Each server starts once for all workers of a run, and a keeper kills it when the last of them is gone, however it
ended. One that does not start fails the test, with the end of its log.
"""
