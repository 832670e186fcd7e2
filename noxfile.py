"""Every check of this repository. `nox -l` lists the sessions; CI runs nothing else.

Works from a bare system Python: `python3 -m venv .venv && .venv/bin/pip install nox && .venv/bin/nox -s demo`.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import nox

nox.needs_version = ">=2024.10.9"
nox.options.default_venv_backend = "venv"
nox.options.reuse_venv = "yes"
nox.options.sessions = ["tests", "lint", "types"]

ROOT = Path(__file__).parent
TOOLS = nox.project.load_toml("pyproject.toml")
SAMPLES = "./providers/inference-models-provider-samples"
SAMPLE_MODELS = ("shapes-detector", "shapes-segmenter", "shapes-keypoints", "shapes-classifier")
#: Folder of each distribution, with the extras that make it usable on a machine without a GPU.
DISTRIBUTIONS = {
    "./core": "",
    "./plugins/inference-models-vision": "[opencv]",
    "./plugins/inference-models-onnx": "[cpu]",
    "./plugins/inference-models-torch": "",  # without PyTorch, which is several gigabytes; see tests_torch
    SAMPLES: "",
    "./providers/inference-models-provider-roboflow": "",
}
#: Releases of ONNX Runtime that treat external data differently; the empty one is the newest.
RUNTIMES = ("1.22.1", "1.24.1", "1.24.4", "")
BENCHMARKS = (
    "import_time.py",
    "plan_time.py",
    "negotiation.py",
    "resolve_time.py",
    "warm_load.py",
    "cold_start.py",
    "preprocessing.py",
    "whole_call.py",
)


def install_everything(session: nox.Session, *groups: str, editable: bool = False) -> None:
    """Installs every distribution of the repository and the named dependency groups of `pyproject.toml`."""
    paths = [folder + extra for folder, extra in DISTRIBUTIONS.items()]
    flags = ["-e"] * len(paths) if editable else []
    ours = [word for pair in zip(flags, paths, strict=True) for word in pair] if editable else paths
    session.install(*ours, *nox.project.dependency_groups(TOOLS, *groups))


@nox.session
def demo(session: nox.Session) -> None:
    """Loads the sample detector, draws what it sees in the sample pictures and leaves them in `demo/`."""
    install_everything(session)
    pictures = f"{SAMPLES}/src/inference_models_provider_samples/pictures"
    shutil.rmtree(ROOT / "demo", ignore_errors=True)
    session.run("inference-models", "plan", "samples/shapes-detector")
    session.run("inference-models", "predict", "samples/shapes-detector", pictures, "--output", "demo")
    written = "\n".join(f"  {path.relative_to(ROOT)}" for path in sorted((ROOT / "demo").iterdir()))
    session.log(f"Open these:\n{written}")


@nox.session
def tests(session: nox.Session) -> None:
    """Runs the tests of every distribution and those that cross distributions. `-- ARGS` go to pytest."""
    install_everything(session, "test", editable=True)
    session.run("pip", "check")
    session.run("pytest", *session.posargs)


@nox.session
def tests_torch(session: nox.Session) -> None:
    """As `tests`, with PyTorch installed, for the tests that skip without it. Not part of CI: PyTorch is large."""
    install_everything(session, "test", "torch", "timm", editable=True)
    session.run("pip", "check")
    session.run("pytest", *session.posargs)


@nox.session
def tests_peers(session: nox.Session) -> None:
    """Compares vision with Ultralytics and torchvision themselves. Not part of CI, for the same reason."""
    vision = "./plugins/inference-models-vision"  # Ultralytics brings its own build of OpenCV
    session.install("-e", "./core", "-e", vision, *nox.project.dependency_groups(TOOLS, "peers"))
    # Nothing else: Ultralytics changes how Pillow and OpenCV behave in its process.
    session.run("pytest", f"{vision}/tests", "-k", "ultralytics or torchvision", *session.posargs)


@nox.session
def parity(session: nox.Session) -> None:
    """Asks the reference system the same questions; `-- WORDS` for some rows, `-- --golden` to keep the answers.

    Not part of CI: the reference brings PyTorch, and the ordinary tests check every row against the kept answers.
    """
    install_everything(session, "test", "reference", "ultralytics", editable=True)
    session.run("python", "-m", "parity.compare", *session.posargs)


@nox.session
def readme(session: nox.Session) -> None:
    """Runs the two commands of the README in a fresh clone of the last commit."""
    session.install(*nox.project.dependency_groups(TOOLS, "pytest"))
    session.run("pytest", "tests/test_readme.py", env={"RUN_README_COMMANDS": "1"})


@nox.session
def lint(session: nox.Session) -> None:
    """Runs ruff's checks and its formatter; `-- --fix` mends what it can."""
    session.install(*nox.project.dependency_groups(TOOLS, "lint"))
    fix = "--fix" in session.posargs
    session.run("ruff", "check", *(["--fix"] if fix else []))
    session.run("ruff", "format", *([] if fix else ["--check"]))


