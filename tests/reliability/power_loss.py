"""What a power failure can leave: every state that the order of writes and syncs allows, without pulling a plug.

The model is stricter than common file systems: until a file is synced, none, all or half of its content, or only its
length, may be on the disk; until a folder is synced, any subset of the changes to its names may be.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import itertools
import os
import random
import sys
import threading
from collections.abc import Container, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

from inference_models_core.store import files
from inference_models_core.testing.fault_server import FaultServer

from reliability import loader
from reliability.children import EXAMPLE, Herd
from reliability.served import Served, noise, serve

ROOT = 0
_RECORDED = (
    *("create", "write", "write_at", "copy_at", "reflink", "truncate", "sync", "sync_folder"),
    *("replace", "rename", "link", "remove", "make_folder", "remove_folder"),
)
Tree = Mapping[str, bytes]
"""Path below the cache -> content: what is found after the failure."""


class Effect(NamedTuple):
    """One change that is on the disk sooner or later.

    Attributes:
        at: Number of the operation that made it.
        node: The file whose content changed, or the folder in which a name changed.
        name: The name; empty for content.
        value: The content from `offset` on, the node that has the name now, or `None` for a name that is gone.
        offset: Where content goes; -1 cuts or extends the file to `value` bytes.
    """

    at: int
    node: int
    name: str
    value: Any
    offset: int = 0


class Recorder:
    """Stands in for the file operations and notes what they change; a context manager."""

    def __init__(self, root: Path, forget: Container[str] = ()) -> None:
        self.effects: list[Effect] = []
        self.syncs: list[tuple[int, int]] = []  # (number of the operation, node)
        self.folders = {ROOT}
        self.operations = 0
        self._root = root
        self._forget = forget
        self._names: dict[tuple[int, str], int] = {}
        self._open: dict[int, int] = {}  # real inode -> node
        self._lock = threading.RLock()
        self._new = itertools.count(1)

    def __enter__(self) -> Recorder:  # noqa: PYI034 - Self is not in Python 3.10
        self._stack = contextlib.ExitStack()
        for name in _RECORDED:
            self._stand_in(name)
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _stand_in(self, name: str) -> None:
        real, noted = getattr(files, name), getattr(self, f"_{name}")

        @functools.wraps(real)
        def operation(*arguments: Any, **keywords: Any) -> Any:
            with self._lock:
                before = os.lseek(arguments[0], 0, os.SEEK_CUR) if name == "write" else None
                result = real(*arguments, **keywords)
                self.operations += 1
                noted(result, *arguments) if before is None else noted(before, *arguments)
                return result

        self._stack.enter_context(mock.patch.object(files, name, operation))

    # What each operation changes

    def _create(self, fd: int, path: Path, *_: object) -> None:
        node = next(self._new)
        self._open[os.fstat(fd).st_ino] = node
        self._name(path, node)

    def _write(self, before: int, fd: int, data: bytes) -> None:
        self._content(fd, before, bytes(data))

    def _write_at(self, _: object, fd: int, data: bytes, offset: int) -> None:
        self._content(fd, offset, bytes(data))

    def _copy_at(self, stop: int, _: int, target: int, start: int, *__: object) -> None:
        self._content(target, start, os.pread(target, stop - start, start))

    def _reflink(self, _: object, source: int, target: int) -> None:
        self._content(target, 0, os.pread(source, os.fstat(source).st_size, 0))

    def _truncate(self, _: object, fd: int, size: int) -> None:
        self._content(fd, -1, size)

    def _sync(self, _: object, fd: int) -> None:
        if "sync" not in self._forget:
            self.syncs.append((self.operations, self._open[os.fstat(fd).st_ino]))

    def _sync_folder(self, _: object, folder: Path) -> None:
        if "sync_folder" not in self._forget:
            self.syncs.append((self.operations, self._node(folder)))

    def _replace(self, _: object, source: Path, target: Path) -> None:
        node = self._find(source)
        self._name(target, node)
        self._name(source, None)

    _rename = _replace

    def _link(self, _: object, source: Path, target: Path) -> None:
        self._name(target, self._find(source))

    def _remove(self, removed: bool, path: Path) -> None:
        if removed:
            self._name(path, None)

    def _make_folder(self, made: bool, path: Path, *_: object) -> None:
        if made:
            node = next(self._new)
            self.folders.add(node)
            self._name(path, node)

    def _remove_folder(self, _: object, path: Path) -> None:
        self._name(path, None)

    # Names and nodes

    def _content(self, fd: int, offset: int, value: Any) -> None:
        self.effects.append(Effect(self.operations, self._open[os.fstat(fd).st_ino], "", value, offset))

    def _name(self, path: Path, node: int | None) -> None:
        folder = self._node(path.parent)
        if node is None:
            self._names.pop((folder, path.name), None)
        else:
            self._names[folder, path.name] = node
        self.effects.append(Effect(self.operations, folder, path.name, node))

    def _find(self, path: Path) -> int:
        return self._names[self._node(path.parent), path.name]

    def _node(self, folder: Path) -> int:
        """A folder's node; one that was made behind our back counts as being on the disk."""
        node = ROOT
        for name in folder.relative_to(self._root).parts:
            if (node, name) not in self._names:
                made = next(self._new)
                self.folders.add(made)
                self._names[node, name] = made
                self.effects.append(Effect(0, node, name, made))
                self.syncs.append((self.operations, node))
            node = self._names[node, name]
        return node


