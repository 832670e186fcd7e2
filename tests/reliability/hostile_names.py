"""Names from outside that try to get out, through every function that takes one, with a look at the disk afterwards."""

from __future__ import annotations

import hashlib
import itertools
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

from inference_models_core import AutoModel, LoadOptions, PluginHost, hookimpl
from inference_models_core.names import check_handle, check_handles, check_identifier
from inference_models_core.providers.documents import read_model
from inference_models_core.providers.generic_manifest import GENERIC_MANIFEST, read_generic_manifest
from inference_models_core.reference import parse_reference
from inference_models_core.store.collect import remove_model
from inference_models_core.store.store import Store, StoredFile, StoredPackage
from inference_models_core.testing.fuzzing import Survey, adversarial_names, survey
from inference_models_core.types.packages import Artifact, ModelDependency, ModelMetadata, ModelPackage
from inference_models_core.types.providers import WeightsProviderSpec
from inference_models_provider_roboflow.local_packages import find_local_packages
from inference_models_provider_samples.provider import SamplesProvider

from reliability import tiny

CONTENT = b"weights"
SHA256 = hashlib.sha256(CONTENT).hexdigest()
Entry = Callable[[str], object]


class Answers:
    """A provider whose plugin does not check what it says: core has to."""

    says: ModelMetadata
    dependency: ModelMetadata

    def __init__(self, context: Any) -> None:
        del context

    def resolve(self, model_id: str, *, revision: str | None = None) -> ModelMetadata:
        """What it was told to say; models that others depend on are all the same one."""
        del revision
        return self.says if model_id == "x" else self.dependency


class Plugin:
    """Brings the provider."""

    @hookimpl
    def register_weights_providers(self) -> Iterable[WeightsProviderSpec]:
        """`hostile://`."""
        yield WeightsProviderSpec(name="hostile", factory=f"{__name__}:Answers")


def _model(model_id: str, package_id: str, handle: str, **more: Any) -> ModelMetadata:
    file = Artifact(handle=handle, sha256=SHA256, size=len(CONTENT), urls=["https://files.example.com/never"])
    package = ModelPackage(package_id=package_id, backend="tiny", architecture="tiny", task="digests", artifacts=[file])
    return ModelMetadata(model_id=model_id, packages=[package], **more)


