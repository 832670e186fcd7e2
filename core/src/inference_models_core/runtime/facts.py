"""What is known about the machine, as values."""

from __future__ import annotations

import attrs

from inference_models_core.types.value import Value


@attrs.frozen(kw_only=True, repr=False)
class Gpu(Value):
    """One NVIDIA GPU that CUDA would show to this process.

    Attributes:
        index: Its number as CUDA counts, after ``CUDA_VISIBLE_DEVICES``.
        name: Product name, such as ``"NVIDIA L4"``; empty if unknown.
        memory_bytes: Memory in bytes; shared with the CPU on Jetson; 0 if unknown.
        compute_capability: Such as ``(8, 9)``; ``None`` if unknown.
        uuid: ``"GPU-..."`` or ``"MIG-..."``; empty if unknown.
    """

    index: int
    name: str
    memory_bytes: int = 0
    compute_capability: tuple[int, int] | None = None
    uuid: str = ""


@attrs.frozen(kw_only=True, repr=False)
class Jetson(Value):
    """An NVIDIA Jetson.

    Attributes:
        module: Its model in lower case with hyphens, such as ``"nvidia-jetson-orin-nano-developer-kit"``; empty if
            unknown.
        l4t_version: Version of its Linux for Tegra, such as ``"36.4.3"``; empty if unknown.
        compute_capability: Of its GPU; ``None`` for a module that is not known.
    """

    module: str = ""
    l4t_version: str = ""
    compute_capability: tuple[int, int] | None = None


@attrs.frozen(kw_only=True, repr=False)
class SystemFacts(Value):
    """Operating system, processor and Python.

    Attributes:
        os: ``"linux"``, ``"windows"``, ``"macos"``, or what Python calls it.
        os_version: Such as ``"Ubuntu 24.04"``; empty if unknown.
        machine: Architecture as the system calls it, such as ``"x86_64"``, ``"aarch64"``, ``"AMD64"``.
        cpu_name: Product name of the processor; empty if unknown.
        cpu_count: Logical processors that this process may use.
        python: Such as ``"CPython 3.11.9"``.
    """

    os: str
    os_version: str
    machine: str
    cpu_name: str
    cpu_count: int
    python: str
