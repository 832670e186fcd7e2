"""No distribution calls what turns data into code; every exception stands here with its reason."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = sorted(path for pattern in ("*/src", "*/*/src") for path in ROOT.glob(pattern))

#: File and call -> why it may. At most five: a sixth exception means that the rule is wrong.
ALLOWED = {
    ("local_code.py", "spec_from_file_location"): "a package's own code, only with allow_local_code_packages=True",
}

ALWAYS = {
    "pickle.load",
    "pickle.loads",
    "pickle.Unpickler",
    "marshal.load",
    "marshal.loads",
    "yaml.load",
    "yaml.unsafe_load",
    "os.system",
    "os.popen",
}
BUILTINS = {"eval", "exec"}
METHODS = {"extractall", "spec_from_file_location"}
KEYWORDS = {"shell": True, "trust_remote_code": True, "allow_pickle": True}


def forbidden_calls(source: str) -> list[tuple[int, str]]:
    """Line and name of every call in a module that could run somebody's data as code."""
    tree = ast.parse(source)
    names = _imported_names(tree)
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            found += [(node.lineno, name) for name in _verdicts(node, names)]
    return found


def _imported_names(tree: ast.AST) -> dict[str, str]:
    """Local name -> dotted name, so that `from pickle import loads as f` does not hide anything."""
    names = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.asname or alias.name: alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    return names


def _verdicts(call: ast.Call, names: dict[str, str]) -> list[str]:
    dotted = _dotted(call.func, names)
    last = dotted.rpartition(".")[2]
    keywords = {each.arg: each.value for each in call.keywords}
    verdicts = [dotted] if dotted in ALWAYS or dotted in BUILTINS else []
    verdicts += [last] if last in METHODS else []
    verdicts += [f"{name}=True" for name in KEYWORDS if name in keywords and not _is(keywords[name], False)]
    if dotted == "torch.load" and not _is(keywords.get("weights_only"), True):
        verdicts.append("torch.load without weights_only=True")
    return verdicts


def _dotted(node: ast.AST, names: dict[str, str]) -> str:
    if isinstance(node, ast.Attribute):
        return f"{_dotted(node.value, names)}.{node.attr}"
    return names.get(node.id, node.id) if isinstance(node, ast.Name) else ""


def _is(node: ast.AST | None, value: bool) -> bool:
    """Whether an expression is this very constant; anything computed is not."""
    return isinstance(node, ast.Constant) and node.value is value


def test_sources_are_found():
    assert {path.parent.name for path in SOURCES} >= {"core", "inference-models-vision", "inference-models-onnx"}


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.parent.name)
def test_no_forbidden_call(source):
    found = [
        f"{path.relative_to(ROOT)}:{line}: {name}"
        for path in sorted(source.rglob("*.py"))
        for line, name in forbidden_calls(path.read_text(encoding="utf-8"))
        if (path.name, name) not in ALLOWED
    ]
    assert not found


def test_exceptions_are_few_and_still_needed():
    used = {
        (path.name, name)
        for source in SOURCES
        for path in source.rglob("*.py")
        for _, name in forbidden_calls(path.read_text(encoding="utf-8"))
    }
    assert set(ALLOWED) <= used
    assert len(ALLOWED) <= 5


@pytest.mark.parametrize(
    "source",
    [
        "import pickle\npickle.load(f)",
        "from pickle import loads as read\nread(b)",
        "import pickle as p\np.Unpickler(f)",
        "import yaml\nyaml.load(t)",
        "import yaml\nyaml.load(t, Loader=yaml.SafeLoader)",
        "import torch\ntorch.load(p)",
        "import torch\ntorch.load(p, weights_only=False)",
        "import torch\ntorch.load(p, weights_only=flag)",
        "import numpy as np\nnp.load(p, allow_pickle=True)",
        "import numpy as np\nnp.load(p, allow_pickle=flag)",
        "import subprocess\nsubprocess.run(c, shell=True)",
        "import os\nos.system(c)",
        "archive.extractall(d)",
        "AutoModel.from_pretrained(m, trust_remote_code=True)",
        "eval(t)",
        "exec(t)",
        "import importlib.util\nimportlib.util.spec_from_file_location(n, p)",
        "from importlib.util import spec_from_file_location\nspec_from_file_location(n, p)",
    ],
)
def test_checker_finds(source):
    assert len(forbidden_calls(source)) == 1


@pytest.mark.parametrize(
    "source",
    [
        "import yaml\nyaml.safe_load(t)",
        "import torch\ntorch.load(p, weights_only=True)",
        "import numpy as np\nnp.load(p, allow_pickle=False)",
        "import json\njson.load(f)",
        "model.eval()",
        "import subprocess\nsubprocess.run([c])",
        "import re\nre.compile(p)",
    ],
)
def test_checker_leaves_alone(source):
    assert forbidden_calls(source) == []