class Place:
    """A cache, and beside it what must stay as it is.

    Args:
        folder: An empty folder; holds ``cache``, ``outside`` and ``here``, where the process should run.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self.cache, self.here = folder, folder / "cache", folder / "here"
        for path in (folder / "outside" / "deep", self.here):
            path.mkdir(parents=True)
            (path / "weights.onnx").write_bytes(b"untouched")
        self.store = Store.open(self.cache)
        part = self.store.part_folder("start") / "x.part"
        part.write_bytes(CONTENT)
        self.store.publish(part, None, SHA256, len(CONTENT))
        self.host = PluginHost(discover=False)
        self.host.register(tiny, "tiny", "1")
        self.host.register(Plugin(), "hostile", "1")
        self._numbers = itertools.count()
        self.before = self.census()

    def census(self) -> dict[str, tuple[int, int, int, int]]:
        """Everything beside the cache: path -> inode, mode, size, time of the last change."""
        found = {}
        for root, folders, files in os.walk(self.folder):
            if Path(root) == self.folder:
                folders.remove("cache")
            for name in (*folders, *files):
                status = (Path(root) / name).lstat()
                found[f"{root}/{name}"] = status.st_ino, status.st_mode, status.st_size, status.st_mtime_ns
        return found

    def strays(self) -> list[str]:
        """Links and files of a wrong kind in the cache."""
        paths = [Path(root) / name for root, folders, files in os.walk(self.cache) for name in (*folders, *files)]
        return [str(path) for path in paths if path.is_symlink() or not (path.is_dir() or path.is_file())]

    def inside(self, path: Path) -> Path:
        """The path, if it is below the cache and nothing on the way leads elsewhere."""
        assert path.is_relative_to(self.cache), f"{path} is not in the cache"
        assert ".." not in path.parts
        assert Path(os.path.realpath(path)).is_relative_to(self.cache), f"{path} leads out of the cache"
        return path

    def load(self, *, name: str = "weights.bin", package: str = "p", model: str | None = None, **more: Any) -> None:
        """Loads what a provider describes with these names; the content is in the cache already."""
        model = f"m{next(self._numbers)}" if model is None else model
        Answers.says = _model(model, package, name, **more)
        Answers.dependency = _model("dependency", "p", "weights.bin")
        options = LoadOptions(host=self.host, progress=False, use_resolution_cache=False)
        loaded = AutoModel.from_pretrained("hostile://x", cache_dir=self.cache, options=options)
        assert set(loaded.digests.values()) == {SHA256}

    def ask(self, name: str | Path) -> None:
        """Names a model as callers do, offline."""
        AutoModel.plan(name, cache_dir=self.cache, local_files_only=True, options=LoadOptions(host=self.host))

    def find(self, **names: str) -> None:
        """Looks a package up in the store, and removes it."""
        given = {"provider": "a", "model_id": "b", "package_id": "c", "handle": "d", **names}
        file = StoredFile(handle=given.pop("handle"), sha256=SHA256, size=len(CONTENT))
        lease = self.store.find_package(StoredPackage(**given, files=[file]))
        assert lease is None, "nothing was placed"


def quick_entries(place: Place) -> dict[str, Entry]:
    """What takes a name and leaves little behind."""
    store = place.store
    samples = SamplesProvider(None)  # type: ignore[arg-type] - the name is looked at first
    return {
        "check_handle": lambda name: check_handle(name, "name"),
        "check_handles": lambda name: check_handles([name, "weights.onnx.json"], "name"),
        "check_identifier": lambda name: check_identifier(name, "name"),
        "parse_reference": lambda name: parse_reference(name, (".onnx",)),
        "AutoModel.plan(text)": place.ask,
        "AutoModel.plan(path)": lambda name: place.ask(Path(name)),
        "document: modelId": lambda name: _document(modelId=name),
        "document: dependency": lambda name: _document(modelDependencies=[{"name": name, "modelId": name}]),
        "document: packageId": lambda name: _usable(_document(package={"packageId": name})),
        "document: fileHandle": lambda name: _usable(_document(package={"packageFiles": [{"fileHandle": name}]})),
        "Store.model_folder(provider)": lambda name: place.inside(store.model_folder(name, "m")),
        "Store.model_folder(model)": lambda name: place.inside(store.model_folder("a", name)),
        "Store.part_folder": lambda name: place.inside(store.part_folder(name)),
        "Store.find_blob": store.find_blob,
        "Store.known_digest": store.known_digest,
        "Store.remember_digest": lambda name: store.remember_digest(name, SHA256, 1),
        "Store.lock": lambda name: _held(store, name),
        "Store.find_package(provider)": lambda name: place.find(provider=name),
        "Store.find_package(model)": lambda name: place.find(model_id=name),
        "Store.find_package(package)": lambda name: place.find(package_id=name),
        "Store.find_package(file)": lambda name: place.find(handle=name),
        "remove_model": lambda name: remove_model(store, name, name, name),
        "samples provider": samples.resolve,
        "local packages": lambda name: list(find_local_packages(store.model_folder("roboflow", name), _never)),
    }


def slow_entries(place: Place) -> dict[str, Entry]:
    """What puts something on the disk, waits for the disk, or looks at all of it."""
    return {
        "load: file": lambda name: place.load(name=name),
        "load: package": lambda name: place.load(package=name),
        "load: model": lambda name: place.load(model=name),
        "load: dependency": lambda name: place.load(dependencies=[ModelDependency(name=name, model_id="d")]),
        "load: dependency's model": lambda name: place.load(dependencies=[ModelDependency(name="d", model_id=name)]),
    }


class Findings(NamedTuple):
    """What came of it.

    Attributes:
        surveys: By function.
        escaped_paths: Paths beside the cache that changed, appeared or vanished.
        strays: What is in the cache and is neither file nor folder.
    """

    surveys: dict[str, Survey]
    escaped_paths: list[str]
    strays: list[str]


def survey_names(count: int, slow_count: int, folder: Path, *, seed: int = 1) -> Findings:
    """Gives names to every function; run it in ``folder / "here"``.

    Args:
        count: How many names each quick function gets.
        slow_count: How many each of those gets that put something on the disk.
        folder: An empty one.
        seed: Of the names.
    """
    place = Place(folder)
    os.chdir(place.here)
    surveys = {name: survey(adversarial_names(count, seed=seed), take) for name, take in quick_entries(place).items()}
    for name, take in slow_entries(place).items():
        surveys[name] = survey(adversarial_names(slow_count, seed=seed), take)
    changed = dict(set(place.before.items()) ^ set(place.census().items()))
    return Findings(surveys, sorted(changed), place.strays())


def _document(package: dict[str, Any] | None = None, **changes: Any) -> ModelMetadata:
    manifest = {"type": GENERIC_MANIFEST, "backendType": "onnx"}
    entry = {"packageId": "p", "packageManifest": manifest, "packageFiles": [], **(package or {})}
    return read_model({"modelId": "m", "modelPackages": [entry], **changes}, "doc", read_generic_manifest)


def _usable(model: ModelMetadata) -> None:
    for package in model.packages:
        for file in package.artifacts:
            check_handle(file.handle, "a name that was read")
        check_identifier(package.package_id if package.unusable is None else "", "a package that was read")


def _held(store: Store, name: str) -> None:
    with store.lock(name):
        pass


def _never(*_: Any) -> Any:
    raise AssertionError("there are no local packages")
