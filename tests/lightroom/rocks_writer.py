"""A process that writes to a RocksDB folder as Lightroom does to `.lrcat-data`: run with FOLDER.

In every state, `a{n}` and `b{n}` of one round are equal: both are written in one batch. Says "ready" when it has begun.
"""

from __future__ import annotations

import sys
import time

KEYS = 40


def main(path: str) -> None:
    from rocksdict import Options, Rdict, WriteBatch

    options = Options()
    options.create_if_missing(True)
    options.set_write_buffer_size(64 << 10)  # small: files come and go all the time
    options.set_max_total_wal_size(128 << 10)
    database = Rdict(path, options)
    started, round_ = False, 0
    while True:
        for _ in range(30):
            round_ += 1
            batch = WriteBatch()
            for key in range(KEYS):
                batch.put(f"a{key}", f"{round_}:" + "x" * 500)
                batch.put(f"b{key}", f"{round_}:" + "x" * 500)
            database.write(batch)
        if not started:
            print("ready", flush=True)
            started = True
        time.sleep(0.25)


if __name__ == "__main__":
    main(sys.argv[1])
