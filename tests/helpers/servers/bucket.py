"""A local server that speaks as Amazon S3 does, for tests that read from a bucket. Nothing leaves this machine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest


@contextmanager
def serve_bucket(name: str, folder: Path, prefix: str) -> Iterator[Any]:
    """A bucket that holds the PNG files of a folder below ``prefix``; gives a client of boto3.

    Inside, the environment of this process and of those that it starts leads to the server.
    """
    import boto3
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as patched:
        for variable, value in {
            "AWS_ENDPOINT_URL": f"http://{host}:{port}",
            "AWS_ACCESS_KEY_ID": "me",
            "AWS_SECRET_ACCESS_KEY": "hunter2",
            "AWS_DEFAULT_REGION": "us-east-1",
        }.items():
            patched.setenv(variable, value)
        client = boto3.client("s3")
        client.create_bucket(Bucket=name)
        for file in sorted(folder.rglob("*.png")):
            client.upload_file(str(file), name, f"{prefix}/{file.relative_to(folder).as_posix()}")
        yield client
        server.stop()
    import s3fs

    s3fs.S3FileSystem.clear_instance_cache()
