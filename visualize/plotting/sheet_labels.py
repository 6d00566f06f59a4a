"""What is written on an attribution sheet: a title above each image, a header above each column."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from visualize.plotting.text import fits, fitted, wrapped
from visualize.results import Attribution

MEASURES = ("deletion", "insertion")


def title_of(attribution: Attribution, image: int, inches: float) -> str:
    """Picture, class and score of one image, which all maps of its row explain."""
    settings, arrays = attribution.settings, attribution.arrays
    picture = str(arrays["names"][image]) if "names" in arrays else ""
    kind, score = settings.get("score", "score"), attribution.scores[image]
    target, score_line = "", f"{kind} {score:.3g}"
    if attribution.targets[image] >= 0 and settings.get("classes") != 1:  # a single output is no class
        target = _target_name(attribution, image)
        if "against" in arrays:
            score_line = f"{kind} higher by {score:.3g}"
        if "probability" in arrays and kind.endswith("logit"):
            score_line += f", p {arrays['probability'][image]:.3f}"
    both = f"{picture}: {target}"
    if not (picture and target and fits(both, inches, 8)):
        lines = [*([fitted(picture, inches, 8)] if picture else []), *(wrapped(target, inches, 8, most=2) if target else [])]
    else:
        lines = [fitted(both, inches, 8)]
    return "\n".join([*lines, fitted(score_line, inches, 8)])


def picture_of(attribution: Attribution, image: int, inches: float) -> str:
    """The name of a picture alone, where the maps of its row explain several classes."""
    return fitted(str(attribution.arrays["names"][image]), inches, 8) if "names" in attribution.arrays else ""


def target_of(attribution: Attribution, image: int, inches: float) -> str:
    """The class and the score of one map, where the maps of its row explain several."""
    arrays = {name: array for name, array in attribution.arrays.items() if name != "names"}
    return title_of(replace(attribution, arrays=arrays), image, inches)


def measures_of(attribution: Attribution, inches: float) -> list[str]:
    """The deletion and insertion of each map, where they were measured, on two lines if they need them; else empty."""
    arrays = attribution.arrays
    if not set(MEASURES) <= arrays.keys():
        return [""] * len(attribution.values)
    widest = "deletion 0.00, insertion 0.00"
    comma = ", " if fitted(widest, inches, 8) == widest else "\n"
    pairs = zip(*(arrays[name] for name in MEASURES), strict=True)
    return [f"deletion {deleted:.2f}{comma}insertion {inserted:.2f}" for deleted, inserted in pairs]


def header_of(attribution: Attribution, inches: float) -> str:
    """The method of a column, and the settings that tell it from the others."""
    settings = attribution.settings
    lines = [attribution.method]
    if attribution.method == "contrast":
        lines.append(f"of {settings['method']}")
    if settings.get("modifier"):
        lines[0] += f", {settings['modifier']}"
    if layer := settings.get("layer"):
        lines.append(layer if isinstance(layer, str) else ", ".join(layer))
    if "patch" in settings:
        lines.append(f"patch {_size(settings['patch'])}, stride {_size(settings['stride'])}")
    return "\n".join(fitted(line, inches, 10) for line in lines)  # bold letters are wide


def _size(side: int | Sequence[int]) -> str:
    """A side of all axes, 4, or those of each axis, 2x4x4."""
    return str(side) if isinstance(side, int) else "x".join(map(str, side))


def _target_name(attribution: Attribution, image: int) -> str:
    names, target = attribution.settings.get("class_names", []), int(attribution.targets[image])
    name = f"unit {target}" if attribution.settings.get("target_layer") else _class_name(target, names)
    if "against" not in attribution.arrays:
        return name
    return f"{name} rather than {_class_name(int(attribution.arrays['against'][image]), names)}"


def _class_name(index: int, names: Sequence[str]) -> str:
    return names[index] if index < len(names) and not names[index].isdecimal() else f"class {index}"
