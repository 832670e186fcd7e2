"""From a question to ranked candidates: a provider's answer of 200 packages, asked for over HTTP on loopback.

The Roboflow provider asks a server in this process (so its time counts, too), reads the answer through the manifest
parser of the ONNX plugin, and the packages are negotiated. Every import was done by the first, unmeasured run, and the
plugin host and its index exist: this is what the second model of a process costs. `AutoModel.plan` also compares the
answer's digests with those given before, writes the answer down for days without a network, and waits for the disk.
"""

from __future__ import annotations

import json
import os
import statistics
import tempfile
from collections.abc import Callable
from functools import partial
from typing import Any

from inference_models_core import AutoModel, LoadOptions, PluginHost
from inference_models_core.auto_model import load_request
from inference_models_core.negotiation.negotiate import negotiate
from inference_models_core.negotiation.shortlist import shortlist
from inference_models_core.parsing import parse_json
from inference_models_core.providers.asking import resolve
from inference_models_core.providers.documents import read_model
from inference_models_core.providers.manifests import read_manifest
from inference_models_core.testing.fault_server import FaultServer
from measuring import Goal, print_goals, print_table, timed
from negotiation import processor_milliseconds

PACKAGES = 200
RUNS = 30
TARGET_MS = 30.0
MODEL = "bench/3"
MEASURED = "ask, read and negotiate"
FILES = ("weights.onnx", "class_names.txt", "inference_config.json", "environment.json")


def package(number: int) -> dict[str, Any]:
    """A package as the API describes it: every third one of dynamic batch, opsets from 12 to 17."""
    dynamic = number % 3 == 0
    manifest = {
        "type": "onnx-model-package-v1",
        "backendType": "onnx",
        "quantization": "fp16" if number % 2 else "fp32",
        "opset": 12 + number % 6,
        "dynamicBatchSize": dynamic,
        "staticBatchSize": None if dynamic else 1 + number % 16,
        "incompatibleProviders": None,
    }
    files = [
        {
            "fileHandle": handle,
            "downloadUrl": f"https://files.example.com/{number}/{handle}?X-Signature={'0123456789abcdef' * 16}",
            "md5Hash": f"{number * 10 + index:032x}",
        }
        for index, handle in enumerate(FILES)
    ]
    return {
        "type": "external-model-package-v1",
        "packageId": f"{number:032x}",
        "packageManifest": manifest,
        "packageFiles": files,
        "modelFeatures": None,
        "trustedSource": True,
    }


def answer() -> bytes:
    """The body of the API's answer."""
    model = {
        "type": "external-model-metadata-v1",
        "modelId": MODEL,
        "modelArchitecture": "yolov8",
        "taskType": "object-detection",
        "recommendedParameters": {"confidence": 0.4},
        "modelPackages": [package(number) for number in range(PACKAGES)],
    }
    return json.dumps({"modelMetadata": model}).encode()


def steps(body: bytes, host: PluginHost, cache: str) -> dict[str, Callable[[], Any]]:
    """What is measured; each step contains those above it."""
    registry = host.registry()
    arguments = {"cache_dir": cache, "options": LoadOptions(host=host, use_resolution_cache=False)}
    request = load_request(f"roboflow://{MODEL}", **arguments)
    spec = registry.provider("roboflow").spec
    assert spec is not None, "the Roboflow provider is not installed"

    def parse() -> Any:
        return read_model(parse_json(body, "answer")["modelMetadata"], "answer", partial(read_manifest, registry))

    def ask_and_negotiate() -> Any:
        listed = shortlist(request, resolve(spec, request, registry), registry, provider_trusted=False)
        matchers = {name: registry.backend(name).spec.matcher.load() for name in listed.backends}
        return negotiate(request, listed, host.detect(listed.backends), matchers)

    return {
        "read the document": parse,
        "ask and read": partial(resolve, spec, request, registry),
        MEASURED: ask_and_negotiate,
        "AutoModel.plan": partial(AutoModel.plan, f"roboflow://{MODEL}", **arguments),
    }


def measure(runs: int = RUNS) -> tuple[str, dict[str, tuple[float, float, float]]]:
    """Measures every step.

    Returns:
        What the answer was, and for each step the median and the least milliseconds, and those of the processor.
    """
    body = answer()
    with FaultServer() as server, tempfile.TemporaryDirectory() as cache:
        server.add("/models/v1/external/weights", body)
        os.environ["ROBOFLOW_API_HOST"] = server.origin
        host = PluginHost()
        accepted = len(AutoModel.plan(f"roboflow://{MODEL}", cache_dir=cache, options=LoadOptions(host=host)).accepted)
        if accepted < PACKAGES // 2:
            raise SystemExit(f"only {accepted} of {PACKAGES} packages are accepted: not what is to be measured")
        measured = {name: _milliseconds(step, runs) for name, step in steps(body, host, cache).items()}
    return f"{PACKAGES} packages ({len(body) // 1024} KiB, {accepted} accepted)", measured


def _milliseconds(step: Callable[[], Any], runs: int) -> tuple[float, float, float]:
    times = [timed(step) * 1000 for _ in range(runs)]
    return statistics.median(times), min(times), processor_milliseconds(step)


def main() -> None:
    """Prints the table."""
    what, measured = measure()
    rows = [(name, *(round(each, 2) for each in times)) for name, times in measured.items()]
    print_table(f"an answer of {what}, {RUNS} runs", ("step", "median ms", "min ms", "median CPU ms"), rows)
    print_goals("goals", [Goal(f"{MEASURED}, median", measured[MEASURED][0], TARGET_MS, "ms")])


if __name__ == "__main__":
    main()
