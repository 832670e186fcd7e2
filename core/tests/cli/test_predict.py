from __future__ import annotations

import json

import pytest
from PIL import Image

TOY = "./toy.loopback"


def records(text):
    return [json.loads(line) for line in text.splitlines()]


def files_below(folder):
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_annotated_copies_keep_their_folders_and_show_the_box(cli, pictures):
    run = cli("predict", TOY, "pictures", "--recursive", "--output", "out")
    out = pictures.parent / "out"
    assert files_below(out) == {"a.jpg", "b.png", "sub/a.jpg", "sub/deep/c.bmp"}
    with Image.open(out / "b.png") as drawn:
        assert drawn.size == (40, 20)
        assert drawn.getpixel((10, 10)) != (0, 0, 128)
    assert run.exit_code == 1, "one picture is broken"


def test_one_line_per_picture_in_order_and_failures_elsewhere(cli, pictures):
    run = cli("predict", TOY, "pictures", "--no-save")
    assert [line.split("  ")[0] for line in run.stdout.splitlines()] == ["pictures/a.jpg", "pictures/b.png"]
    assert "1: 1 du\\x1b[31mck" in run.stdout
    assert "error: pictures/broken.png: no picture" in run.stderr
    assert "3 pictures in" in run.stderr
    assert "1 failed" in run.stderr


def test_default_folder_and_no_failure(cli, pictures):
    run = cli("predict", TOY, "pictures/a.jpg", "pictures/sub/a.jpg")
    assert run.exit_code == 0, run.output
    assert files_below(pictures.parent / "predictions") == {"a.jpg", "a-1.jpg"}, "two of one name"


def test_nothing_is_ever_overwritten(cli, pictures):
    before = (pictures / "a.jpg").read_bytes()
    for _ in range(2):
        assert cli("predict", TOY, "pictures/a.jpg", "--output", "pictures").exit_code == 0
    assert (pictures / "a.jpg").read_bytes() == before
    assert {"a-1.jpg", "a-2.jpg"} <= files_below(pictures)


def test_the_output_folder_inside_a_source_is_not_a_source(cli, pictures):
    (pictures / "broken.png").unlink()
    for _ in range(2):
        run = cli("predict", TOY, "pictures", "--recursive", "--output", "pictures/out")
        assert len(run.stdout.splitlines()) == 4, run.output


def test_json_lines_to_standard_output_are_alone_there(cli, pictures):
    run = cli("predict", TOY, "pictures", "--jsonl", "-")
    good, other, broken = records(run.stdout)
    assert [good["source"], other["source"]] == ["pictures/a.jpg", "pictures/b.png"]
    assert good["predictions"]["predictions"][0]["xyxy"] == [10.0, 5.0, 30.0, 15.0]
    assert broken == {
        "source": "pictures/broken.png",
        "error": {"code": "image-decode-failed", "message": "no picture: pictures/broken.png", "hint": ""},
    }
    assert "1: 1 du" in run.stderr
    assert not (pictures.parent / "predictions").exists(), "JSON lines are wanted, not pictures"


def test_json_lines_to_a_file_beside_pictures(cli, pictures):
    run = cli("predict", TOY, "pictures/*.jpg", "--jsonl", "lines.jsonl", "--save")
    (line,) = records((pictures.parent / "lines.jsonl").read_text())
    assert line["annotated"] == "predictions/a.jpg"
    assert len(run.stdout.splitlines()) == 1
    assert run.exit_code == 0


def test_json_is_one_document(cli, pictures):
    run = cli("predict", TOY, "pictures", "--json")
    document = json.loads(run.stdout)
    assert [("error" in each, each["source"]) for each in document["results"]] == [
        (False, "pictures/a.jpg"),
        (False, "pictures/b.png"),
        (True, "pictures/broken.png"),
    ]
    assert (document["pictures"], document["failed"]) == (3, 1)
    assert run.exit_code == 1


def test_json_without_any_picture_is_a_document_too(cli):
    run = cli("predict", TOY, "nowhere.jpg", "--json")
    (result,) = json.loads(run.stdout)["results"]
    assert result["error"]["message"] == "there is no such file or folder"
    assert run.exit_code == 1


def test_an_unexpected_error_half_way_leaves_a_whole_document(cli, pictures):
    run = cli("predict", "./bomb.loopback", "pictures/a.jpg", "pictures/b.png", "--json")
    document = json.loads(run.stdout)
    assert [each["source"] for each in document["results"]] == ["pictures/a.jpg"]
    assert document["error"]["code"] == "unexpected-error"
    assert "kaboom\\x1b[2J" in document["error"]["message"]
    assert run.exit_code == 1


def test_an_unexpected_error_at_once_is_the_only_document(cli, pictures):
    run = cli("predict", "./bomb.loopback", "pictures/b.png", "--json")
    assert json.loads(run.stdout)["error"]["code"] == "unexpected-error"


@pytest.mark.parametrize(
    ("options", "boxes"),
    [((), 1), (("--confidence", "0.9"), 0), (("--confidence", "best"), 1), (("--option", "confidence=0.9"), 0)],
)
def test_arguments_of_the_call(cli, pictures, options, boxes):
    run = cli("predict", TOY, "pictures/a.jpg", "--json", *options)
    assert len(json.loads(run.stdout)["results"][0]["predictions"]["predictions"]) == boxes


def test_arguments_of_the_model(cli, pictures):
    assert cli("predict", TOY, "pictures/a.jpg", "--no-save", "--model-option", "size=2").exit_code == 0
    run = cli("predict", TOY, "pictures/a.jpg", "--no-save", "--model-option", "colour=red")
    assert run.exit_code == 1
    assert "colour" in run.stderr


def test_a_broken_picture_does_not_cost_its_batch(cli, pictures):
    import toy_models

    toy_models.Toy.calls.clear()
    run = cli("predict", TOY, "pictures", "--recursive", "--no-save", "--batch", "4")
    assert len(run.stdout.splitlines()) == 4
    assert toy_models.Toy.calls == [4, 1, 1, 1, 1, 1], "the batch, its four one by one, the rest"


def test_what_cannot_be_drawn_is_printed_and_said(cli, pictures):
    run = cli("predict", "./poet.loopback", "pictures/a.jpg")
    assert '{"text": "roses", "weight": null}' in run.stdout
    assert "cannot be drawn" in run.stderr
    assert not (pictures.parent / "predictions").exists()


def test_a_model_that_is_not_there_is_not_looked_for_before_a_picture_is(cli, pictures):
    assert "no such file" in cli("predict", "./gone.loopback", "gone.jpg").stderr
    run = cli("predict", "./gone.loopback", "pictures/a.jpg", "--no-save")
    assert "gone.loopback" in run.stderr
    assert run.exit_code == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ("predict", TOY),
        ("predict", TOY, "a.jpg", "--confidence", "7"),
        ("predict", TOY, "a.jpg", "--confidence", "nan"),
        ("predict", TOY, "a.jpg", "--confidence", "high"),
        ("predict", TOY, "a.jpg", "--batch", "0"),
        ("predict", TOY, "a.jpg", "--option", "confidence"),
        ("predict", TOY, "a.jpg", "--json", "--jsonl", "-"),
    ],
)
def test_command_lines_that_make_no_sense(cli, arguments):
    run = cli(*arguments)
    assert run.exit_code == 2
    assert run.stdout == ""
    assert "Usage:" in run.stderr
