"""CLIP: pictures and texts as vectors of one space; two graphs, ``visual`` and ``textual``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from inference_models_core.errors import ModelOutputError, PackageError
from inference_models_core.predictions.embedding import Embedding
from inference_models_core.tasks.embedding import EmbeddingModel
from inference_models_core.types.preprocessing import PreprocessingDeclaration

from inference_models_vision.decoding.kernels import to_numpy
from inference_models_vision.defaults import MAX_IMAGE_PIXELS
from inference_models_vision.families.base import color_order, matched_to_graph
from inference_models_vision.images.loading import ImageLoader
from inference_models_vision.preprocessing.centre_square import CentreSquareEngine
from inference_models_vision.text.clip_tokenizer import CONTEXT_LENGTH, tokenize

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import numpy.typing as npt
    from inference_models_core.runner import Runner
    from inference_models_core.types.tensors import Array


MEAN = (0.48145466, 0.4578275, 0.40821073)
STD = (0.26862954, 0.26130258, 0.27577711)
_SIZE = 224
_MOST_AT_ONCE = 32


class ClipEmbedding(EmbeddingModel):
    """Embeds pictures and texts; the vectors are as the graphs give them, not normalised.

    Attributes:
        image_size: Side of the square that the visual graph takes, in pixels.
        context_length: Tokens that the textual graph takes, start and end included.
    """

    def __init__(self, visual: Runner, textual: Runner, *, engine: CentreSquareEngine, loader: ImageLoader) -> None:
        """Takes the parts; see :meth:`from_pretrained`."""
        self._visual = visual
        self._textual = textual
        self._engine = engine
        self._loader = loader
        self.image_size = engine.declaration.size[0]
        self.context_length = _context_length(textual)

    @classmethod
    def from_pretrained(
        cls,
        package_dir: Any,  # noqa: ARG003 - the package has no documents
        *,
        runners: Mapping[str, Runner],
        image_size: int | None = None,
        max_image_pixels: int = MAX_IMAGE_PIXELS,
        allow_url_input: bool = False,
        allow_private_url_hosts: bool = False,
    ) -> ClipEmbedding:
        """Builds the model.

        Args:
            package_dir: The package's files; only the graphs are needed.
            runners: ``"visual"``: (n, 3, S, S) pictures to (n, D); ``"textual"``: (n, 77) token ids to (n, D).
            image_size: S, for backends that cannot say what their graph takes; 224 where nothing is said.
            max_image_pixels: Largest picture accepted, in pixels.
            allow_url_input: Whether prediction calls may fetch pictures from URLs.
            allow_private_url_hosts: Whether from private networks, too.

        Raises:
            PackageError: If a graph takes something else.
        """
        visual, textual = runners["visual"], runners["textual"]
        side = image_size or _side_of_graph(visual)
        declaration = PreprocessingDeclaration(size=(side, side), divisor=255.0, mean=MEAN, std=STD)
        return cls(
            visual,
            textual,
            engine=CentreSquareEngine(matched_to_graph(declaration, visual.inputs), "BICUBIC"),
            loader=ImageLoader(
                max_pixels=max_image_pixels, allow_urls=allow_url_input, allow_private_hosts=allow_private_url_hosts
            ),
        )

    def embed_images(self, images: Any, *, input_color_format: str | None = None) -> list[Embedding]:
        """Embeds pictures.

        Args:
            images: As for the pictures of every model; one or a list.
            input_color_format: ``"rgb"`` or ``"bgr"``: channel order of arrays and tensors; by default BGR for numpy
                and RGB for tensors.

        Returns:
            One embedding per picture, with its picture.

        Raises:
            InputError: If something is not a picture.
            ModelOutputError: If the graph does not give one finite vector per picture.
        """
        found: list[Embedding] = []
        for pictures in _batches(self._loader.load(images, color_order(input_color_format)), self._visual):
            preprocessed = self._engine(pictures)
            vectors = _vectors(self._visual.run(preprocessed.groups[0].tensor), len(pictures))
            found += [
                Embedding(vector=vector, image=source)
                for vector, source in zip(vectors, preprocessed.sources, strict=True)
            ]
        return found

    def embed_text(self, texts: str | Sequence[str]) -> list[Embedding]:
        """Embeds texts.

        Args:
            texts: One text or a list of them.

        Returns:
            One embedding per text.

        Raises:
            InputError: If something is not a text, or has more tokens than the model takes.
            ModelOutputError: If the graph does not give one finite vector per text.
        """
        tokens = tokenize(texts, context_length=self.context_length)
        return [
            Embedding(vector=vector)
            for batch in _batches(tokens, self._textual)
            for vector in _vectors(self._textual.run(batch), len(batch))
        ]


def _batches(items: Any, runner: Runner) -> Iterator[Any]:
    """Pieces of what the graph takes at once, else of 32: memory stays bounded for any number of items."""
    most = runner.batch.bounds[1] or _MOST_AT_ONCE
    return (items[start : start + most] for start in range(0, len(items), most))


def _side_of_graph(visual: Runner) -> int:
    shape = visual.inputs[0].shape if visual.inputs else None
    side = shape[2] if shape is not None and len(shape) == 4 else None
    return side if isinstance(side, int) else _SIZE


def _context_length(textual: Runner) -> int:
    if not textual.inputs or textual.inputs[0].shape is None:
        return CONTEXT_LENGTH
    shape = textual.inputs[0].shape
    if len(textual.inputs) != 1 or len(shape) != 2:
        raise PackageError(
            f"the textual graph takes {len(textual.inputs)} inputs, the first of shape {list(shape)}; expected one "
            "(texts, tokens)"
        )
    return shape[1] if isinstance(shape[1], int) else CONTEXT_LENGTH


def _vectors(outputs: tuple[Array, ...], count: int) -> npt.NDArray[np.float32]:
    """The first output as (count, D) float32.

    Raises:
        ModelOutputError: If it is something else, or not finite.
    """
    found: Any = to_numpy(outputs[0]) if outputs else np.empty(())
    if found.ndim != 2 or len(found) != count or not found.shape[1]:
        raise ModelOutputError(f"an output of shape {list(found.shape)} for {count} inputs; expected ({count}, D)")
    if found.dtype.kind not in "fiu":
        raise ModelOutputError(f"an output of {found.dtype}; expected numbers")
    with np.errstate(over="ignore"):
        vectors: npt.NDArray[np.float32] = found.astype(np.float32)
    if not np.isfinite(vectors).all():
        raise ModelOutputError("the vectors have values that are not finite")
    return vectors
