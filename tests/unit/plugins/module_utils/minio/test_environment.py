# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""MinIO's environment: what may stand in the open, and that a secret arrives as it was given."""

from __future__ import annotations

import pytest
from ansible_collections.baremetal.overlay.plugins.module_utils.minio import environment
from hypothesis import given
from hypothesis import strategies as st

# Of MinIO's own documents and sources.
SECRETS = (
    *("MINIO_KMS_SECRET_KEY", "MINIO_KMS_API_KEY", "MINIO_KMS_KES_API_KEY", "MINIO_KMS_KES_KEY_PASSWORD"),
    *("MINIO_IDENTITY_OPENID_CLIENT_SECRET", "MINIO_IDENTITY_OPENID_CLIENT_SECRET_PRIMARY", "MINIO_CERT_PASSWD"),
    *("MINIO_IDENTITY_LDAP_LOOKUP_BIND_PASSWORD", "MINIO_IDENTITY_PLUGIN_AUTH_TOKEN", "MINIO_SUBNET_LICENSE"),
    *("MINIO_NOTIFY_WEBHOOK_AUTH_TOKEN_ONE", "MINIO_AUDIT_WEBHOOK_AUTH_TOKEN", "MINIO_IAM_OPA_AUTHTOKEN"),
    *("MINIO_NOTIFY_NATS_NKEY_SEED", "MINIO_NOTIFY_MYSQL_DSN_STRING", "MINIO_NOTIFY_POSTGRES_CONNECTION_STRING"),
    *("MINIO_NOTIFY_KAFKA_SASL_PASSWORD", "MINIO_PROMETHEUS_AUTH_TOKEN", "MINIO_SUBNET_API_KEY", "_minio_x_secret"),
)
OPEN = (
    *("MINIO_BROWSER_REDIRECT_URL", "MINIO_DOMAIN", "MINIO_KMS_KES_KEY_NAME", "MINIO_PROMETHEUS_AUTH_TYPE"),
    *("MINIO_KMS_SECRET_KEY_FILE", "MINIO_KMS_KES_KEY_FILE", "MINIO_NOTIFY_AMQP_ROUTING_KEY", "MINIO_COMMENT"),
    *("MINIO_IDENTITY_OPENID_CLIENT_ID", "MINIO_NOTIFY_REDIS_KEY", "MINIO_API_CORS_ALLOW_ORIGIN"),
)


@pytest.mark.parametrize("name", SECRETS)
def test_what_looks_like_a_secret_is_refused_in_the_open(name):
    (sentence,) = environment.open_violations({name: "hush"})
    assert sentence.startswith(f"minio_environment: {name} looks like a secret")
    assert "minio_secret_environment" in sentence and "hush" not in sentence


@pytest.mark.parametrize("name", OPEN)
def test_what_does_not_is_taken(name):
    assert list(environment.open_violations({name: "https://kes.example.org:7373/a@b"})) == []


@pytest.mark.parametrize("value", ["amqp://me:hush@mq.example.org", "https://:hush@proxy:3128", "redis://a:hush@b/0"])
def test_a_password_in_a_url_is_refused_in_the_open(value):
    (sentence,) = environment.open_violations({"MINIO_NOTIFY_AMQP_URL": value})
    assert "has a URL with a password" in sentence and "hush" not in sentence


def test_all_that_is_wrong_is_said_at_once_and_no_value_of_it():
    wrong = {
        "MINIO_A SECRET": "hush",
        "MINIO_ROOT_PASSWORD": "hush",
        "MINIO_CONFIG_ENV_FILE": "hush",
        "MINIO_TWICE": "hush",
        "MINIO_EMPTY": "",
        "MINIO_LINES": "hush\nhush",
        "MINIO_LIST": ["hush"],
        "MINIO_FLAG": True,
        "MINIO_LONG": "hush" * 20_000,
    }
    found = list(environment.secret_violations(wrong, {"MINIO_TWICE": "a"}))
    assert len(found) == len(wrong)
    assert all(name in sentence for name, sentence in zip(wrong, found)) and "hush" not in "".join(found)
    (large,) = environment.secret_violations({f"MINIO_{n}": "x" * 59_000 for n in range(9)}, {})
    assert "larger than the 500000 bytes" in large
    assert list(environment.secret_violations({"MINIO_KMS_SECRET_KEY": "k:abc=", "_MINIO_X": 5}, {})) == []


def parsed(text):
    """As MinIO's parsEnvEntry reads each line: blanks off the ends, one pair of quotes off the value."""
    found = {}
    for line in text.split("\n"):
        entry = line.strip()
        if not entry or entry.startswith("#"):
            continue
        name, _equals, value = entry.removeprefix("export").strip().partition("=")
        if len(value) >= 2 and value[0] in "\"'" and value[-1] == value[0]:
            value = value[1:-1]
        found[name] = value
    return found


VALUES = st.text(st.characters(exclude_characters="\r\n\0", exclude_categories=["Cs"]), min_size=1)
NAMES = st.from_regex(r"MINIO_[A-Z0-9_]+", fullmatch=True)


@given(st.dictionaries(NAMES, VALUES))
def test_minio_reads_what_was_given(secret):
    assert parsed(environment.file_of(secret)) == secret


def test_the_file_does_not_depend_on_the_order():
    assert environment.file_of({"B": 1, "A": "x y"}) == environment.file_of({"A": "x y", "B": "1"})
