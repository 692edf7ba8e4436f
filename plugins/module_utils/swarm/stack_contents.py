# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What secrets and configs are to hold, and whether those of the cluster that tell nothing hold it already."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, Optional, Union

from ..engine import Engine
from ..errors import EngineError, InputError
from ..units import collected, text
from .blob import told_by_labels
from .compose.definition import Blob, Definition
from .compose.environment import Files
from .stack_plan import Contents, Live, labels_of, versions_of

# What the Engine says to new content for an old secret.
_OTHER_CONTENT = "only updates to Labels are allowed"


def texts_of(params: Mapping[str, Any]) -> dict[str, Any]:
    """The options of the module with texts where names stand for texts, all that is wrong with them at once."""
    known = {name: params[name] or {} for name in ("variables", "secret_data", "secret_files", "image_map")}
    made = collected(partial(_texts, name, given, name == "variables") for name, given in known.items())
    return {**params, **dict(zip(known, made))}


def _texts(option: str, given: Mapping[str, Any], truths: bool) -> dict[str, Any]:
    """What is null stays so: not known. ``truths``: a truth value is the word for it, as in YAML."""
    named = {key: str(one).lower() if truths and isinstance(one, bool) else one for key, one in given.items()}
    found = collected(
        partial(lambda one, at: one if one is None else text(one, at), one, f"{option}.{key}")
        for key, one in named.items()
    )
    return dict(zip(named, found))


def files_of(params: Mapping[str, Any]) -> Files:
    """The controller's files, as the action plugin sends them; None: there is no such file."""
    sent = (params["file_data"] or {}).items()
    found = collected(partial(_decoded, f"file_data.{path}", data) for path, data in sent)
    return dict(zip([path for path, _data in sent], found))


def _decoded(where: str, data: Any) -> Optional[bytes]:
    try:
        return None if data is None else base64.b64decode(text(data, where), validate=True)
    except ValueError as error:
        raise InputError(f'option "{where}" is not Base64; leave file_data to the action plugin') from error


def contents_of(
    definition: Definition, params: Mapping[str, Any], files: Files, check_mode: bool
) -> tuple[Contents, list[str]]:
    contents: Contents = {}
    data, paths = params["secret_data"] or {}, params["secret_files"] or {}
    violations = [*_strange("secret_data", data, definition), *_strange("secret_files", paths, definition)]
    for kind, blob in definition.blobs():
        if blob.external:
            continue
        try:
            given = (
                _given(blob, data, paths, check_mode) if kind == "secret" else (blob.content is not None, blob.content)
            )
            if given == (True, None) and not check_mode:
                raise InputError(f'secret "{blob.key}": its content in secret_data is null; give a text')
            contents[(kind, blob.name)] = _bytes(given[1]) if given[0] else _of_file(kind, blob, files, check_mode)
        except InputError as error:
            violations.extend(error.violations)
    return contents, violations


def _strange(option: str, given: Mapping[str, Any], definition: Definition) -> list[str]:
    known = {name for blob in definition.secrets.values() for name in (blob.key, blob.name)}
    return [
        f'option "{option}" has "{key}", which is not among the secrets of the definition'
        for key in given
        if key not in known
    ]


def _bytes(data: Union[bytes, str, None]) -> Optional[bytes]:
    return data.encode() if isinstance(data, str) else data


def _given(blob: Blob, data: Mapping[str, Any], paths: Mapping[str, Any], check_mode: bool) -> tuple[bool, Any]:
    """Whether an option says what a secret holds, and what. A prediction may not know yet: the file comes later."""
    for name in (blob.key, blob.name):
        if name in data:
            return True, data[name]
        if name in paths:
            try:
                return True, Path(paths[name]).read_bytes()
            except OSError as error:
                if check_mode and isinstance(error, FileNotFoundError):
                    return True, None
                raise InputError(
                    f'secret "{blob.key}": {paths[name]} cannot be read on this host: {error.strerror}'
                ) from error
    return False, None


def _of_file(kind: str, blob: Blob, files: Files, check_mode: bool) -> Optional[bytes]:
    if blob.driver:
        return b""
    if blob.file is None:
        how = "secret_data, secret_files or a file" if kind == "secret" else "content or a file"
        raise InputError(f'{kind} "{blob.key}" has no content; give it by {how}')
    found = files.get(blob.file)
    if found is None and not check_mode:
        raise InputError(f'{kind} "{blob.key}": file "{blob.file}" is not there on the controller')
    return found


def ask_for_content(engine: Engine, definition: Definition, contents: Contents, live: Live) -> None:
    """Notes in ``live.held`` what the Engine says of secrets that carry no label of ours.

    The Engine compares before it refuses: an update with the same labels and the same data changes nothing.
    """
    for kind, blob in definition.blobs():
        data = contents.get((kind, blob.name))
        versions = versions_of(live.secrets, blob.name) if kind == "secret" and not blob.external else []
        if not data or not versions or told_by_labels(labels_of(live.secrets[versions[-1]]), data) is not None:
            continue
        name, one = versions[-1], live.secrets[versions[-1]]
        live.held[name] = _engine_holds(engine, one, data)
        if live.held[name] and labels_of(one) != blob.labels:
            # They will be updated, and having been asked counts as a change of the secret's version.
            live.secrets[name] = engine.call("GET", f"/secrets/{one['ID']}")


def _engine_holds(engine: Engine, one: Mapping[str, Any], data: bytes) -> bool:
    body = {**one["Spec"], "Data": base64.b64encode(data).decode()}
    try:
        engine.call("POST", f"/secrets/{one['ID']}/update", body=body, query={"version": one["Version"]["Index"]})
    except EngineError as error:
        if _OTHER_CONTENT in error.message:
            return False
        raise
    return True
