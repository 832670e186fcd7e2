"""The built-in provider of paths: a package directory, a directory with its own code, or a single model file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from inference_models_core import parsing
from inference_models_core.errors import InvalidRequestError, ModelNotFoundError, PackageFileMissingError
from inference_models_core.providers.documents import read_dependency, read_recommended_parameters
from inference_models_core.types.backends import BatchSupport
from inference_models_core.types.packages import Artifact, LocalCode, ModelMetadata, ModelPackage

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from inference_models_core.types.local_files import LocalFileFacts
    from inference_models_core.types.providers import ProviderContext

CONFIG_FILE = "model_config.json"
OWN_CODE_BACKEND = "custom"
"""What packages with their own code name as their backend, as in the files of the reference system."""

_BACKEND_SPELLINGS = {"hf": "hugging-face"}
_MINIMAL_CONFIG = '{"model_architecture": "yolov8", "task_type": "object-detection", "backend_type": "onnx"}'


class LocalProvider:
    """Turns a path into the metadata of one model with one package."""

    def __init__(self, context: ProviderContext) -> None:
        self._context = context

    def resolve(self, model_id: str, *, revision: str | None = None) -> ModelMetadata:
        """Reads what lies at a path.

        Args:
            model_id: The path as text.
            revision: Not known to files; must be ``None``.

        Returns:
            The model with its one package.

        Raises:
            ModelNotFoundError: If nothing is there.
            PackageError: If a document is missing or malformed.
            InvalidRequestError: If no installed backend opens the file, or it does not say what it is.
        """
        if revision is not None:
            raise InvalidRequestError("a path has no revisions", hint="leave out revision=")
        path = Path(model_id)
        if path.is_dir():
            return self._directory(path)
        if path.is_file():
            return self._file(path)
        raise ModelNotFoundError(f"nothing is at {path}", hint="check the path; ids are written without ./ in front")

    def _directory(self, directory: Path) -> ModelMetadata:
        if not (directory / CONFIG_FILE).is_file():
            raise PackageFileMissingError(
                f"{directory} has no {CONFIG_FILE}, so nothing says what the model is",
                hint=f"give the model file itself, or write {CONFIG_FILE}, for example {_MINIMAL_CONFIG}",
            )
        config = _read_config(directory / CONFIG_FILE)
        package = ModelPackage(
            package_id=directory.resolve().name,
            backend=config.backend or OWN_CODE_BACKEND,
            architecture=config.architecture,
            task=config.task,
            artifacts=_artifacts(directory),
            directory=directory,
            features=config.features,
            local_code=config.local_code,
            **self._facts(directory, config),
        )
        return ModelMetadata(
            model_id=str(directory),
            packages=(package,),
            architecture=package.architecture,
            task=package.task,
            dependencies=config.dependencies,
            recommended_parameters=config.recommended_parameters,
        )

    def _facts(self, directory: Path, config: _Config) -> dict[str, Any]:
        """What the weights themselves say, where their backend can read them; a missing file is found when loading."""
        weights = self._weights_file(directory, config.backend)
        facts = self._context.inspect_file(weights) if weights else None
        if facts is None:
            return {"batch": config.batch, "quantization": config.quantization}
        return {
            "batch": config.batch if config.batch.known else facts.details.batch,
            "requirements": facts.details.requirements,
            "quantization": config.quantization or facts.details.quantization,
        }

    def _weights_file(self, directory: Path, backend: str | None) -> Path | None:
        suffixes = tuple(suffix for suffix in self._context.inspected if self._context.suffixes.get(suffix) == backend)
        files = sorted(path for path in directory.iterdir() if path.suffix.lower() in suffixes and path.is_file())
        return files[0] if files else None

    def _file(self, path: Path) -> ModelMetadata:
        facts = self._context.inspect_file(path)
        given = self._context.given
        architecture, task = given.architecture or facts.architecture, given.task or facts.task
        if architecture is None or task is None:
            raise _untold(path, architecture, task)
        package = ModelPackage(
            package_id=path.stem,
            backend=facts.details.backend,
            architecture=architecture,
            task=task,
            artifacts=(Artifact(handle=path.name, size=path.stat().st_size),),
            directory=path.parent,
            graph_files={"weights": path.name},
            quantization=facts.details.quantization,
            batch=facts.details.batch,
            features=facts.features,
            requirements=facts.details.requirements,
            class_names=given.class_names or facts.class_names,
            preprocessing=_preprocessing(facts, given.input_size),
        )
        return ModelMetadata(model_id=str(path), packages=(package,), architecture=architecture, task=task)


@attrs.frozen(kw_only=True)
class _Config:
    """``model_config.json``, as far as loading needs it."""

    architecture: str | None
    task: str | None
    backend: str | None
    quantization: str | None
    batch: BatchSupport
    features: dict[str, Any]
    local_code: LocalCode | None
    dependencies: tuple[Any, ...]
    recommended_parameters: Any


def _read_config(path: Path) -> _Config:
    """Reads the document as the reference system writes it (``core.md`` 9.1 of its description; all keys optional)."""
    fields = parsing.read_json(path)
    backend = fields.text("backend_type", None)
    architecture = fields.text("model_architecture", None)
    code = None
    if architecture is None or backend is None:
        code = LocalCode(module=fields.text("model_module"), class_name=fields.text("model_class"))
    quantization = fields.text("quantization", None)
    features = fields.fields("model_features", None)
    return _Config(
        architecture=architecture,
        task=fields.text("task_type", None),
        backend=_BACKEND_SPELLINGS.get(backend, backend) if backend else None,
        quantization=None if quantization == "unknown" else quantization,
        batch=_batch(fields),
        features=dict(features.mapping) if features else {},
        local_code=code,
        dependencies=fields.items("model_dependencies", read_dependency, ()),
        recommended_parameters=fields.read("recommended_parameters", read_recommended_parameters, None),
    )


def _batch(fields: parsing.Fields) -> BatchSupport:
    if fields.boolean("dynamic_batch_size_supported", False):
        return BatchSupport()
    static = fields.integer("static_batch_size", None, minimum=1)
    return BatchSupport(known=False) if static is None else BatchSupport(static=static)


def _artifacts(directory: Path) -> tuple[Artifact, ...]:
    return tuple(
        Artifact(handle=path.relative_to(directory).as_posix(), size=path.stat().st_size)
        for path in _plain_files(directory)
    )


def _plain_files(directory: Path) -> Iterator[Path]:
    for count, path in enumerate(sorted(directory.rglob("*"))):
        if count >= parsing.MAX_ITEMS:
            raise InvalidRequestError(f"{directory} holds more than {parsing.MAX_ITEMS} files; it is no package")
        if path.is_file() and "__pycache__" not in path.parts:
            yield path


def _preprocessing(facts: LocalFileFacts, given: tuple[int, int] | None) -> Mapping[str, Any]:
    """What the file says of its pre-processing, else its size alone: the family knows what bare files expect."""
    if facts.preprocessing is not None:
        return facts.preprocessing
    size = given or facts.input_size
    if size is None:
        return {"network_input": {}}
    return {"network_input": {"training_input_size": {"height": size[0], "width": size[1]}}}


def _untold(path: Path, architecture: str | None, task: str | None) -> InvalidRequestError:
    missing = [name for name, value in (("architecture", architecture), ("task", task)) if value is None]
    arguments = ", ".join(f"{name}=..." for name in missing)
    return InvalidRequestError(
        f"{path.name} does not say its {' and '.join(missing)}",
        hint=f"say it: options=LoadOptions({arguments}); see the choices with: inference-models list --rows",
    )
