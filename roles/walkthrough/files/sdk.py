# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Puts an object of its own through each endpoint with MinIO's SDK, and looks which endpoints know it.

In: JSON with endpoints, user, password, bucket. Out: JSON, endpoint → whether its object came back, who else has it.
"""

from __future__ import annotations

import io
import json
import sys
from typing import Any

from minio import Minio


def main() -> None:
    asked = json.load(sys.stdin)
    bucket, secrets = asked["bucket"], {"access_key": asked["user"], "secret_key": asked["password"]}
    clients = {one: Minio(endpoint=one, secure=False, **secrets) for one in asked["endpoints"]}
    returned = {}
    for endpoint, client in clients.items():
        data = f"put through {endpoint}".encode()
        if not client.bucket_exists(bucket_name=bucket):
            client.make_bucket(bucket_name=bucket)
        client.put_object(bucket_name=bucket, object_name=endpoint, data=io.BytesIO(data), length=len(data))
        returned[endpoint] = client.get_object(bucket_name=bucket, object_name=endpoint).read() == data
    known = {
        one: {found.object_name for found in client.list_objects(bucket_name=bucket)} for one, client in clients.items()
    }
    found: dict[str, Any] = {
        endpoint: {
            "returned": returned[endpoint],
            "elsewhere": sorted(other for other in clients if other != endpoint and endpoint in known[other]),
        }
        for endpoint in clients
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
