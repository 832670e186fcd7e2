from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from inference_models_core.registry import Registry, build_registry
from inference_models_core.types.backends import BackendSpec
from inference_models_core.types.models import ModelSpec, PipelineSpec
from inference_models_core.types.plugins import PluginIdentity
from inference_models_core.types.providers import WeightsProviderSpec


def plugin(distribution, name="plugin"):
    return PluginIdentity(name=name, distribution=distribution, version="1.0")


VISION, ONNX, TRT, STRANGER, OTHER = map(plugin, ("vision", "onnx-dist", "trt-dist", "stranger", "other-stranger"))
CORE = plugin("inference-models-core", "core")
TASK = "object-detection"


def row(backend=None, name="Family", architecture="yolov8", **features):
    return ModelSpec(
        architecture=architecture,
        task=TASK,
        implementation="package:" + name.replace("-", "_"),
        backend=backend,
        **features,
    )


def backend(name, **facts):
    return BackendSpec(name=name, factory="package:Backend", **facts)


BACKENDS = (
    (backend("onnx", names=("onnx-speedy",), suffixes=(".onnx", ".ORT"), rank=40), ONNX),
    (backend("trt", suffixes=(".plan",), rank=10), TRT),
    (backend("mediapipe", kind="own"), plugin("mediapipe-dist")),
)
GENERAL = row()


def registry(*models, backends=BACKENDS, **entries):
    return Registry(backends=tuple(backends), models=tuple(models), **entries)


def select(index, on="onnx", features=(), prefer=()):
    return index.select_row("yolov8", TASK, on, frozenset(features), prefer)


# Names


@pytest.mark.parametrize(
    ("written", "found"),
    [
        ("onnx", "onnx"),
        ("ONNX", "onnx"),
        ("onnxruntime", "onnx"),
        ("Onnx_Speedy", "onnx"),
        ("TensorRT", "trt"),
        ("torch", None),
        ("", None),
    ],
)
def test_backend_is_found_by_any_spelling(written, found):
    spec = registry().backend(written).spec
    assert (spec.name if spec else None) == found


def test_name_wins_over_another_backends_alias():
    speedy = backend("onnx-speedy")
    index = registry(backends=[*BACKENDS, (speedy, STRANGER)])
    assert index.backend("onnx-speedy").spec is speedy


def test_well_known_spelling_cannot_be_taken_over():
    index = registry(backends=[*BACKENDS, (backend("mine", names=("tensorrt", "onnxruntime")), STRANGER)])
    assert index.backend("tensorrt").plugin == TRT
    assert index.backend("onnxruntime").plugin == ONNX


def test_two_backends_of_one_name_are_a_conflict_until_one_is_preferred():
    mine = backend("onnx")
    index = registry(backends=[*BACKENDS, (mine, STRANGER)])
    assert index.backend("trt").spec is not None
    ambiguous = index.backend("onnx")
    assert ambiguous.spec is None
    assert [owner for _, owner in ambiguous.conflict] == [ONNX, STRANGER]
    chosen = index.backend("onnx", prefer=("Stranger",))
    assert (chosen.spec, chosen.plugin) == (mine, STRANGER)
    assert [owner for _, owner in chosen.ignored] == [ONNX]


def test_preferences_go_by_the_callers_order():
    index = registry(backends=[*BACKENDS, (backend("onnx"), STRANGER), (backend("onnx"), OTHER)])
    assert index.backend("onnx", prefer=("other-stranger", "stranger")).plugin == OTHER
    assert index.backend("onnx", prefer=("absent", "stranger")).plugin == STRANGER


@pytest.mark.parametrize("impostor", [plugin("evil", "core"), PluginIdentity(name="core")])
def test_cores_own_name_cannot_be_taken(impostor):
    ours, theirs = WeightsProviderSpec(name="local", factory="a:B"), WeightsProviderSpec(name="local", factory="c:D")
    index = Registry(providers=((theirs, impostor), (ours, CORE)))
    assert index.provider("local").spec is ours
    assert index.provider("local", prefer=("evil", "core")).spec is ours


def test_provider_by_name_then_scheme():
    hub = WeightsProviderSpec(name="hub", factory="a:B", schemes=("hf", "Rf"))
    rf = WeightsProviderSpec(name="rf", factory="a:C")
    index = Registry(providers=((hub, ONNX), (rf, TRT)))
    assert index.provider("HF").spec is hub
    assert index.provider("rf").spec is rf
    assert index.provider("ftp").spec is None


def test_pipelines_by_id():
    read = PipelineSpec(pipeline_id="read-plates", implementation="a:B")
    index = Registry(
        pipelines=(
            (read, ONNX),
            (PipelineSpec(pipeline_id="twice", implementation="a:B"), ONNX),
            (PipelineSpec(pipeline_id="twice", implementation="c:D"), TRT),
        )
    )
    assert index.pipeline("read-plates").spec is read
    assert index.pipeline("absent").spec is None
    assert len(index.pipeline("twice").conflict) == 2
    assert index.pipeline("twice", prefer=("trt-dist",)).plugin == TRT


