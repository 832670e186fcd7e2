"""The documentation cannot drift from the code: hooks, environment variables, errors, rejection codes."""

from __future__ import annotations

import ast
import builtins
import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from inference_models_core import errors
from inference_models_core.hookspecs import PROJECT_NAME, InferenceModelsSpecs
from inference_models_core.negotiation.codes import MEANINGS
from inference_models_core.reports.environment import SHOWN

ROOT = Path(__file__).parents[1]
SOURCES = [
    path for pattern in ("*/src", "*/*/src") for root in ROOT.glob(pattern) for path in sorted(root.rglob("*.py"))
]
HOOKS = {name: value for name, value in vars(InferenceModelsSpecs).items() if not name.startswith("_")}


def nodes(below: Path = ROOT) -> Iterator[ast.AST]:
    for path in (path for path in SOURCES if path.is_relative_to(below)):
        yield from ast.walk(ast.parse(path.read_text(encoding="utf-8")))


def constants(below: Path = ROOT) -> set[str]:
    return {node.value for node in nodes(below) if isinstance(node, ast.Constant) and isinstance(node.value, str)}


def document(name: str) -> str:
    return (ROOT / "docs" / name).read_text(encoding="utf-8")


# Hooks


def sections() -> dict[str, str]:
    """Heading of each hook -> the text below it."""
    parts = re.split(r"^### `(.*)`$|^## .*$", document("hooks.md"), flags=re.MULTILINE)[1:]
    return {heading: text for heading, text in zip(parts[::2], parts[1::2], strict=True) if heading}


def signature(hook: object) -> str:
    found = inspect.signature(hook)
    arguments = ", ".join(name for name in found.parameters if name != "self")
    return f"{hook.__name__}({arguments}) -> {found.return_annotation}"


def test_every_hook_has_a_heading_with_its_signature():
    assert sorted(sections()) == sorted(signature(hook) for hook in HOOKS.values())


@pytest.mark.parametrize("name", HOOKS)
def test_section_says_what_to_return_and_shows_an_example(name):
    text = sections()[signature(HOOKS[name])]
    (example,) = re.findall(r"^```python\n(.*?)^```$", text, flags=re.DOTALL | re.MULTILINE)
    (function,) = (node for node in ast.parse(example).body if isinstance(node, ast.FunctionDef))
    declared = [argument for argument in inspect.signature(HOOKS[name]).parameters if argument != "self"]
    assert [argument.arg for argument in function.args.args] == declared
    assert function.name == name
    assert re.search(r"^Returns ", text, flags=re.MULTILINE)


@pytest.mark.parametrize("name", HOOKS)
def test_section_says_whether_the_first_answer_wins(name):
    first = getattr(HOOKS[name], f"{PROJECT_NAME}_spec")["firstresult"]
    assert ("*First answer wins" in sections()[signature(HOOKS[name])]) == first


# Environment variables


def variables_in_code(below: Path = ROOT) -> set[str]:
    """Every constant in our sources that is spelled like one of our variables."""
    return {value for value in constants(below) if re.fullmatch(r"INFERENCE_MODELS_[A-Z_]+", value)}


def test_every_environment_variable_is_documented():
    documented = set(re.findall(r"^\| `(INFERENCE_MODELS_\w+)`", document("environment.md"), flags=re.MULTILINE))
    # Not a variable: the constant in which a plugin states its API version.
    assert documented == variables_in_code() - {"INFERENCE_MODELS_API"}


def test_doctor_shows_the_values_of_the_variables_that_core_reads():
    core = variables_in_code(ROOT / "core/src") - {"INFERENCE_MODELS_API"}
    assert core == SHOWN


# Errors

CLASSES = {
    name: value
    for name, value in vars(errors).items()
    if isinstance(value, type) and issubclass(value, errors.InferenceModelsError)
}


def tree() -> dict[str, list[str]]:
    """Error class -> its bases, read from the tree in the docstring."""
    bases: dict[str, list[str]] = {}
    above: list[str] = []
    for line in errors.__doc__.splitlines():
        match = re.fullmatch(r"    ((?:│  |   )*)(?:[├└]─ )?(\w+Error)(?: \((\w+)\))?(?: .*)?", line)
        if match is None:
            continue
        indent, name, builtin = match.groups()
        depth = len(indent) // 3 + ("─" in line)
        above[depth:] = [name]
        bases[name] = [*([above[depth - 1]] if depth else []), *([builtin] if builtin else [])]
    return bases


