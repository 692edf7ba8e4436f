# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a registry says of the images of a stack: ``name:tag`` becomes ``name:tag@digest`` and the platforms it is for.

As the docker CLI does it, and like it with the Engine's help: the Engine asks the registry.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..engine import Engine
from ..errors import EngineError
from ..image_names import digested, is_tag
from . import rollout
from .compose.definition import IMAGE_LABEL, Definition
from .stack_plan import Live, labels_of


def resolve(engine: Engine, definition: Definition, live: Live, params: Mapping[str, Any]) -> list[str]:
    """Fills in the services' images; what cannot be resolved stays as it is, with a warning."""
    warnings: list[str] = []
    answers: dict[str, dict[str, Any]] = {}
    for name, options in definition.services.items():
        image = options["image"]
        if not _asks(params["resolve_image"], image, options, live.services.get(name)):
            continue
        try:
            if image not in answers:
                answers[image] = rollout.distribution(engine, image, params["with_registry_auth"])
        except EngineError as error:
            answers[image] = {}
            warnings.append(f'image "{image}" cannot be resolved to a digest, so nodes may run different ones: {error}')
        if answers[image]:
            options["image"] = digested(image, answers[image])
            placement = {**(options.get("placement") or {}), "platforms": _platforms(answers[image])}
            options["placement"] = placement
    return warnings


def _asks(mode: Any, image: str, options: Mapping[str, Any], there: Any) -> bool:
    if mode not in ("always", "changed") or not is_tag(image):
        return False
    return bool(
        mode == "always" or there is None or labels_of(there).get(IMAGE_LABEL) != options["labels"][IMAGE_LABEL]
    )


def _platforms(answer: Mapping[str, Any]) -> list[dict[str, str]]:
    """Of ARM images the architecture is not said: their variants have too many names."""
    found = []
    for one in answer.get("Platforms") or []:
        architecture = one.get("architecture", "")
        platform = {"os": one.get("os", ""), "architecture": "" if architecture.startswith("arm") else architecture}
        if platform not in found:
            found.append(platform)
    return found
