from __future__ import annotations

import json

import pytest

TOY = "./toy.loopback"


def test_plan(cli):
    run = cli("plan", TOY)
    assert run.exit_code == 0, run.output
    assert "  >  toy" in run.stdout
    assert "Toy (toy-box 1.0)" in run.stdout


def test_plan_that_finds_nothing_fails_and_says_why(cli):
    run = cli("plan", TOY, "--backend", "onnx,trt", "--json")
    assert run.exit_code == 1
    (rejected,) = json.loads(run.stdout)["rejected"]
    assert rejected["code"] == "backend-not-requested"
    assert "onnx, trt" in rejected["reason"]


def test_options_reach_the_request(cli):
    assert cli("plan", TOY, "--device", "cpu", "--quantization", "fp32").exit_code == 0
    assert cli("plan", TOY, "--device", "cuda").exit_code == 1
    assert cli("plan", TOY, "--quantization", "half").exit_code == 1
    assert "no such quantization" in cli("plan", TOY, "--quantization", "fp33").stderr
    assert cli("plan", TOY, "--architecture", "poet").stdout.count("Poet") == 1


def test_describe_model(cli):
    run = cli("describe", TOY, "--json")
    report = json.loads(run.stdout)
    assert (report["model_id"], report["provider"], report["trusted"]) == ("toy.loopback", "local", True)
    (package,) = report["packages"]
    assert (package["status"], package["trust"], package["batch"]) == ("used", "not needed", "dynamic")
    assert package["size"] > 100
    text = cli("describe", TOY).stdout
    assert "architecture  toy" in text


def test_describe_runtime(cli):
    report = json.loads(cli("describe", "--json").stdout)
    assert {"versions", "machine", "plugins", "backends", "providers", "cache", "switches", "rival"} <= report.keys()
    statuses = {plugin["name"]: plugin["status"] for plugin in report["plugins"]}
    assert statuses["toy"] == statuses["core"] == "active"
    availability = {backend["name"]: backend["availability"] for backend in report["backends"]}
    assert availability["loopback"] == "available"
    assert availability["trt"] == "unavailable"
    text = cli("describe").stdout
    assert "loopback" in text
    assert "INFERENCE_MODELS_PLUGINS  toy,loopback" in text


@pytest.mark.parametrize(("verdict", "code"), [("ok", 0), ("warning", 0), ("failed", 1), ("nonsense", 1)])
def test_doctor_exit_code(cli, monkeypatch, verdict, code):
    monkeypatch.setenv("TOY_VERDICT", verdict)
    # Core's own checks judge this machine; only ours may decide here.
    monkeypatch.setattr("inference_models_core.builtin.checks.HEALTH_CHECKS", ())
    run = cli("doctor", "--json")
    assert run.exit_code == code
    report = json.loads(run.stdout)
    assert report["failed"] is (code == 1)
    checks = {check["name"]: check for check in report["checks"]}
    assert checks["toy"]["plugin"] == "toy"
    assert checks["toy"]["verdict"] == {"nonsense": "failed"}.get(verdict, verdict)


def test_doctor_text_ends_with_the_verdict(cli, monkeypatch):
    monkeypatch.setenv("TOY_VERDICT", "failed")
    run = cli("doctor")
    assert run.stdout.splitlines()[-1].startswith("error: ")
    assert "fix: tidy up" in run.stdout


def test_plugins_list(cli):
    records = {plugin["name"]: plugin for plugin in json.loads(cli("plugins", "list", "--json").stdout)["plugins"]}
    assert records["toy"]["status"] == "active"
    assert records["toy"]["distribution"] == "toy-box"
    assert "register_models" in records["toy"]["hooks"]
    assert "toy" in cli("plugins", "list").stdout