def test_docstring_draws_the_whole_error_tree():
    # A class below a parent that already is this built-in does not name it again.
    drawn = {name: [base for base in bases if base != "Exception"] for name, bases in tree().items()}
    actual = {
        name: [base.__name__ for base in value.__bases__ if base is not Exception] for name, value in CLASSES.items()
    }
    assert drawn == actual


def test_every_error_has_its_own_code():
    codes = [value.code for value in CLASSES.values()]
    assert len(codes) == len(set(codes))
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)*", code) for code in codes)


@pytest.mark.parametrize("name", sorted(CLASSES))
def test_named_builtins_exist(name):
    for base in tree()[name]:
        assert base in CLASSES or issubclass(getattr(builtins, base), Exception)


# Commands


def commands() -> set[str]:
    """Every command and subcommand line that the pages show."""
    pages = "\n".join(document(name) for name in ("cache.md", "offline.md"))
    lines = re.findall(r"inference-models ((?:(?:cache|bundle) )?[a-z]+)([^\n`|#]*)", pages)
    short = re.findall(r"`(?:bundle )?(cache [a-z]+|bundle [a-z]+)([^`]*)`", pages)
    return {f"{command} {' '.join(re.findall(r'--[a-z-]+', rest))}".strip() for command, rest in [*lines, *short]}


@pytest.mark.parametrize("line", sorted(commands()))
def test_commands_of_the_pages_exist_with_their_options(line):
    from click.testing import CliRunner
    from inference_models_core.cli import main

    words = line.split()
    name = [word for word in words if not word.startswith("--")]
    run = CliRunner().invoke(main, [*name, "--help"])
    assert run.exit_code == 0, run.output
    assert run.output.splitlines()[0].startswith(f"Usage: main {' '.join(name)}")
    assert all(option in run.output for option in words if option.startswith("--"))


def test_commands_below_the_groups_are_all_mentioned():
    from inference_models_core.cli.bundle import bundle
    from inference_models_core.cli.cache import cache

    shown = {" ".join(line.split()[:2]) for line in commands()}
    for group in (cache, bundle):
        assert {f"{group.name} {name}" for name in group.list_commands(None)} <= shown


def test_folders_of_the_cache_are_described():
    from inference_models_core.store.layout import FOLDERS

    assert {name for name in FOLDERS if f"{name}/" not in document("cache.md")} == set()


def test_errors_of_the_offline_page_exist():
    named = set(re.findall(r"`([A-Za-z]+Error)`", document("offline.md") + document("cache.md")))
    assert named <= CLASSES.keys()


def test_numbers_of_the_cache_page():
    from inference_models_core.store import collect, quarantine

    assert quarantine.SECONDS_KEPT == 7 * 24 * 3600
    assert "damaged files after 7 days" in document("cache.md")
    assert collect.GRACE_SECONDS == 3600
    assert "no package for an hour" in document("cache.md")


# Rejection codes


def rejection_codes() -> set[str]:
    """Core's own codes, and every literal one that a rejection or report carries in our sources."""
    calls = (node for node in nodes() if isinstance(node, ast.Call))
    answers = (call for call in calls if ast.unparse(call.func) in {"Rejection", "BackendReport"})
    words = (word.value for call in answers for word in call.keywords if word.arg == "code")
    return set(MEANINGS) | {word.value for word in words if isinstance(word, ast.Constant)}


def test_every_rejection_code_is_documented():
    documented = re.findall(r"^\| `([a-z0-9-]+)` \| (.*) \|$", document("negotiation.md"), flags=re.MULTILINE)
    assert rejection_codes() <= {code for code, _ in documented}
    assert {code for code, _ in documented} <= constants()
    assert MEANINGS.items() <= set(documented)


def test_codes_are_listed_in_the_order_of_the_rules():
    documented = re.findall(r"^\| `([a-z0-9-]+)`", document("negotiation.md"), flags=re.MULTILINE)
    assert [code for code in documented if code in MEANINGS] == list(MEANINGS)
