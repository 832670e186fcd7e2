"""Embeddings: pictures and texts as vectors that can be compared."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from inference_models_core.errors import InputError
from inference_models_core.model import Model

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import numpy.typing as npt

    from inference_models_core.predictions.embedding import Embedding


class EmbeddingModel(Model):
    """Pictures or texts in; for each an :class:`~inference_models_core.predictions.Embedding`."""

    task: ClassVar[str] = "embedding"

    def embed_images(self, images: Any) -> list[Embedding]:
        """Embeds pictures.

        Args:
            images: A path, bytes, PIL image, numpy HWC array, torch CHW or NCHW tensor, or a list of them.

        Returns:
            One embedding per picture, also for a single picture.

        Raises:
            InputError: If something is not a picture.
        """
        raise NotImplementedError

    def embed_text(self, texts: str | Sequence[str]) -> list[Embedding]:
        """Embeds texts.

        Args:
            texts: One text or several.

        Returns:
            One embedding per text, also for a single text.
        """
        raise NotImplementedError

    def compare_embeddings(
        self, x: Any, y: Any, *, x_type: str = "image", y_type: str = "text"
    ) -> npt.NDArray[np.float32]:
        """Compares everything in ``x`` with everything in ``y``.

        Args:
            x: Embeddings, or what :meth:`embed_images` or :meth:`embed_text` takes.
            y: The same.
            x_type: ``"image"`` or ``"text"``: how to embed ``x`` if it is not embedded yet.
            y_type: The same for ``y``.

        Returns:
            (len(x), len(y)) float32, cosines of the angles, -1 to 1; 0 where a vector is zero.

        Raises:
            InputError: If a type is neither ``"image"`` nor ``"text"``, or the lengths of the vectors differ.
        """
        first, second = self._directions(x, x_type), self._directions(y, y_type)
        if first.shape[1] != second.shape[1]:
            raise InputError(f"embeddings of {first.shape[1]} and {second.shape[1]} dimensions cannot be compared")
        cosines: npt.NDArray[np.float32] = first @ second.T
        return cosines

    def _directions(self, values: Any, kind: str) -> npt.NDArray[np.float32]:
        import numpy as np

        vectors = np.stack([embedding.vector for embedding in self._embeddings(values, kind)])
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        directions: npt.NDArray[np.float32] = np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 0)
        return directions

    def _embeddings(self, values: Any, kind: str) -> Sequence[Embedding]:
        from inference_models_core.predictions.embedding import Embedding

        if kind not in ("image", "text"):
            raise InputError(f'x_type and y_type are "image" or "text", not {kind!r}')
        listed = values if isinstance(values, (list, tuple)) else [values]
        if not listed:
            raise InputError("there is nothing to compare: the list is empty")
        if all(isinstance(value, Embedding) for value in listed):
            return listed
        return self.embed_images(values) if kind == "image" else self.embed_text(values)
