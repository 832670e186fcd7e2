"""1,000 outputs that no graph should give, for every row of the catalog: a prediction or a typed error, no warning."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from families.fuzzing import fuzzed
from families.packages import valid_outputs, write_documents
from families.table import CASES, SIZE
from inference_models_core.arguments import keyword_names
from inference_models_core.predictions import Prediction
from inference_models_core.runner import Runner
from inference_models_core.tasks.embedding import EmbeddingModel
from inference_models_core.testing.fuzzing import survey
from inference_models_core.types.backends import BatchSupport
from inference_models_core.types.devices import CPU
from inference_models_core.types.packages import ModelPackage
from inference_models_core.types.tensors import TensorSpec

COUNT = 1_000
PICTURE = np.random.default_rng(0).integers(0, 256, (SIZE, SIZE + 16, 3), dtype=np.uint8)


class ToldSession:
    """A session that gives the outputs it was told to."""

    arrays, thread_safe, borrows, device = "numpy", True, False, CPU

    def __init__(self, dtype, shape):
        self.inputs = (TensorSpec(name="x", dtype=dtype, shape=("batch", *shape)),)
        self.outputs = None
        self.told = ()

    def run(self, inputs):
        return self.told

    def close(self):
        pass


@pytest.fixture
def family(tmp_path):
    """Builds a row; gives a function from outputs to results."""

    def build(name):
        spec, entry = CASES[name]
        inputs = entry.inputs or {"weights": ("float32", (3, entry.size, entry.size))}
        sessions = {graph: ToldSession(*given) for graph, given in inputs.items()}
        package = ModelPackage(
            package_id="p",
            backend="told",
            architecture=spec.architecture,
            task=spec.task,
            directory=write_documents(tmp_path, spec, entry),
            features=dict.fromkeys(entry.features, True),
            batch=BatchSupport(),
        )
        offers = {"package": package, "device": CPU, "runners": {k: Runner(s) for k, s in sessions.items()}}
        offers |= {"recommended_parameters": None, "model_dependencies": {}}
        build_model = spec.implementation.load().from_pretrained
        wanted = keyword_names(build_model)[0]
        model = build_model(tmp_path, **{key: value for key, value in offers.items() if key in wanted})
        return asking(model, sessions.values())

    return build


def asking(model, sessions):
    preprocessed = None if isinstance(model, EmbeddingModel) else model.pre_process(PICTURE)

    def ask(outputs):
        for session in sessions:
            session.told = outputs
        if preprocessed is None:
            return [*model.embed_images(PICTURE), *model.embed_text("a cat")]
        return model.post_process(model.forward(preprocessed), preprocessed)

    return ask


def on_numpy(outputs):
    return outputs


def on_torch(outputs):
    torch = pytest.importorskip("torch")
    return tuple(torch.from_numpy(output) if output.dtype.kind in "biufc" else torch.zeros(0) for output in outputs)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize(("arrays", "count"), [(on_numpy, COUNT), (on_torch, COUNT // 4)])
def test_strange_outputs_give_a_prediction_or_a_typed_error(name, family, arrays, count):
    ask, valid = family(name), valid_outputs(*CASES[name])

    def take(seed):
        results = ask(arrays(fuzzed(seed, valid)))
        assert results
        for result in results:
            assert isinstance(result, Prediction)
            assert result.summary()
            for name in ("xyxy", "confidence", "key_points", "key_points_confidence"):
                assert np.isfinite(getattr(result, name, 0.0)).all(), name
            if getattr(result, "covariance", None) is not None:
                assert not np.isinf(result.covariance).any()

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(ask(arrays(tuple(output[None] for output in valid)))) in (1, 2)
        found = survey(range(count), take)
    assert found.escaped == ()
    assert found.accepted_share > 0.03, "hardly anything was taken: the outputs are all of another family"
    assert found.refused > count // 20
