"""PP-OCR's reader: what a line of text says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inference_models_core.predictions.ocr import Text
from inference_models_core.tasks.text_only_ocr import TextOnlyOcrModel

from inference_models_vision.configuration.pp_ocr import parse_recognition_config
from inference_models_vision.decoding.ctc import best_path, texts_of
from inference_models_vision.defaults import MAX_IMAGE_PIXELS
from inference_models_vision.families.base import TensorFamily, check_numbers
from inference_models_vision.families.pp_ocr.family import GRAPH, fixed_sides, read_package
from inference_models_vision.preprocessing.text_engines import LineEngine

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from inference_models_core.runner import Runner
    from inference_models_core.types.images import Preprocessed
    from inference_models_core.types.packages import ModelPackage
    from inference_models_core.types.tensors import Array
    from typing_extensions import Self

    from inference_models_vision.families.base import FamilyParts


class PpOcrTextRecognition(TensorFamily[Text], TextOnlyOcrModel):
    """PP-OCR's reader, for pictures of one line each: a graph from (n, 3, H, W) to (n, steps, classes) scores."""

    def __init__(self, parts: FamilyParts, characters: tuple[str, ...]) -> None:
        """Takes the parts; see :meth:`from_pretrained`."""
        super().__init__(parts)
        self._characters = characters

    @classmethod
    def from_pretrained(
        cls,
        package_dir: Path,
        *,
        package: ModelPackage,
        runners: Mapping[str, Runner],
        max_image_pixels: int = MAX_IMAGE_PIXELS,
        allow_url_input: bool = False,
        allow_private_url_hosts: bool = False,
    ) -> Self:
        """Builds the model of a package.

        Args:
            package_dir: The package's files: ``inference.yml``, which says what the network is fed and which
                characters it knows.
            package: Its metadata.
            runners: The runner of the graph ``"inference"``.
            max_image_pixels: Largest picture accepted, in pixels.
            allow_url_input: Whether prediction calls may fetch pictures from https URLs.
            allow_private_url_hosts: Whether those may lead into private networks and to this machine.

        Returns:
            The model.

        Raises:
            PackageError: If the package's document is missing or malformed, or contradicts the graph.
        """
        parts, config = read_package(
            package_dir,
            parse_recognition_config,
            package=package,
            runners=runners,
            max_image_pixels=max_image_pixels,
            allow_url_input=allow_url_input,
            allow_private_url_hosts=allow_private_url_hosts,
        )
        engine = LineEngine(parts.engine.declaration, fixed_width=fixed_sides(runners[GRAPH])[1])
        return cls(parts._replace(engine=engine), config.characters)

    def post_process(self, outputs: Sequence[tuple[Array, ...]], preprocessed: Preprocessed) -> list[Text]:
        """Turns scores into texts.

        Args:
            outputs: What :meth:`forward` returned.
            preprocessed: What :meth:`pre_process` returned.

        Returns:
            One result per picture, in the caller's order.

        Raises:
            ModelOutputError: If the outputs are not those of this family.
        """
        texts: dict[int, str] = {}
        for group, batch in zip(preprocessed.groups, outputs, strict=True):
            check_numbers(batch)
            paths = best_path(batch[0], len(self._characters) + 1)
            texts |= zip(group.indices, texts_of(paths, self._characters), strict=True)
        return [Text(text=texts[index], image=source) for index, source in enumerate(preprocessed.sources)]
