"""Vision-language models: a text about a picture, as a prompt asks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from inference_models_core.model import Model

if TYPE_CHECKING:
    from inference_models_core.predictions.ocr import Text


class VisionLanguageModel(Model):
    """Pictures and a prompt in; for each picture a :class:`~inference_models_core.predictions.Text`."""

    task: ClassVar[str] = "vlm"

    def prompt(self, images: Any, prompt: str, **generation: Any) -> list[Text]:
        """Asks about pictures.

        Args:
            images: A path, bytes, PIL image, numpy HWC array, torch CHW or NCHW tensor, or a list of them.
            prompt: What to ask about each picture.
            **generation: By convention ``max_new_tokens``, ``num_beams``, ``do_sample`` and
                ``skip_special_tokens``; an argument that the model does not take is an error.

        Returns:
            One answer per picture, also for a single picture.

        Raises:
            InputError: If something is not a picture.
            UnknownArgumentError: For an argument that the model does not take.
        """
        raise NotImplementedError
