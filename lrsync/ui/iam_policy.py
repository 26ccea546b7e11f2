"""`lrsync iam-policy`: parse, work it out, print."""

from __future__ import annotations

import json
from typing import Any, Final

import click

from lrsync.ui.options import examples, json_option, load_config, place_options

_EXAMPLES: Final = examples(
    ("lrsync iam-policy > policy.json", "for the library's settings"),
    ("lrsync iam-policy --s3-bucket my-photos --s3-prefix Photos --delete --doctor", "with all that lrsync can use"),
)


@click.command("iam-policy", epilog=_EXAMPLES)
@place_options
@click.option("--delete/--no-delete", default=None, help="Also what 'sync --delete' needs. [default: as configured]")
@click.option("--trash", is_flag=True, help="Also what 'lrsync trash restore' and 'purge' need.")
@click.option("--versioned/--unversioned", default=True, help="Whether the bucket keeps versions. [default: it does]")
@click.option("--doctor", is_flag=True, help="Also let 'lrsync doctor' look at the bucket's own settings.")
@json_option
def iam_policy(trash: bool, versioned: bool, doctor: bool, **flags: Any) -> int:
    """Print the least IAM policy that the library's settings need.

    Give it to the user or role whose credentials lrsync uses. Asks nobody and changes nothing.
    """
    config = load_config(flags, required=("s3_bucket",))

    from lrsync.core.policy import PolicyNeeds, least_policy
    from lrsync.core.storage import sleeping_of
    from lrsync.ui import output

    policy = least_policy(
        PolicyNeeds(
            bucket=config.bucket,
            prefix=config.prefix,
            region=config.region,
            # Of several classes one that has to be thawed: it alone asks for a right of its own.
            storage_class=next(iter(sleeping_of(config.storage_rules)), config.storage_class),
            kms_key=config.sse_kms_key_id,
            versioned=versioned,
            delete=config.delete,
            trash=trash,
            doctor=doctor,
        )
    )
    if flags["as_json"]:
        from lrsync.ui.jsons import to_text

        head = {"command": "iam-policy", "library": config.library, "result": "ok", "exit_code": 0}
        output.result(to_text(head | {"policy": policy}))
    else:
        output.result(json.dumps(policy, indent=2))
    return 0