def test_same_distribution_twice_is_no_conflict():
    first, second = backend("onnx"), backend("onnx", rank=7)
    index = registry(backends=[(second, plugin("one", "b")), (first, plugin("one", "a"))])
    assert index.backend("onnx").spec is first


def test_suffixes_name_every_backend_best_first():
    index = registry(backends=[*BACKENDS, (backend("fast", suffixes=(".onnx",), rank=5), STRANGER)])
    assert index.suffixes() == {".onnx": ("fast", "onnx"), ".ort": ("onnx",), ".plan": ("trt",)}


# Rows


def test_general_row_serves_every_tensor_backend_and_no_other():
    index = registry((GENERAL, VISION))
    assert select(index).spec is GENERAL
    assert select(index, "trt").spec is GENERAL
    assert select(index, "mediapipe").spec is None
    assert select(index, "absent").spec is None


@pytest.mark.parametrize(
    ("rows", "winner", "ignored"),
    [
        pytest.param([("general", VISION), ("onnx", ONNX)], ONNX, [VISION], id="backend owner beats general"),
        pytest.param([("general", VISION), ("onnx", VISION)], VISION, [], id="family owner beats its own general"),
        pytest.param([("general", VISION), ("onnx", STRANGER)], VISION, [STRANGER], id="stranger does not"),
        pytest.param([("general", VISION), ("onnx", TRT)], VISION, [TRT], id="owner of another backend does not"),
        pytest.param([("onnx", ONNX), ("onnx", STRANGER)], ONNX, [STRANGER], id="stranger's duplicate"),
        pytest.param([("onnx", STRANGER)], STRANGER, [], id="sole row of a stranger"),
        pytest.param([("trt", TRT), ("onnx", STRANGER)], STRANGER, [], id="rows of other backends do not count"),
    ],
)
def test_who_wins(rows, winner, ignored):
    entries = [(row(None if on == "general" else on, owner.distribution), owner) for on, owner in rows]
    for order in itertools.permutations(entries):
        selection = select(registry(*order))
        assert selection.plugin == winner
        assert [owner for _, owner in selection.ignored] == ignored
        assert selection.conflict == ()
    assert selection.spec.backend == ("onnx" if ("onnx", winner) in rows else None)


@pytest.mark.parametrize(
    "rows",
    [
        pytest.param([(None, VISION), (None, STRANGER)], id="two general rows"),
        pytest.param([("onnx", STRANGER), ("onnx", OTHER)], id="two strangers, nobody owns"),
        pytest.param([(None, VISION), ("onnx", VISION), ("onnx", ONNX)], id="owner of family and of backend"),
    ],
)
def test_equal_rows_are_a_conflict_until_one_is_preferred(rows):
    index = registry(*((row(on, owner.distribution), owner) for on, owner in rows))
    selection = select(index)
    owners = [owner for _, owner in selection.conflict]
    assert selection.spec is None
    assert sorted(owner.distribution for owner in owners) == sorted({owner.distribution for _, owner in rows})
    for owner in owners:
        assert select(index, prefer=(owner.distribution,)).plugin == owner


def test_a_conflict_elsewhere_does_not_matter():
    index = registry(
        (GENERAL, VISION),
        (row("trt", "A"), TRT),
        (row(architecture="other"), VISION),
        (row(architecture="other"), STRANGER),
    )
    assert select(index).spec is GENERAL
    assert select(index, "trt").plugin == TRT


def test_preferred_stranger_beats_owners_only_where_it_can_run():
    index = registry((GENERAL, VISION), (row("onnx", "A"), ONNX), (row("onnx", "B"), STRANGER))
    assert select(index, prefer=("stranger",)).plugin == STRANGER
    assert select(index, "trt", prefer=("stranger",)).plugin == VISION
    assert select(index, features={"odd"}, prefer=("stranger",)).spec is None


def test_adding_a_task_gives_no_say_in_the_family():
    foothold = ModelSpec(architecture="yolov8", task="another-task", implementation="package:Foothold")
    index = registry((GENERAL, VISION), (foothold, STRANGER), (row("onnx", "Takeover"), STRANGER))
    assert select(index).plugin == VISION


def test_taking_a_backends_name_gives_no_say_where_it_is_not_preferred():
    stolen = [*BACKENDS, (backend("onnx"), STRANGER)]
    index = registry((GENERAL, VISION), (row("onnx", "Takeover"), STRANGER), backends=stolen)
    assert select(index, prefer=("onnx-dist",)).plugin == VISION


def test_specific_row_of_a_preferred_distribution_goes_before_its_general_one():
    index = registry((GENERAL, VISION), (row(name="A"), STRANGER), (row("onnx", "Z"), STRANGER))
    assert select(index, prefer=("stranger",)).spec == row("onnx", "Z")
    assert select(index, "trt", prefer=("stranger",)).spec == row(name="A")


