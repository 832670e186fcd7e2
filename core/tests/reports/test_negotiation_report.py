from __future__ import annotations

import html
import json

import attrs


def rows_of(text):
    return {line.split()[0]: line for line in text.splitlines() if line.startswith("  ") and line.split()}


def test_the_best_is_marked_and_rejections_carry_code_reason_and_fix(negotiation):
    text = str(negotiation)
    assert text.startswith("some/model: yolov8n, object-detection, 2 of 4 packages can run here\n")
    assert (
        "  >  dynamic  onnx     1.23.2   cpu     fp32          dynamic  YoloV8 (inference-models-vision 0.1.0)" in text
    )
    assert text.count(">  ") == 1
    lines = text.splitlines()
    place = next(index for index, line in enumerate(lines) if "backend-not-installed" in line)
    assert lines[place].split() == ["engine", "trt", "backend-not-installed"]
    assert lines[place + 1].strip() == "no installed plugin brings the backend 'trt'"
    assert lines[place + 2].strip() == 'fix: pip install "inference-models-trt[cu13]"'
    assert "warning: the GPU 'L4' stays unused" in text


def test_what_is_worth_knowing_about_a_candidate(negotiation):
    text = str(negotiation)
    assert "opset 17; the CPU build is used; other.yolo:Fast of other-models is used only when preferred" in text
    assert "LoadOptions(prefer=('other-models',))" in " ".join(text.split())
    assert "fix: pip install gpu" in text
    assert "the package's own code" in text


def test_nothing_runs(negotiation):
    text = str(attrs.evolve(negotiation, accepted=()))
    assert "0 of 4 packages can run here" in text
    assert "none of its packages" in text
    assert ">" not in text.replace("<script>", "").replace("</script>", "")


def test_no_packages(negotiation):
    bare = attrs.evolve(negotiation, accepted=(), rejected=(), metadata=attrs.evolve(negotiation.metadata, packages=()))
    assert "the model has no packages" in str(bare)


def test_a_resolution_marks_what_was_loaded_and_lists_what_was_tried(resolution):
    text = str(resolution)
    (marked,) = [line for line in text.splitlines() if line.startswith("  >")]
    assert marked.split()[1] == "static"
    assert "Tried first, could not be opened here" in text
    assert "opset 99 is too new" in text
    assert "fix: pip install -U onnxruntime" in text
    assert "OSError: no evil" in text


def test_nothing_from_outside_reaches_terminal_or_page(negotiation, resolution):
    for report in (negotiation, resolution):
        assert all(character.isprintable() or character == "\n" for character in str(report))
        assert "fake row [bold]x[/bold]" in str(report)
        page = report._repr_html_()
        assert "<script>" not in page
        assert "<script>" in html.unescape(page)
        assert json.loads(json.dumps(report.to_dict()))["model_id"] == "some/model"


def test_rich(negotiation):
    import io

    from rich.console import Console

    stream = io.StringIO()
    Console(file=stream, width=200).print(negotiation)
    assert "backend-not-installed" in stream.getvalue()
    assert "\x1b" not in stream.getvalue()
