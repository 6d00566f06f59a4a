"""Blocks: the layers of a large model folded into its repeated parts, so that its diagram fits on a page."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from visualize.results import Structure

FOLDED_ABOVE = 32  # layers: two columns of boxes, which a page still shows
MOST_BLOCKS = 64  # boxes; if there are more, layers whose maps have the same size are one block
MAX_PERIOD = 16  # nodes of a part that is looked for again
MOST_IN_BRANCHES = 0.25  # of all layers: with more between two narrow places, nothing is repeated
MOST_BETWEEN = 2  # layers of another size between layers of one size, where branches are listed in turns
AXES = re.compile(r"(conv|pool|pooling|padding|sampling|cropping|dropout)[123]d[_.\-]$", re.IGNORECASE)  # "conv2d_" of Keras
MERGES = ("Add", "Concatenate", "Average", "Maximum", "Minimum", "Subtract", "Multiply")
MINOR = ("Norm", "Multiply", "Rescaling", "LayerScale")  # kinds that are not listed among what a block consists of

Row = Mapping[str, Any]  # of a layer: path, kind, shape, parameters


@dataclass(frozen=True, eq=False)
class Block:
    """What one box of a diagram stands for.

    Attributes:
        name: of the layer, or what the names of its layers begin with.
        parts: the layers of each repetition, in the order of the calls; one part where nothing repeats.
        beginning: what the names of the layers of the first part begin with; "" where they have nothing in common.
    """

    name: str
    parts: tuple[tuple[Row, ...], ...]
    beginning: str = ""

    @property
    def layers(self) -> list[Row]:
        """All layers."""
        return [layer for part in self.parts for layer in part]

    @property
    def is_layer(self) -> bool:
        """Whether it is one layer."""
        return len(self.layers) == 1

    @property
    def contents(self) -> list[str]:
        """What its first part consists of: the layers that have weights, poolings and sums; without normalizations."""
        important = [layer for layer in self.parts[0] if _is_important(layer)]
        return [_short_name(layer, self.beginning) for layer in important]

    @property
    def signature(self) -> tuple[Any, ...]:
        """What two blocks have in common if one repeats the other: kinds, names but for numbers, and the size of the map."""
        kinds = tuple(layer["kind"] for layer in self.parts[0])
        shape = self.parts[0][-1]["shape"]
        return (
            kinds,
            re.sub(r"\d+[a-z]?", "#", self.beginning),
            tuple(shape[1:-1]),
            shape[-1] if len(kinds) == 1 and shape else None,
        )


def blocks_of(structure: Structure) -> list[Block]:
    """The boxes of a diagram: one per layer of a small model, blocks of a large one.

    Layers belong together if their names begin alike ("block2a_expand_conv", "block2a_dwconv"), or if their tensors branch
    and meet again; parts of the same kinds that follow each other are one block. A nested model that holds most of the layers
    is shown by its own blocks.
    """
    if structure.display.full:
        return [Block(layer["path"], ((layer,),)) for layer in _leaves(structure)]
    if len(structure.rows) <= FOLDED_ABOVE:
        return [Block(layer["path"], ((layer,),)) for layer in structure.rows if layer["depth"] == 0]
    layers = _expanded(structure)
    if len(layers) <= FOLDED_ABOVE:
        return [Block(layer["path"], ((layer,),)) for layer in layers]
    edges = edges_between(structure, [layer["path"] for layer in layers])
    blocks = _folded(_with_branches(_named_blocks(layers, edges), edges))
    return blocks if len(blocks) <= MOST_BLOCKS else _folded(_by_size(blocks))


def edges_between(structure: Structure, paths: Iterable[str]) -> list[tuple[str, str]]:
    """The tensors between these layers, also inside nested models, which stand for what they begin and end with.

    Args:
        structure: what `summary` returned.
        paths: of layers, none of which contains another.
    """
    known = set(paths)
    edges = [*structure.edges, *structure.inner_edges]
    entries: dict[str, list[str]] = {}
    exits: dict[str, list[str]] = {}
    for start, end in structure.inner_edges:
        if end.startswith(start + "/"):
            entries.setdefault(start, []).append(end)
        if start.startswith(end + "/"):
            exits.setdefault(end, []).append(start)

    def ends_of(path: str, inner: Mapping[str, list[str]]) -> list[str]:
        if path in known:
            return [path]
        return [leaf for child in inner.get(path, ()) for leaf in ends_of(child, inner)]

    between = [
        pair
        for start, end in edges
        if not end.startswith(start + "/") and not start.startswith(end + "/")
        for pair in itertools.product(ends_of(start, exits), ends_of(end, entries))
    ]
    return list(dict.fromkeys(between))


def _leaves(structure: Structure) -> list[Row]:
    """Every layer, but for nested models whose inside is known: those are shown by their layers."""
    inside = {container for container, _ in structure.inner_edges if any(_below(container, structure))}
    return [layer for layer in structure.rows if layer["path"] not in inside and _parent(layer["path"]) in {"", *inside}]


def _expanded(structure: Structure) -> list[Row]:
    """The layers at the top, with the insides of a nested model that holds most of the layers in its place."""
    layers = [layer for layer in structure.rows if layer["depth"] == 0]
    known = {start for start, _ in structure.inner_edges}
    while True:
        large = [layer for layer in layers if _holds_most(layer["path"], structure) and layer["path"] in known]
        if not large:
            return layers
        (container,) = large
        children = [row for row in structure.rows if _parent(row["path"]) == container["path"]]
        place = layers.index(container)
        layers = [*layers[:place], *children, *layers[place + 1 :]]


def _holds_most(path: str, structure: Structure) -> bool:
    return 2 * sum(1 for _ in _below(path, structure)) > len(structure.rows)


def _below(path: str, structure: Structure) -> Iterable[Row]:
    return (layer for layer in structure.rows if layer["path"].startswith(path + "/"))


def _parent(path: str) -> str:
    return path.rpartition("/")[0]


def _named_blocks(layers: Sequence[Row], edges: Sequence[tuple[str, str]]) -> list[Block]:
    """Layers whose names begin alike as one block; others alone."""
    keys = _keys([layer["path"] for layer in layers])
    keys = _with_sums(layers, _with_enclosed(keys), edges)
    keys = _with_enclosed(_with_stems(layers, keys))
    blocks = []
    names = [key or layer["path"] for layer, key in zip(layers, keys, strict=True)]
    for name, numbers in itertools.groupby(range(len(layers)), key=names.__getitem__):
        members = [layers[number] for number in numbers]
        alone = len(members) == 1
        blocks.append(Block(members[0]["path"] if alone else name, (tuple(members),), "" if alone else name))
    return blocks


def _keys(paths: Sequence[str]) -> list[str]:
    """For each layer what the names of its block begin with: up to the last number, "conv2_block1" of "conv2_block1_1_conv".

    Of two such beginnings of which one continues the other, the shorter counts, unless half of all names begin with it.
    """
    candidates = [_numbered_beginnings(path) for path in paths]
    counts = Counter(beginning for each in candidates for beginning in each)
    own = [next((each for each in reversed(known) if 2 * counts[each] <= len(paths)), "") for known in candidates]
    chosen = set(own)
    return [next((each for each in known if each in chosen and 2 * counts[each] <= len(paths)), "") for known in candidates]


def _numbered_beginnings(path: str) -> list[str]:
    """The beginnings of a name that end with a number and leave a word: "conv2", "conv2_block1", "conv2_block1_1"."""
    folder, _, name = path.rpartition("/")
    parts = re.split(r"(?<=[_.\-])", name)  # each with the separator behind it
    beginnings = []
    for count in range(1, len(parts)):
        has_number = re.search(r"\d", parts[count - 1]) and not AXES.search(parts[count - 1])
        if has_number and re.search(r"[A-Za-z]", "".join(parts[count:])):
            beginnings.append((f"{folder}/" if folder else "") + "".join(parts[:count]).rstrip("_.-"))
    return beginnings


def _with_enclosed(keys: list[str]) -> list[str]:
    """Layers without a beginning, or with a longer one, that are among those of one block belong to it."""
    keys = list(keys)
    for key in sorted(filter(None, set(keys)), key=len):
        if key not in keys:
            continue
        first, last = keys.index(key), len(keys) - 1 - keys[::-1].index(key)
        if all(other in ("", key) or other.startswith(f"{key}_") for other in keys[first : last + 1]):
            keys[first : last + 1] = [key] * (last + 1 - first)
    return keys


def _with_sums(layers: Sequence[Row], keys: list[str], edges: Sequence[tuple[str, str]]) -> list[str]:
    """A sum without a beginning of its own ends the block before it if it receives a tensor of that block.

    So do layers between the two that receive only tensors of that block, such as the normalization of a shortcut.
    """
    keys = list(keys)
    number_of = {layer["path"]: number for number, layer in enumerate(layers)}
    starts: dict[int, set[int]] = {}
    for start, end in edges:
        starts.setdefault(number_of[end], set()).add(number_of[start])
    for index, layer in enumerate(layers):
        if keys[index] or layer["kind"] not in MERGES:
            continue
        first = index
        while first and not keys[first - 1]:
            first -= 1
        key = keys[first - 1] if first else ""
        known = {number for number in range(first) if keys[number] == key} | set(range(first, index))
        between_is_inside = all(starts.get(number, set()) <= known for number in range(first, index))
        if key and between_is_inside and any(keys[number] == key for number in starts.get(index, ())):
            keys[first : index + 1] = [key] * (index + 1 - first)
    return keys


def _with_stems(layers: Sequence[Row], keys: list[str]) -> list[str]:
    """Neighbors without a number whose names begin with the same word, "stem_conv" and "stem_bn"; no names given by Keras."""
    keys = list(keys)
    names = [layer["path"].rpartition("/")[2] for layer in layers]
    words = [
        "" if key or _is_default(layer) or "_" not in name else layer["path"].rpartition("/")[0] + "/" + name.split("_")[0]
        for layer, key, name in zip(layers, keys, names, strict=True)
    ]
    place = 0
    for word, group in itertools.groupby(words):
        count = len(list(group))
        if word and count > 1:
            split = [name.split("_") for name in names[place : place + count]]
            common = "_".join(_common_beginning(split))
            folder = word.rpartition("/")[0]
            keys[place : place + count] = [f"{folder}/{common}" if folder else common] * count
        place += count
    return keys


def _common_beginning(names: Sequence[Sequence[str]]) -> list[str]:
    """The parts that all names begin with, leaving at least one part of each."""
    shortest = min(map(len, names)) - 1
    return [parts[0] for parts in zip(*(name[:shortest] for name in names), strict=True) if len(set(parts)) == 1] or [
        names[0][0]
    ]


def _with_branches(blocks: Sequence[Block], edges: Sequence[tuple[str, str]]) -> list[Block]:
    """Single layers between which tensors branch and meet again as one block, named after the layer where they meet.

    If there is one block among them, they belong to it.
    """
    number_of = {layer["path"]: number for number, block in enumerate(blocks) for layer in block.layers}
    pairs = {(number_of[start], number_of[end]) for start, end in edges}
    last_use = dict.fromkeys(range(len(blocks)), -1)
    for start, end in pairs:
        last_use[start] = max(last_use[start], end)
    segments: list[list[Block]] = [[]]
    for number, block in enumerate(blocks):
        segments[-1].append(block)
        open_ends = [earlier for earlier in range(number) if last_use[earlier] > number]
        if not open_ends:  # everything that follows goes through this block
            segments.append([])
    return [block for segment in segments for block in _joined(segment, len(blocks))]


def _joined(segment: Sequence[Block], count: int) -> list[Block]:
    """The blocks between two places that everything goes through, as one if they belong together."""
    named = [block for block in segment if block.beginning]
    if not 1 < len(segment) <= count * MOST_IN_BRANCHES or len(named) > 1:
        return list(segment)
    members = tuple(layer for block in segment for layer in block.layers)
    beginning = named[0].beginning if named else ""
    return [Block(beginning or members[-1]["path"], (members,), beginning)]


def _folded(blocks: Sequence[Block]) -> list[Block]:
    """Blocks of the same kinds that follow each other as one, the longest repetition first."""
    result: list[Block] = []
    place = 0
    while place < len(blocks):
        period, repeats = _repetition(blocks, place)
        group = blocks[place : place + period * repeats]
        if repeats > 1:
            parts = tuple(
                tuple(layer for block in group[start : start + period] for layer in block.layers)
                for start in range(0, len(group), period)
            )
            result.append(Block(_range(group[0].name, group[-1].name), parts, group[0].beginning))
            place += len(group)
        else:
            result.append(blocks[place])
            place += 1
    return result


def _repetition(blocks: Sequence[Block], place: int) -> tuple[int, int]:
    """How many blocks are repeated from here on, and how often; (1, 1) where nothing is.

    A block with a name is repeated alone; single layers are together, or alone at least three times.
    """
    signatures = [block.signature for block in blocks]
    best = (1, 1)
    for period in range(1, min(MAX_PERIOD, (len(signatures) - place) // 2) + 1):
        if period > 1 and any(block.beginning for block in blocks[place : place + period]):
            break
        part, repeats = signatures[place : place + period], 1
        while signatures[place + repeats * period : place + (repeats + 1) * period] == part:
            repeats += 1
        enough = 3 if period == 1 and blocks[place].is_layer else 2
        if repeats >= enough and period * repeats > best[0] * best[1]:
            best = period, repeats
    return best


def _range(first: str, last: str) -> str:
    """The names of the first and the last of several blocks, what both begin with once: "conv2_block1 \u2026 block6"."""
    pairs = zip(re.split(r"(?<=[_/])", first), re.split(r"(?<=[_/])", last), strict=False)
    common = "".join(one for one, _ in itertools.takewhile(lambda pair: pair[0] == pair[1], pairs))
    return f"{first} \u2026 {last.removeprefix(common)}"


def _by_size(blocks: Sequence[Block]) -> list[Block]:
    """Neighbors whose outputs have the same spatial size as one block, where neither names nor branches tell blocks."""
    result = []
    for members in _with_few_between([list(group) for _, group in itertools.groupby(blocks, key=_size)]):
        layers = tuple(layer for block in members for layer in block.layers)
        name = members[0].name if len(members) == 1 else f"{layers[0]['path']} \u2026 {layers[-1]['path']}"
        result.append(members[0] if len(members) == 1 else Block(name, (layers,)))
    return result


def _with_few_between(groups: Iterable[list[Block]]) -> list[list[Block]]:
    """Groups of one size as one, with what is between them, if that is at most two layers: branches are listed in turns."""
    result: list[list[Block]] = []
    for group in groups:
        between = 0
        for place in range(len(result) - 1, -1, -1):
            if _size(result[place][0]) == _size(group[0]):
                result[place:] = [[block for each in (*result[place:], group) for block in each]]
                break
            between += sum(len(block.layers) for block in result[place])
            if between > MOST_BETWEEN:
                result.append(group)
                break
        else:
            result.append(group)
    return result


def _size(block: Block) -> tuple[int | None, ...]:
    """The spatial size of what a block returns."""
    return tuple(block.parts[-1][-1]["shape"][1:-1])


def _is_default(layer: Row) -> bool:
    """Whether a layer has the name that Keras gives: that of its class, perhaps with a number."""
    name = layer["path"].rpartition("/")[2]
    return re.sub(r"_\d+$", "", name).replace("_", "").casefold() == layer["kind"].casefold()


def _is_important(layer: Row) -> bool:
    kind = layer["kind"]
    if any(part in kind for part in MINOR):
        return False
    return layer["parameters"] > 0 or kind in MERGES or "Pool" in kind


def _short_name(layer: Row, beginning: str) -> str:
    """The name of a layer without the beginning that the names of its block share; its class where nothing else is left."""
    path = layer["path"]
    if _is_default(layer) or path == beginning:
        return layer["kind"]
    name = path.removeprefix(beginning).lstrip("_.-") if beginning else path.rpartition("/")[2]
    without_kind = re.sub(r"_conv(2d)?$", "", name)
    return without_kind if re.search(r"[A-Za-z]", without_kind) else name
