"""Kill lrsync, for real and again and again, and see that nothing is ever lost.

`proxy`   stands between lrsync and a real S3 server: logs every request, and kills at the one it is told to
`hooks`   inside a run: lowers the limits for multipart uploads, and kills at a write to the manifest
`life`    one library through many nights, most of which end with SIGKILL; every night is followed by the checks

Each run is a process of its own, and each kill a SIGKILL: no `finally`, no `atexit`, no flush.
"""

import pytest

pytest.register_assert_rewrite("tests.crash.life", "tests.crash.checks")
