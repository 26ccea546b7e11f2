"""`lrsync iam-policy`: the library's settings become a policy, as JSON on stdout and nothing else."""

from __future__ import annotations

import json
from pathlib import Path

from tests.ui.conftest import Cli


def test_the_policy_follows_the_settings(cli: Cli, config_file: Path) -> None:
    config_file.write_text(
        '[libraries.default]\nsource_path = "/p"\ns3_bucket = "b"\ns3_prefix = "P"\ndelete = true\n'
        'sse = "aws:kms"\nsse_kms_key_id = "arn:aws:kms:us-east-1:1:key/k"\n'
    )
    text = cli("iam-policy").out
    policy = json.loads(text)
    assert '"s3:DeleteObject"' in text and '"arn:aws:s3:::b/P/*"' in text and '"kms:Decrypt"' in text
    wrapped = json.loads(cli("iam-policy", "--json").out)
    assert (wrapped["command"], wrapped["exit_code"], wrapped["policy"]) == ("iam-policy", 0, policy)
    photos = json.loads(cli("iam-policy", "--no-delete").out)["Statement"][1]
    assert "s3:DeleteObject" not in photos["Action"]


def test_it_needs_a_bucket_only(cli: Cli) -> None:
    assert cli("iam-policy", "--s3-bucket", "b").code == 0
    assert cli("iam-policy").code == 2
