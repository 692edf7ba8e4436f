# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""MinIO's environment, open and secret: pure.

What is secret is one Swarm secret, a file of KEY="value" lines that every server reads at its start
(MINIO_CONFIG_ENV_FILE). It holds any variable of MinIO's, while a ``*_FILE`` of its own is there for the root
credentials and one key only.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

SECRET = "minio-environment"
FILE_VARIABLE = "MINIO_CONFIG_ENV_FILE"
# Too short for a password. MinIO takes a missing secret for none and would start with credentials that everybody knows;
# with this it does not start, and the next task has its secrets.
NO_SECRET = "unset"
ROOT = ("MINIO_ROOT_USER", "MINIO_ROOT_PASSWORD", "MINIO_ACCESS_KEY", "MINIO_SECRET_KEY")
# Words in the names of MinIO's variables that hold a secret: passwords, tokens, keys, connection strings with either.
SENSITIVE = re.compile(
    r"(^|_)(PASSWORD|PASSWD|PASSPHRASE|SECRET|TOKEN|AUTHTOKEN|CREDENTIALS?|API_KEY|PRIVATE_KEY|MASTER_KEY|ACCESS_KEY"
    r"|NKEY_SEED|DSN_STRING|CONNECTION_STRING|LICENSE)(_|$)"
)
# A user's password in a URL.
LOGIN = re.compile(r"[a-z][a-z0-9+.-]*://[^/@\s:]*:[^/@\s]+@", re.IGNORECASE)
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# MinIO reads a line into a buffer of 64 KiB, and a Swarm secret has 500 KiB.
LINE, SIZE = 60_000, 500_000


def open_violations(given: Mapping[str, Any]) -> Iterator[str]:
    """What may not be in ``minio_environment``: the open one is in the service's definition, for all to read."""
    for name, value in given.items():
        if str(name).startswith(ROOT):
            yield f"minio_environment: {_root(name)}"
        elif name == FILE_VARIABLE:
            yield f"minio_environment: {_ours(name)}"
        elif looks_secret(str(name)):
            yield (
                f"minio_environment: {name} looks like a secret, and everyone who may inspect a service reads what is "
                "in minio_environment; give it in minio_secret_environment"
            )
        elif LOGIN.search(str(value)):
            yield (
                f"minio_environment: {name} has a URL with a password in it, and everyone who may inspect a service "
                "reads it there; give it in minio_secret_environment"
            )


def looks_secret(name: str) -> bool:
    """By its name; the path of a file is none."""
    return bool(SENSITIVE.search(name.upper())) and not name.upper().endswith("_FILE")


def secret_violations(secret: Mapping[str, Any], given: Mapping[str, Any]) -> Iterator[str]:
    """What may not be in ``minio_secret_environment``; values are never told."""
    for name, value in secret.items():
        where = f"minio_secret_environment: {name}"
        if not NAME.fullmatch(str(name)):
            yield f"{where} is no name of a variable; allowed: letters, digits and _, and no digit first"
        elif str(name).startswith(ROOT):
            yield f"minio_secret_environment: {_root(name)}"
        elif name == FILE_VARIABLE:
            yield f"minio_secret_environment: {_ours(name)}"
        elif name in given:
            yield f"{where} is in minio_environment too; leave it in one of them"
        yield from (f"{where} {fault}" for fault in _faults(value))
    if len(file_of(secret).encode()) > SIZE:
        yield f"minio_secret_environment: is larger than the {SIZE} bytes that a Swarm secret holds; give less"


def _faults(value: Any) -> Iterator[str]:
    text = str(value)
    if isinstance(value, (Mapping, list, bool)) or value is None:
        yield "is no text; give its value in quotes"
    elif not text:
        yield "is empty; give its value, or leave it out"
    elif re.search(r"[\r\n\0]", text):
        yield "has a line break, and MinIO reads one line a variable; give a file's path where MinIO takes one"
    elif len(text.encode()) > LINE:
        yield f"is longer than the {LINE} bytes that MinIO reads in one line; give a shorter one"


def _root(name: str) -> str:
    return (
        f"{name} does not belong there; credentials are given as minio_root_user and "
        "minio_root_password and reach MinIO as Swarm secrets"
    )


def _ours(name: str) -> str:
    return f"{name} does not belong there; it is how minio_secret_environment reaches MinIO: give variables there"


def file_of(secret: Mapping[str, Any]) -> str:
    """The secret's content; MinIO takes one pair of quotes off a value, and nothing else."""
    return "".join(f'{name}="{secret[name]}"\n' for name in sorted(secret, key=str))


def variables(options: Mapping[str, Any]) -> dict[str, str]:
    """What stands in the service's definition, equal on every server; MinIO's update would ask a site that is gone."""
    given = {str(name): str(value) for name, value in (options.get("environment") or {}).items()}
    secret_names, parity = options.get("secret_names") or [], options.get("parity")
    return {
        "MINIO_UPDATE": "off",
        **({} if parity is None else {"MINIO_STORAGE_CLASS_STANDARD": f"EC:{parity}"}),
        **given,
        # What the secret's file says takes their places.
        **dict.fromkeys(secret_names, NO_SECRET),
        **({FILE_VARIABLE: f"/run/secrets/{SECRET}"} if secret_names else {}),
    }
