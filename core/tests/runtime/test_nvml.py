from __future__ import annotations

import pytest
from inference_models_core.runtime.facts import Gpu
from inference_models_core.runtime.nvml import NOTHING, load_nvml, read_nvml, visible_positions

SUCCESS, NOT_SUPPORTED, DRIVER_NOT_LOADED = 0, 3, 9


class FakeNvml:
    """The library as ctypes shows it: its functions get the same ctypes arguments as the real ones.

    A GPU is a dict with uuid, name, memory, capability and slices; what is missing cannot be told.
    """

    def __init__(self, *gpus, driver="550.54.15", cuda=12040, starts=True):
        self.gpus = gpus
        self.driver = driver
        self.cuda = cuda
        self.starts = starts
        self.open = 0
        self.devices = []

    def nvmlInit_v2(self):
        if not self.starts:
            return DRIVER_NOT_LOADED
        self.open += 1
        return SUCCESS

    def nvmlShutdown(self):
        self.open -= 1
        return SUCCESS

    def nvmlSystemGetDriverVersion(self, buffer, length):
        return self._text(buffer, length, self.driver)

    def nvmlSystemGetCudaDriverVersion_v2(self, version):
        return self._number(version, self.cuda)

    def nvmlDeviceGetCount_v2(self, count):
        return self._number(count, len(self.gpus))

    def nvmlDeviceGetHandleByIndex_v2(self, index, handle):
        return self._handle(handle, self.gpus[index.value])

    def nvmlDeviceGetMaxMigDeviceCount(self, device, count):
        return self._number(count, len(self._of(device).get("slices", ())))

    def nvmlDeviceGetMigDeviceHandleByIndex(self, device, index, handle):
        return self._handle(handle, self._of(device)["slices"][index.value])

    def nvmlDeviceGetName(self, device, buffer, length):
        return self._text(buffer, length, self._of(device).get("name"))

    def nvmlDeviceGetUUID(self, device, buffer, length):
        return self._text(buffer, length, self._of(device).get("uuid"))

    def nvmlDeviceGetMemoryInfo(self, device, memory):
        total = self._of(device).get("memory")
        if total is None:
            return NOT_SUPPORTED
        memory._obj[0], memory._obj[1], memory._obj[2] = total, total // 4 * 3, total // 4
        return SUCCESS

    def nvmlDeviceGetCudaComputeCapability(self, device, major, minor):
        capability = self._of(device).get("capability")
        if capability is None:
            return NOT_SUPPORTED
        major._obj.value, minor._obj.value = capability
        return SUCCESS

    def _of(self, device):
        assert self.open == 1, "asked before the start or after the end"
        return self.devices[device.value - 1]

    def _handle(self, handle, device):
        self.devices.append(device)
        handle._obj.value = len(self.devices)
        return SUCCESS

    @staticmethod
    def _number(number, value):
        if value is None:
            return NOT_SUPPORTED
        number._obj.value = value
        return SUCCESS

    @staticmethod
    def _text(buffer, length, value):
        if value is None:
            return NOT_SUPPORTED
        assert len(value) < length.value
        buffer.value = value.encode()
        return SUCCESS


L4 = {"uuid": "GPU-aaaa-1", "name": "NVIDIA L4", "memory": 24_000_000_000, "capability": (8, 9)}
T4 = {"uuid": "GPU-aabb-2", "name": "Tesla T4", "memory": 16_000_000_000, "capability": (7, 5)}
SLICES = [
    {"uuid": "MIG-1111", "name": "NVIDIA A100 MIG 1g.5gb", "memory": 5_000_000_000},
    {"uuid": "MIG-2222", "name": "NVIDIA A100 MIG 2g.10gb", "memory": 10_000_000_000},
]
A100 = {"uuid": "GPU-cccc-3", "name": "NVIDIA A100", "memory": 40_000_000_000, "capability": (8, 0), "slices": SLICES}


def _read(visible, *gpus, **options):
    library = FakeNvml(*gpus, **options)
    facts = read_nvml(visible, lambda: library)
    assert library.open == 0, "NVML was not shut down"
    return facts


def test_devices_driver_and_cuda():
    facts = _read(None, L4, T4)
    assert facts.gpus == (
        Gpu(index=0, name="NVIDIA L4", memory_bytes=24_000_000_000, compute_capability=(8, 9), uuid="GPU-aaaa-1"),
        Gpu(index=1, name="Tesla T4", memory_bytes=16_000_000_000, compute_capability=(7, 5), uuid="GPU-aabb-2"),
    )
    assert facts.driver_version == "550.54.15"
    assert facts.cuda_driver_version == (12, 4)


@pytest.mark.parametrize(
    ("number", "version"), [(11080, (11, 8)), (13000, (13, 0)), (12100, (12, 10)), (None, None), (0, None)]
)
def test_cuda_versions(number, version):
    assert _read(None, L4, cuda=number).cuda_driver_version == version


def test_what_a_device_cannot_tell_is_unknown():
    facts = _read(None, {"uuid": "GPU-x"}, driver=None)
    assert facts.gpus == (Gpu(index=0, name="", memory_bytes=0, compute_capability=None, uuid="GPU-x"),)
    assert facts.driver_version == ""


def test_an_old_library_without_a_function_leaves_the_fact_unknown(monkeypatch):
    monkeypatch.delattr(FakeNvml, "nvmlSystemGetCudaDriverVersion_v2")
    facts = _read(None, L4)
    assert facts.cuda_driver_version is None
    assert len(facts.gpus) == 1


@pytest.mark.parametrize(
    ("visible", "names"),
    [
        (None, ["NVIDIA L4", "Tesla T4"]),
        ("", []),
        ("-1", []),
        ("1", ["Tesla T4"]),
        ("1,0", ["Tesla T4", "NVIDIA L4"]),
        (" 0 , 1 ", ["NVIDIA L4", "Tesla T4"]),
        ("0,7,1", ["NVIDIA L4"]),
        ("0,-1,1", ["NVIDIA L4"]),
        ("0,0", []),
        ("NoDevFiles", []),
        ("GPU-aabb", ["Tesla T4"]),
        ("GPU-aabb,GPU-aaaa", ["Tesla T4", "NVIDIA L4"]),
        ("GPU-aa", []),
        ("GPU-zz,0", []),
    ],
)
def test_only_the_visible_ones_are_counted_and_numbered_anew(visible, names):
    gpus = _read(visible, L4, T4).gpus
    assert [gpu.name for gpu in gpus] == names
    assert [gpu.index for gpu in gpus] == list(range(len(names)))


def test_a_slice_of_a_gpu_is_its_own_device():
    (gpu,) = _read("MIG-2222,MIG-1111", L4, A100).gpus
    assert gpu == Gpu(
        index=0,
        name="NVIDIA A100 MIG 2g.10gb",
        memory_bytes=10_000_000_000,
        compute_capability=(8, 0),
        uuid="MIG-2222",
    )


def test_positions_of_no_devices():
    assert visible_positions("0", []) == []


def test_without_a_driver_there_is_nothing():
    assert read_nvml(None, lambda: None) == NOTHING
    assert _read(None, L4, starts=False) == NOTHING


def test_the_real_library_answers_or_is_not_there():
    library = load_nvml()
    facts = read_nvml(None, lambda: library)
    assert library is not None or facts == NOTHING
    assert all(gpu.name and gpu.uuid for gpu in facts.gpus)
