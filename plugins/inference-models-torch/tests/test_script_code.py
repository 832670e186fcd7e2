"""The text of the code in an archive."""

from __future__ import annotations

import pytest
from inference_models_core.errors import PackageError, UnsafeModelFileError
from inference_models_torch.script_code import read_code


def libraries(code):
    return read_code({"code/m.py": code.encode()}, "weights.torchscript").libraries


def test_operators_of_other_libraries(archives):
    assert libraries(archives.code.decode()) == ()
    assert libraries("x = ops.torchvision.nms(a, b, 0.5)\ny = ops.aten.add(a, b)\n") == ("torchvision",)
    assert libraries("ops . torchvision.nms(a); ops.mine.f(b); ops.prim.data(c); laptops.evil.x") == (
        "mine",
        "torchvision",
    )


@pytest.mark.parametrize(
    "code",
    [
        'torch.save(x, "/tmp/x")',
        'torch.from_file("/etc/passwd")',
        'x.save("/tmp/x")',
        "torch . save(x)",
        "torch.\\\n  save(x)",
        "(torch.# a word\n save)(x)",
        'getattr(torch, "save")(x, "f")',
        "getattr(torch, 'from_file')",
        'getattr(torch, "\\x73ave")(x)',
        'getattr(torch, "\\163ave")(x)',
        "ops.aten.save(x)",
        'getattr(torch, "\\xzz")',
    ],
)
def test_operators_that_open_files(code):
    with pytest.raises(UnsafeModelFileError, match="opens files"):
        libraries(code)


@pytest.mark.parametrize(
    "code",
    ["saved = self.saved_tensor", "save : Tensor", "self.save_attn", 'ops.prim.RaiseException("could not save")',
     'raise_("line\\nsave it")', "class save(Module):", "from_file_name = 3"],
)  # fmt: skip
def test_words_that_only_look_like_it(code):
    assert libraries(code) == ()


def test_code_that_is_no_text():
    with pytest.raises(PackageError, match="no text"):
        read_code({"code/m.py": b"\xff\xfe"}, "x")
