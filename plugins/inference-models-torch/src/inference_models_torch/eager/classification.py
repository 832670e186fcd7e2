"""ResNet and ViT in eager PyTorch: pre-processing and decoding are those of every other backend."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from inference_models_core.runner import Runner
from inference_models_vision.configuration.package import package_config
from inference_models_vision.defaults import MAX_IMAGE_PIXELS
from inference_models_vision.families.classification import SigmoidClassification, SoftmaxClassification
from inference_models_vision.families.packaged import PackagedFamily

from inference_models_torch.eager.networks import build_classifier
from inference_models_torch.eager.weights import fill, load_weights
from inference_models_torch.runtime import check_device, import_runtime
from inference_models_torch.session import TorchSession

if TYPE_CHECKING:
    from pathlib import Path

    from inference_models_core.types.devices import Device
    from inference_models_core.types.packages import ModelPackage, RecommendedParameters
    from inference_models_vision.families.packaged import InputRules
    from typing_extensions import Self

Result = TypeVar("Result")

_PRECISIONS = {"fp16": "float16", "bf16": "bfloat16"}


class EagerClassifier(PackagedFamily[Result]):
    """A family whose network is built here, in the place of a graph that a backend opened.

    Attributes:
        fused: False: the network gives logits, whatever the package says of graphs exported from it.
    """

    fused: ClassVar[bool | None] = False

    @classmethod
    def from_pretrained(  # type: ignore[override]
        cls,
        package_dir: Path,
        *,
        package: ModelPackage,
        device: Device,
        recommended_parameters: RecommendedParameters | None = None,
        max_image_pixels: int = MAX_IMAGE_PIXELS,
        allow_url_input: bool = False,
        allow_private_url_hosts: bool = False,
    ) -> Self:
        """Builds the model of a package.

        Args:
            package_dir: The package's files: ``inference_config.json`` with ``model_initialization``,
                ``class_names.txt``, and ``weights.safetensors`` (or ``.pt``, ``.pth``: named tensors alone).
            package: Its metadata.
            device: Where to compute.
            recommended_parameters: What ``confidence="best"`` means.
            max_image_pixels: Largest picture accepted, in pixels.
            allow_url_input: Whether prediction calls may fetch pictures from https URLs.
            allow_private_url_hosts: Whether those may lead into private networks and to this machine.

        Returns:
            The model.

        Raises:
            PackageError: If the package's documents or weights are missing, malformed, or contradict each other.
            CannotOpenHereError: If PyTorch or timm is missing or too old.
            DeviceMismatchError: If PyTorch cannot use the device.
        """
        runner = open_classifier(package_dir, package, device, cls.input_rules)
        try:
            model = super().from_pretrained(
                package_dir,
                package=package,
                runners={"weights": runner},
                recommended_parameters=recommended_parameters,
                max_image_pixels=max_image_pixels,
                allow_url_input=allow_url_input,
                allow_private_url_hosts=allow_private_url_hosts,
            )
        except BaseException:
            runner.close()
            raise
        model.own((runner,))
        return model


class EagerSoftmaxClassification(EagerClassifier[Any], SoftmaxClassification):
    """One class per picture."""


class EagerSigmoidClassification(EagerClassifier[Any], SigmoidClassification):
    """Any number of labels per picture."""


def open_classifier(package_dir: Path, package: ModelPackage, device: Device, rules: InputRules) -> Runner:
    """Builds the network of a package, fills it with its weights and moves it to a device.

    Args:
        package_dir: The package's files.
        package: Its metadata; its precision is that of the network.
        device: Where to compute.
        rules: How the family reads ``network_input``.

    Returns:
        Its runner; any batch will do.
    """
    runtime = import_runtime()
    place = check_device(runtime, device)
    config = package_config(package_dir, package, **rules._asdict())
    network = build_classifier(config.model_initialization, config.preprocessing.channels)
    fill(network, load_weights(runtime, package_dir), package_dir.name)
    dtype = getattr(runtime, _PRECISIONS.get(package.quantization or "", "float32"))
    network = network.to(place, dtype).requires_grad_(requires_grad=False)
    session = TorchSession(runtime, network, names=("images",), device=place, dtype=dtype, name=package_dir.name)
    return Runner(session)