def states(record: Recorder, *, most: int = 48, seed: int = 0) -> Iterator[Tree]:
    """What the disk can hold after a failure: for every operation, combinations of what was not synced by then.

    Args:
        record: What happened.
        most: Combinations for each operation: all where there are fewer, else a random choice.
        seed: Of the choice.
    """
    chance = random.Random(seed)
    seen = set()
    for now in range(record.operations + 1):
        effects = [effect for effect in record.effects if effect.at <= now]
        synced: dict[int, int] = {}
        for at, node in record.syncs:
            if at <= now:
                synced[node] = at
        pending = [
            index for index, effect in enumerate(effects) if effect.at > synced.get(effect.node, -1) and effect.at
        ]
        for lost in _choices(effects, pending, most, chance):
            tree = _tree(record, effects, lost)
            key = hashlib.sha256(
                repr(sorted((path, _digest(content)) for path, content in tree.items())).encode()
            ).digest()
            if key not in seen:
                seen.add(key)
                yield tree


Fate = str
_FATES: tuple[Fate, ...] = ("there", "lost")
_CONTENT_FATES: tuple[Fate, ...] = ("there", "lost", "half", "zeros")


def _choices(
    effects: list[Effect], pending: list[int], most: int, chance: random.Random
) -> Iterable[Mapping[int, Fate]]:
    """Fates of what is pending; the content of one file shares one, as its blocks are written together."""
    groups: dict[tuple[int, str, int], list[int]] = {}
    for index in pending:
        effect = effects[index]
        groups.setdefault((effect.node, effect.name, effect.at if effect.name else 0), []).append(index)
    fates = [_FATES if name else _CONTENT_FATES for _, name, _ in groups]
    count = 1
    for each in fates:
        count *= len(each)
    chosen: Iterable[tuple[Fate, ...]] = itertools.product(*fates)
    if count > most:
        chosen = [tuple("there" for _ in fates), tuple("lost" for _ in fates)]
        chosen += [tuple(chance.choice(each) for each in fates) for _ in range(most - 2)]
    for one in chosen:
        yield {index: fate for fate, group in zip(one, groups.values(), strict=True) for index in group}


def _tree(record: Recorder, effects: list[Effect], fates: Mapping[int, Fate]) -> dict[str, bytes]:
    names: dict[int, dict[str, int]] = {}
    contents: dict[int, bytearray] = {}
    for index, effect in enumerate(effects):
        fate = fates.get(index, "there")
        if fate == "lost":
            continue
        if not effect.name:
            _apply(contents.setdefault(effect.node, bytearray()), effect, fate)
        elif effect.value is None:
            names.get(effect.node, {}).pop(effect.name, None)
        else:
            names.setdefault(effect.node, {})[effect.name] = effect.value
    found: dict[str, bytes] = {}
    _walk(record, names, contents, ROOT, "", found)
    return found