def test_plugins_list_without_imports(cli, site, monkeypatch):
    import sys

    for name in [name for name in sys.modules if name.startswith("toy_")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setenv("INFERENCE_MODELS_DISABLE_PLUGINS", "loopback")
    report = json.loads(cli("plugins", "list", "--no-import", "--json").stdout)
    found = {plugin["name"]: plugin for plugin in report["plugins"]}
    assert found["toy"]["status"] == "installed"
    assert found["loopback"]["status"] == "blocked"
    assert found["loopback"]["reason"]
    assert found["toy"]["value"] == "toy_plugin"
    assert not any(name.startswith("toy_") for name in sys.modules)


def test_list_everything(cli):
    run = cli("list")
    assert run.exit_code == 0
    for words in ("Models of shelf", "shelf/ball", "Implementations that are registered", "Toy", "cellar is flooded"):
        assert words in run.stdout


def test_list_follows_pages_up_to_the_limit(cli):
    def listing(*options):
        (provider,) = json.loads(cli("list", "--provider", "shelf", "--json", *options).stdout)["providers"]
        return [model["model_id"] for model in provider["models"]], provider["more"]

    assert listing() == (["shelf/duck", "shelf/train", "shelf/ball"], False)
    assert listing("--limit", "2") == (["shelf/duck", "shelf/train"], True)
    assert listing("--limit", "1") == (["shelf/duck"], True)
    assert listing("--limit", "2", "a") == (["shelf/train", "shelf/ball"], False)
    assert listing("--limit", "1", "a") == (["shelf/train"], True), "the rest of a last page"


def test_list_text_and_task(cli):
    report = json.loads(cli("list", "du", "--json").stdout)
    assert [model["model_id"] for model in report["providers"][0]["models"] or report["providers"][1]["models"]] == [
        "shelf/duck"
    ]
    assert report["implementations"] == []
    rows = json.loads(cli("list", "--rows", "--task", "object-detection", "--json").stdout)
    assert rows.keys() == {"implementations"}
    assert {row["architecture"] for row in rows["implementations"]} == {"bomb", "poet", "toy"}
    assert json.loads(cli("list", "--rows", "--task", "cooking", "--json").stdout) == {"implementations": []}


@pytest.mark.parametrize(
    ("provider", "code"),
    [("attic", "unknown-provider"), ("local", "invalid-request"), ("cellar", "provider-unavailable")],
)
def test_a_named_provider_must_answer(cli, provider, code):
    run = cli("list", "--provider", provider, "--json")
    assert run.exit_code == 1
    assert json.loads(run.stdout)["error"]["code"] == code


def test_rows_of_a_provider_make_no_sense(cli):
    assert cli("list", "--rows", "--provider", "shelf").exit_code == 2


def test_errors_are_messages_and_hints(cli):
    run = cli("plan", "nothing", "--weights-provider", "attic")
    assert run.exit_code == 1
    assert run.stdout == ""
    assert run.stderr.startswith("error: ")
    assert "\nhint: " in run.stderr
    assert "Traceback" not in run.stderr
    as_json = cli("plan", "nothing", "--weights-provider", "attic", "--json")
    assert json.loads(as_json.stdout)["error"]["code"] == "unknown-provider"
    assert as_json.stderr == ""


@pytest.mark.parametrize(("options", "shown"), [((), 1), (("-v",), 2), (("-vv",), 3)])
def test_the_log_goes_to_standard_error_and_cannot_command_the_terminal(cli, monkeypatch, options, shown):
    import logging

    from inference_models_core.auto_model import AutoModel

    def plan(*_, **__):
        for level in (logging.DEBUG, logging.INFO, logging.WARNING):
            logging.getLogger("inference_models").log(level, "said \x1b[31m%s", level)
        raise KeyboardInterrupt

    monkeypatch.setattr(AutoModel, "plan", plan)
    run = cli("plan", TOY, *options)
    assert run.exit_code == 130
    assert run.stdout == ""
    assert run.stderr.count("said \\x1b[31m") == shown
    assert "warning: said" in run.stderr


def test_a_mistyped_command_gets_a_suggestion(cli):
    run = cli("pln")
    assert run.exit_code == 2
    assert "Did you mean 'plan'?" in run.stderr


def test_every_command_has_help_json_and_a_short_help_that_is_not_cut(cli):
    help_text = cli("--help").stdout
    assert "..." not in help_text.partition("Commands:")[2]
    groups = {
        "plugins": ("list",),
        "cache": ("ls", "info", "verify", "prune", "rm", "clear"),
        "bundle": ("create", "import", "verify"),
    }
    for group in groups:
        assert "..." not in cli(group, "--help").stdout.partition("Commands:")[2]
    below = [f"{group} {name}" for group, names in groups.items() for name in names]
    for command in ("predict", "plan", "describe", "list", "doctor", "pull", "lock", "sync", *below):
        text = cli(*command.split(), "--help")
        assert text.exit_code == 0
        assert "--json" in text.stdout
    assert cli("--version").stdout.startswith("inference-models 0.")


def test_choices_are_those_of_the_options():
    from inference_models_core.cli.load_options import load_options
    from inference_models_core.types.requests import FALLBACKS, VERIFY_MODES

    options = {name: option for option in load_options(lambda: None).__click_params__ for name in option.opts}
    choices = {name: options[name].type.choices for name in ("--fallback", "--verify")}
    assert tuple(choices["--fallback"]) == FALLBACKS
    assert tuple(choices["--verify"]) == VERIFY_MODES
