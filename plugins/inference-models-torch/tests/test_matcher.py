"""PyTorch against package: the table of verdicts with their codes."""

from __future__ import annotations

import pytest
from inference_models_core.errors import InvalidRequestError, UnknownArgumentError
from inference_models_core.types.backends import Fit
from inference_models_core.types.devices import AUTO, CPU, Device
from inference_models_core.types.negotiation import Rejection
from inference_models_torch.manifest import TorchRequirements
from inference_models_torch.matcher import match_torch_script

GPU = (Device("cuda", 0), CPU)
CUDA = Device("cuda")


@pytest.fixture
def verdict(values):
    def decide(needs=None, device=AUTO, options=None, **runtime):
        requirements = TorchRequirements(**needs) if isinstance(needs, dict) else needs
        request = values.request(device, **(options or {}))
        return match_torch_script(values.package(requirements), values.report(**runtime), request)

    return decide


@pytest.mark.parametrize(
    ("needs", "runtime", "code", "fix"),
    [
        ({"torch": "2.6.0+cu124"}, {}, None, ""),
        ({"torch": "2.13.0"}, {}, None, ""),
        ({"torch": "2.14.0+cu130"}, {}, "torch-too-old", 'pip install --upgrade "torch>=2.14.0"'),
        ({}, {"version": "2.9.1+cu128"}, "runtime-too-old", 'pip install --upgrade "torch>=2.10"'),
        ({}, {"version": "2.10.0a0+b4e4ee81d3.nv25.12"}, None, ""),
        ({}, {"version": "nightly"}, None, ""),
        ({"torchvision": "0.21.0"}, {}, "torchvision-missing", 'pip install "torchvision>=0.21.0"'),
        ({"torchvision": "0"}, {}, "torchvision-missing", 'pip install "torchvision"'),
        ({"torchvision": "0"}, {"torchvision": "0.1"}, None, ""),
        ({"torchvision": "0.21.0"}, {"torchvision": "0.28.0+cpu"}, None, ""),
        (
            {"torchvision": "0.29.0+cu130"},
            {"torchvision": "0.28.0"},
            "torchvision-too-old",
            'pip install --upgrade "torchvision>=0.29.0"',
        ),
        ({"devices": ("cpu",)}, {}, None, ""),
        ({"devices": ("cuda",)}, {}, "device-not-supported", 'device="cuda"'),
        ({"devices": ("cpu",)}, {"devices": GPU}, "device-not-supported", 'device="cpu"'),
        ({"devices": ("cpu",)}, {"devices": GPU, "device": CPU}, None, ""),
        ({"devices": ("mps", "cuda")}, {"devices": GPU, "device": Device("cuda", 0)}, None, ""),
    ],
)
def test_verdicts(verdict, needs, runtime, code, fix):
    found = verdict(needs, **runtime)
    assert (found.code if isinstance(found, Rejection) else None) == code
    if code is not None:
        assert found.reason
        assert found.fix == fix


@pytest.mark.parametrize("requirements", [None, object(), {}])
def test_a_package_that_says_nothing_fits(verdict, requirements):
    assert isinstance(verdict(requirements), Fit)


def test_a_newer_export_is_preferred_a_little(verdict):
    newer, older = verdict({"torch": "2.10.0"}), verdict({"torch": "2.9.0"})
    assert newer.preference > older.preference > verdict({}).preference
    assert "2.10.0" in newer.note


def test_a_typing_mistake_in_the_options_is_the_callers_error(verdict):
    with pytest.raises(UnknownArgumentError, match="intra_op_threads"):
        verdict({}, options={"intra_op_thread": 2})
    for value in (0, -1, True, "2", 1.5):
        with pytest.raises(InvalidRequestError):
            verdict({}, options={"intra_op_threads": value})
    assert isinstance(verdict({}, options={"intra_op_threads": 2, "max_unpacked_bytes": 2**33}), Fit)
