"""The signer, held against botocore's on requests that nobody would think of."""

from __future__ import annotations

import random
import string
from urllib.parse import quote

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from lrsync.adapters.s3_sign import EMPTY, UNSIGNED, Keys, Scope, Signer

REQUESTS = 10_000
CHARACTERS = string.ascii_letters + string.digits + "-._~/+ %&=?#:@!$'()*,;<>[]{}|\\^`\"" + "éß漢字🙂\u0301"
PRINTABLE = string.ascii_letters + string.digits + string.punctuation + "  "
NAMES = {
    "PUT": (
        "if-none-match",
        "content-md5",
        "x-amz-meta-mtime",
        "x-amz-storage-class",
        "x-amz-checksum-sha256",
        "x-amz-x",
    ),
    "GET": ("if-match", "range", "x-amz-checksum-mode", "x-amz-x"),
    "HEAD": ("if-match", "x-amz-checksum-mode"),
}


def text(rng: random.Random, alphabet: str, most: int) -> str:
    return "".join(rng.choices(alphabet, k=rng.randint(1, most)))


def query_of(rng: random.Random, verb: str) -> str:
    """What an upload of a part asks for, or a read of a version: the names in order, as they are signed."""
    told = quote(text(rng, CHARACTERS, 40), safe="~")
    return f"partNumber={rng.randint(1, 9999)}&uploadId={told}" if verb == "PUT" else f"versionId={told}"


def botocores(request: AWSRequest, keys: Keys, region: str) -> str:
    """botocore's signature, at the time that the request names."""
    credentials = Credentials(keys.access_key, keys.secret_key, keys.token)
    auth = S3SigV4Auth(credentials, "s3", region)
    return auth.signature(auth.string_to_sign(request, auth.canonical_request(request)), request)


def test_it_signs_as_botocore_does() -> None:
    rng = random.Random(4)
    signers = {region: Signer(Scope(region)) for region in ("us-east-1", "eu-central-1", "auto")}
    for _ in range(REQUESTS):
        region = rng.choice(list(signers))
        token = text(rng, string.ascii_letters + "+/=", 300) if rng.random() < 0.3 else None
        keys = Keys("AKIDEXAMPLE", text(rng, string.ascii_letters + "+/", 40), token)
        path = "/bucket/" + quote(text(rng, CHARACTERS, 60), safe="/~")
        verb = rng.choice(list(NAMES))
        query = query_of(rng, verb) if rng.random() < 0.4 else ""
        stamp = f"2026{rng.randint(10, 12)}{rng.randint(10, 28)}T235959Z"
        payload_hash = rng.choice([UNSIGNED, rng.randbytes(32).hex()]) if verb == "PUT" else EMPTY
        headers = {"host": "s3.example.org:8333", "x-amz-date": stamp, "x-amz-content-sha256": payload_hash}
        chosen = rng.sample(NAMES[verb], rng.randint(0, len(NAMES[verb])))
        headers |= {name: text(rng, PRINTABLE, 30) for name in chosen}
        if "range" in headers:
            headers["range"] = f"bytes={rng.randint(0, 10**12)}-{rng.randint(0, 10**12)}"
        if token:
            headers["x-amz-security-token"] = token
        request = AWSRequest(verb, f"https://s3.example.org:8333{path}{'?' if query else ''}{query}", dict(headers))
        request.context["timestamp"] = stamp
        own = signers[region].authorization(verb, path, query, headers=headers, payload_hash=payload_hash, keys=keys)
        assert own.rpartition("=")[2] == botocores(request, keys, region), (path, query, headers)
        assert own.startswith(f"AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/{stamp[:8]}/{region}/s3/aws4_request, ")