def test_in_process_plugin_is_preferred_by_its_own_name():
    mine = PluginIdentity(name="My_App")
    index = registry((GENERAL, VISION), (row("onnx"), mine))
    assert select(index).plugin == VISION
    assert select(index, prefer=("My_App",)).plugin == mine


# Features


def test_rows_are_filtered_by_features_before_they_compete():
    fused = row("onnx", "Fused", supports_features={"nms_fused"})
    index = registry((GENERAL, VISION), (fused, STRANGER))
    assert select(index).spec is GENERAL
    assert select(index, features={"nms_fused"}).spec is fused
    assert select(index, features={"nms_fused", "more"}).spec is None


def test_row_that_requires_a_feature_goes_first_within_its_distribution():
    wide = row(name="Wide", supports_features={"nms_fused"})
    narrow = row(name="ZNarrow", requires_features={"nms_fused"})
    for order in ((wide, narrow), (narrow, wide)):
        index = registry(*((each, VISION) for each in order))
        assert select(index).spec is wide
        assert select(index, features={"nms_fused"}).spec is narrow


# The table


def test_triples_expand_general_rows():
    index = registry(
        (GENERAL, VISION),
        (row("onnx", "Stranger"), STRANGER),
        (row("absent", "Far"), STRANGER),
        (row("trt", "Fast"), TRT),
    )
    table = [(t.backend, str(t.row.implementation), t.plugin.distribution, t.standing) for t in index.triples()]
    assert table == [
        ("absent", "package:Far", "stranger", "used"),
        ("onnx", "package:Stranger", "stranger", "ignored"),
        ("onnx", "package:Family", "vision", "used"),
        ("trt", "package:Fast", "trt-dist", "used"),
        ("trt", "package:Family", "vision", "ignored"),
    ]
    assert {(t.architecture, t.task) for t in index.triples()} == {("yolov8", TASK)}


def test_triples_say_what_is_ambiguous_and_what_only_features_reach():
    fused = row("onnx", "Fused", architecture="other", requires_features={"nms_fused"})
    index = registry((GENERAL, VISION), (row(name="Rival"), STRANGER), (fused, OTHER))
    standings = {(str(t.row.implementation), t.backend): t.standing for t in index.triples()}
    assert standings["package:Family", "onnx"] == standings["package:Rival", "trt"] == "ambiguous"
    assert standings["package:Fused", "onnx"] == "used"
    preferred = {str(t.row.implementation): t.standing for t in index.triples(prefer=("stranger",))}
    assert preferred["package:Rival"] == "used"
    assert preferred["package:Family"] == "ignored"


def test_registry_is_built_from_a_host():
    class Host:
        def backends(self):
            return iter(BACKENDS)

        def models(self):
            return iter([(GENERAL, VISION)])

        def pipelines(self):
            return iter([(PipelineSpec(pipeline_id="p", implementation="a:B"), VISION)])

        def weights_providers(self):
            return iter([(WeightsProviderSpec(name="hub", factory="a:B"), VISION)])

    index = build_registry(Host())
    assert select(index).spec is GENERAL
    assert index.provider("hub").plugin == index.pipeline("p").plugin == VISION


# The order of plugins never matters

OWNERS = st.sampled_from([VISION, ONNX, TRT, STRANGER, OTHER, plugin("vision", "second")])
ROWS = st.builds(
    row,
    st.sampled_from([None, "onnx", "trt"]),
    st.sampled_from("ABC"),
    supports_features=st.sets(st.sampled_from(["x", "y"])),
    requires_features=st.sets(st.sampled_from(["x"])),
)
EXTRA_BACKENDS = st.lists(  # a plugin that names one thing twice decides by its own order
    st.tuples(
        st.sampled_from([backend("onnx"), backend("new", names=("onnx",))]), OWNERS.filter(lambda owner: owner != ONNX)
    ),
    unique_by=lambda entry: (entry[0].name, entry[1]),
)


@given(
    rows=st.lists(st.tuples(ROWS, OWNERS), max_size=7),
    extra=EXTRA_BACKENDS,
    features=st.frozensets(st.sampled_from(["x", "y"])),
    prefer=st.lists(st.sampled_from(["vision", "stranger", "onnx-dist"]), unique=True),
    data=st.data(),
)
def test_order_of_registration_never_matters(rows, extra, features, prefer, data):
    backends = [*BACKENDS, *extra]
    shuffled = registry(*data.draw(st.permutations(rows)), backends=data.draw(st.permutations(backends)))
    index = registry(*rows, backends=backends)
    for on in ("onnx", "trt", "new"):
        ours, theirs = select(index, on, features, prefer), select(shuffled, on, features, prefer)
        assert (ours.spec, ours.plugin) == (theirs.spec, theirs.plugin)
        assert set(ours.conflict) == set(theirs.conflict)
        assert set(ours.ignored) == set(theirs.ignored)
        assert (ours.spec is None) or not ours.conflict
        assert index.backend(on, prefer).plugin == shuffled.backend(on, prefer).plugin
