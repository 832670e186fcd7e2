from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from inference_models_core.plugins.requirements import first_satisfied, is_satisfied, requirement_name
from packaging.requirements import Requirement

releases = st.lists(st.integers(0, 3), min_size=1, max_size=4).map(lambda parts: ".".join(map(str, parts)))
suffixes = st.sampled_from(["", "", "", ".dev5", "rc1", ".post1", "+cpu"])
clauses = st.tuples(st.sampled_from([">=", "<=", "==", "!=", ">", "<"]), releases).map("".join)


@given(st.lists(clauses, max_size=3), releases, suffixes)
def test_the_answer_is_that_of_the_standard(specifiers, release, suffix):
    requirement, version = f"some-name{','.join(specifiers)}", release + suffix
    expected = Requirement(requirement).specifier.contains(version, prereleases=True)
    assert is_satisfied(requirement, version) is expected


@pytest.mark.parametrize(
    ("requirement", "version", "expected"),
    [
        ("a", "1.0", True),
        ("a (>=1.0,<2)", "1.5", True),
        ("a[x,y] >= 1.0 , < 2", "2.0", False),
        ("a~=1.4", "1.9", True),
        ("a~=1.4", "2.0", False),
        ("a==1.*", "1.7", True),
        ("a>=1.2,<2", "1.2.1.dev5", True),
        ("a>=9; extra == 'test'", "1.0", True),
        ('a>=9; python_version < "3"', "1.0", True),
        ('a>=9; python_version >= "3"', "1.0", False),
        ("a @ file:///somewhere/a.whl", "1.0", True),
        ("a<1.10", "1.9", True),
        ("a==1.0", "1", True),
    ],
)
def test_forms_of_requirements(requirement, version, expected):
    assert is_satisfied(requirement, version) is expected


@pytest.mark.parametrize("requirement", ["a about one", "a>=", "a>=1 and more", ""])
def test_what_cannot_be_read_is_an_error(requirement):
    with pytest.raises(ValueError):
        is_satisfied(requirement, "1.0")


@pytest.mark.parametrize(
    ("requirement", "name"),
    [("Foo_Bar.baz>=1", "foo-bar-baz"), ("a[x]", "a"), ("  a ; extra == 'b'", "a"), (">=1", ""), ("a-", "a")],
)
def test_names_are_normalised(requirement, name):
    assert requirement_name(requirement) == name


def test_the_first_alternative_in_a_fitting_version_counts():
    installed = {"onnxruntime": "1.10", "onnxruntime-gpu": "1.20.1"}
    wanted = ("onnxruntime>=1.17", "onnxruntime-gpu>=1.17", "onnxruntime-gpu>=1.0")
    assert first_satisfied(wanted, installed.get) == "onnxruntime-gpu>=1.17"
    assert first_satisfied(wanted[:1], installed.get) is None


def test_plain_requirements_do_not_need_packaging(run_fresh):
    imported = run_fresh(
        "from inference_models_core.plugins.requirements import is_satisfied\n"
        "assert is_satisfied('inference-models-core>=0.1,<0.2', '0.1.0')\n"
        "assert is_satisfied('a; extra == \"b\"', '0.1.0')"
    )
    assert not any(name.startswith("packaging") for name in imported)