def _apply(content: bytearray, effect: Effect, fate: Fate) -> None:
    if effect.offset < 0:
        del content[effect.value :]
        content.extend(bytes(effect.value - len(content)))
        return
    data = effect.value
    if fate == "zeros":
        data = bytes(len(data))
    if fate == "half":
        data = data[: len(data) // 2]
    content.extend(bytes(max(0, effect.offset - len(content))))
    content[effect.offset : effect.offset + len(data)] = data


def _walk(
    record: Recorder,
    names: Mapping[int, Mapping[str, int]],
    contents: Mapping[int, bytearray],
    node: int,
    path: str,
    found: dict[str, bytes],
) -> None:
    for name, child in names.get(node, {}).items():
        below = f"{path}{name}"
        if child in record.folders:
            _walk(record, names, contents, child, f"{below}/", found)
        else:
            found[below] = bytes(contents.get(child, b""))


@functools.lru_cache(maxsize=4096)
def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def wrong_files(tree: Tree, model: Served) -> list[str]:
    """Paths under a final name whose content is not right, or that are missing beside a manifest."""
    wrong = []
    for path, content in tree.items():
        parts = path.split("/")
        if parts[0] == "blobs" and _digest(content) != parts[-1]:
            wrong.append(path)
        if parts[0] == "models" and len(parts) == 4 and not parts[2].startswith("."):
            right = model.digests.get(parts[3])
            wrong += [path] if right not in (None, _digest(content)) else []
            if parts[3] == "model_config.json":
                folder = "/".join(parts[:3])
                wrong += [f"{folder}/{handle}" for handle in model.digests if f"{folder}/{handle}" not in tree]
    return wrong


class PowerLoss(NamedTuple):
    """What the power failures left.

    Attributes:
        operations: Of the load that was recorded.
        states: Different contents of the disk that were looked at.
        wrong: How many of them had a wrong file under a final name.
        examples: A few of those files.
        loads: Of how many of them a model was loaded afterwards.
        healed: How many of these loads read the right bytes.
    """

    operations: int
    states: int
    wrong: int
    examples: list[str]
    loads: int
    healed: int


def power_loss(folder: Path, *, forget: tuple[str, ...] = (), most: int = 48, loads: int = 40) -> PowerLoss:
    """Records a small load and looks at everything that a power failure during it could leave.

    Args:
        folder: An empty folder.
        forget: Operations (``"sync"``, ``"sync_folder"``) that count as not done: shows that it would be seen.
        most: Combinations for each operation.
        loads: Of how many states to load the model again.
    """
    with FaultServer() as server:
        model = serve(server, {"weights.bin": noise(150_000), "names.txt": noise(100)})
        job = {"url": server.origin, "cache": str(folder / "recorded"), "model": model.name}
        record = _recorded(job, forget)
        found = list(states(record, most=most))
        wrong = [(tree, names) for tree in found if (names := wrong_files(tree, model))]
        sample = random.Random(1).sample(found, min(loads, len(found)))
        healed = _healed(server, folder, model, sample)
        examples = sorted({name for _, names in wrong for name in names})[:5]
        return PowerLoss(record.operations, len(found), len(wrong), examples, len(sample), healed)


def _recorded(job: dict, forget: tuple[str, ...]) -> Recorder:
    root = Path(job["cache"])
    root.mkdir(parents=True, mode=0o700)
    here = mock.patch.dict(os.environ, HTTP_FOLDER_URL=job["url"]), mock.patch("sys.path", [*sys.path, str(EXAMPLE)])
    with here[0], here[1], Recorder(root.resolve(), forget) as record:
        loader.load(job)
    return record


def _healed(server: FaultServer, folder: Path, model: Served, sample: Iterable[Tree]) -> int:
    healed = 0
    with Herd() as herd:
        for number, tree in enumerate(sample):
            cache = folder / f"state-{number}"
            for path, content in tree.items():
                (cache / path).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                (cache / path).write_bytes(content)
            answer = herd.load({"url": server.origin, "cache": str(cache), "model": model.name, "impatient": True})
            healed += answer.get("digests") == dict(model.digests)
    return healed
