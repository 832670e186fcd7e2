"""Eight threads on one model get the answers that one thread gets, for every row of the catalog."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from families.packages import write_documents, write_graphs
from families.table import CASES, CATALOG, ENTRIES
from inference_models_core import AutoModel
from inference_models_core.predictions.comparison import compare_all
from inference_models_core.tasks.embedding import EmbeddingModel
from inference_models_core.verification.pictures import golden_pictures

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

THREADS, ROUNDS = 8, 2
TEXTS = ("a cat", "two dogs in the snow", "")


def test_every_row_of_the_catalog_has_an_entry():
    missing = sorted(CATALOG.keys() - ENTRIES.keys())
    assert missing == [], "add them to tests/families/table.py"


def ask(model, pictures):
    if isinstance(model, EmbeddingModel):
        return [*model.embed_images(pictures), *model.embed_text(list(TEXTS[: len(pictures)]))]
    return model(pictures)


@pytest.mark.parametrize("name", CASES)
def test_eight_threads_give_the_answers_of_one(name, tmp_path):
    spec, entry = CASES[name]
    folder = write_graphs(write_documents(tmp_path, spec, entry), spec, entry)
    pictures = golden_pictures(6)
    calls = [[picture] for picture in pictures] + [pictures[:3], pictures[3:]]
    together = threading.Barrier(THREADS)
    with AutoModel.from_pretrained(folder, device="cpu") as model:
        alone = [ask(model, call) for call in calls]

        def work(first):
            together.wait(timeout=30)
            order = [(first + step) % len(calls) for step in range(len(calls) * ROUNDS)]
            return [(call, ask(model, calls[call])) for call in order]

        with ThreadPoolExecutor(THREADS) as pool:
            answers = [each for found in pool.map(work, range(THREADS)) for each in found]
    assert len(answers) == THREADS * ROUNDS * len(calls)
    for call, found in answers:
        assert set(compare_all(alone[call], found).deltas.values()) == {0.0}, call
    # Graphs that do not look at the picture would show nothing.
    assert any(max(compare_all(alone[0], alone[other]).deltas.values()) > 0 for other in range(1, 6))