@nox.session
def types(session: nox.Session) -> None:
    """Runs mypy, strict, on every distribution."""
    if sys.version_info < (3, 11):
        session.skip("the last numpy for Python 3.10 has looser types; mypy checks against 3.10 from any newer Python")
    install_everything(session, "types")
    session.run("mypy", *(f"{folder}/src" for folder in DISTRIBUTIONS))


@nox.session
def wheels(session: nox.Session) -> None:
    """Builds sdists and wheels, installs the wheels together in a clean environment and predicts with them."""
    built = Path(session.create_tmp()).resolve() / "wheels"
    shutil.rmtree(built, ignore_errors=True)
    session.install(*nox.project.dependency_groups(TOOLS, "build"))
    for folder in DISTRIBUTIONS:
        session.run("python", "-m", "build", "--quiet", "--outdir", str(built), folder)
    clean = built / "environment"
    session.run("python", "-m", "venv", str(clean))
    python = clean / ("Scripts/python.exe" if (clean / "Scripts").exists() else "bin/python")
    found = [_wheel(built, folder) + extra for folder, extra in DISTRIBUTIONS.items()]
    session.run(str(python), "-m", "pip", "install", "--quiet", *found, external=True)
    session.run(str(python), "-m", "pip", "check", external=True)
    smoke_test = ROOT / "tests" / "smoke.py"
    with session.chdir(clean):
        session.run(str(python), "-I", str(smoke_test), external=True)


def _wheel(built: Path, folder: str) -> str:
    """Path of the wheel of a distribution."""
    name = nox.project.load_toml(f"{folder}/pyproject.toml")["project"]["name"].replace("-", "_")
    (wheel,) = built.glob(f"{name}-*.whl")
    return str(wheel)


@nox.session
def sizes(session: nox.Session) -> None:
    """Adds up the wheels that a user downloads and fails over budget."""
    built = Path(session.create_tmp()).resolve() / "wheels"
    shutil.rmtree(built, ignore_errors=True)
    session.run("pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(built), *DISTRIBUTIONS)
    session.run("python", "benchmarks/sizes.py", str(built))


@nox.session
def import_time(session: nox.Session) -> None:
    """Imports core in fresh processes: how long it takes, and that nothing heavy comes with it."""
    session.install("./core")
    session.run("python", "benchmarks/import_time.py")


@nox.session
def bench(session: nox.Session) -> None:
    """Runs the benchmarks, or those named after `--`, and prints their tables."""
    install_everything(session, "bench")
    for name in session.posargs or BENCHMARKS:
        session.run("python", f"benchmarks/{name}")


@nox.session
def bench_peers(session: nox.Session) -> None:
    """Measures us beside the reference, Ultralytics and a script, for docs/performance.md; `-- SECTIONS` for some."""
    install_everything(session, "bench", "reference", "ultralytics")
    session.run("python", "benchmarks/peers.py", *session.posargs)


@nox.session
def reliability(session: nox.Session) -> None:
    """Runs the long tests and measures what docs/reliability.md shows; `-- SECTIONS` only prints some of it."""
    install_everything(session, "test", editable=True)
    if not session.posargs:
        session.run("pytest", "-m", "nightly")
    session.run("python", "benchmarks/reliability.py", *session.posargs)


@nox.session
def mutations(session: nox.Session) -> None:
    """Breaks the code on purpose, one way at a time, and wants a red test each time; `-- WORDS` chooses some."""
    install_everything(session, "test")
    with session.chdir("tests"):
        session.run("python", "-m", "mutations.run", *session.posargs)


@nox.session
def layouts(session: nox.Session) -> None:
    """Opens packages as the cache lays them out with old and new releases of ONNX Runtime; `-- VERSIONS` for others."""
    install_everything(session, "test", editable=True)
    for version in session.posargs or RUNTIMES:
        session.install("--upgrade", f"onnxruntime{version and f'=={version}'}")
        session.run("python", "-c", "import onnxruntime, onnx; print(onnxruntime.__version__, onnx.__version__)")
        session.run("pytest", "-q", "tests/test_external_data_layouts.py")


@nox.session
def accuracy(session: nox.Session) -> None:
    """Measures the sample models, or those named after `--`, on held-out scenes through our own pipeline."""
    install_everything(session, "accuracy")
    for model in session.posargs or SAMPLE_MODELS:
        session.run("python", f"{SAMPLES}/training/evaluate.py", model)


@nox.session
def changelog(session: nox.Session) -> None:
    """Prints what the changelog fragments of each distribution would become."""
    session.install(*nox.project.dependency_groups(TOOLS, "release"))
    for folder in DISTRIBUTIONS:
        name = nox.project.load_toml(f"{folder}/pyproject.toml")["project"]["name"]
        drafts = ["--draft", "--name", name, "--version", "next"]
        session.run("towncrier", "build", *drafts, "--config", "pyproject.toml", "--dir", folder)
