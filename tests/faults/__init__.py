"""Faults that are inflicted on purpose: what lrsync says, what it leaves behind, and that the next night mends it.

`proxy` stands between lrsync and a real server and misbehaves by a script; a fault that never came fails its test.
`night` is one library behind that proxy. `test_network` and `test_disk` hold the faults themselves.
"""

import pytest

# It asserts too, and a failure should say what was not equal.
pytest.register_assert_rewrite("tests.faults.night")
