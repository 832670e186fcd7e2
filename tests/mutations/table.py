"""What is broken, where, and which tests have to notice."""

from __future__ import annotations

from typing import NamedTuple


class Mutation(NamedTuple):
    """One way to break the code.

    Attributes:
        name: In words.
        file: Below the root of the repository.
        old: Text that stands there exactly once.
        new: What is put in its place.
        tests: Arguments for pytest; the run must fail.
    """

    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]


_CORE = "core/src/inference_models_core"
_DOWNLOAD = "core/tests/download"
_STORE = "core/tests/store"
_POWER = ("tests/reliability/test_power_loss.py",)
_FAULTS = (f"{_DOWNLOAD}/test_faults.py",)
_RESUME = (f"{_DOWNLOAD}/test_resume.py",)
_SECRETS = ("tests/test_secrets.py",)
_HOSTILE = ("tests/test_hostile_packages.py",)

MUTATIONS = (
    Mutation("a file is not synced", f"{_CORE}/download/engine.py", "        files.sync(part.fd)\n", "", _POWER),
    Mutation(
        "the folder of a blob is not synced",
        f"{_CORE}/store/blobs.py",
        "            files.sync_folder(path.parent)\n",
        "",
        (f"{_STORE}/test_durability.py",),
    ),
    Mutation(
        "the folder of a package is not synced",
        f"{_CORE}/store/placing.py",
        "        files.sync_folder(folder.parent)\n",
        "",
        (f"{_STORE}/test_durability.py",),
    ),
    Mutation(
        "a body may be longer than promised",
        f"{_CORE}/download/stream.py",
        "elif end > expected:",
        "elif False:",
        _FAULTS,
    ),
    Mutation(
        "no file is too large",
        f"{_CORE}/download/answers.py",
        "if size > job.limits.max_size:",
        "if False:",
        _FAULTS,
    ),
    Mutation("no If-Range", f"{_CORE}/download/answers.py", 'headers["If-Range"] = condition', "pass", _RESUME),
    Mutation(
        "donors are cut off when they are opened",
        f"{_CORE}/store/files.py",
        "(os.O_RDWR if writable else os.O_RDONLY) | _COMMON",
        "os.O_RDWR | os.O_TRUNC | _COMMON",
        _RESUME,
    ),
    Mutation(
        "all downloads of a file share one part",
        f"{_CORE}/download/parts.py",
        "-{os.urandom(8).hex()}{SUFFIX}",
        "-shared{SUFFIX}",
        (*_RESUME, "tests/reliability/test_crowds.py"),
    ),
    Mutation(
        "a part that is there already is opened",
        f"{_CORE}/store/files.py",
        "os.O_RDWR | os.O_CREAT | os.O_EXCL | _COMMON",
        "os.O_RDWR | os.O_CREAT | _COMMON",
        (f"{_STORE}/test_planted.py", "core/tests/resolution/test_scope.py"),
    ),
    Mutation(
        "published before it is verified",
        f"{_CORE}/download/engine.py",
        "        if not mismatch:\n",
        "        if True:\n",
        ("core/tests/artifacts", *_FAULTS),
    ),
    Mutation(
        "renamed before its size is looked at",
        f"{_CORE}/store/blobs.py",
        "        if found != size:\n",
        "        if False:\n",
        (f"{_STORE}/test_blobs.py",),
    ),
    Mutation(
        "URLs are logged",
        f"{_CORE}/download/answers.py",
        "        return job.client.open(url, headers=headers)\n",
        '        __import__("logging").getLogger("inference_models").debug("asking %s", url)\n'
        "        return job.client.open(url, headers=headers)\n",
        (*_SECRETS, "-k", "the_way_of_a_key"),
    ),
    Mutation(
        "URLs show themselves",
        f"{_CORE}/download/sources.py",
        "        return repr(redacted(self))\n",
        "        return str.__repr__(self)\n",
        (*_SECRETS, "-k", "failures_show_nothing and expired"),
    ),
    Mutation(
        "the key stays text",
        f"{_CORE}/auto_model.py",
        "        api_key = to_optional_secret(api_key)",
        "        pass",
        (*_SECRETS, "-k", "wrong_arguments"),
    ),
    Mutation(
        "secrets print themselves",
        f"{_CORE}/types/secrets.py",
        "return \"Secret('***')\"",
        "return self._value",
        (*_SECRETS, "-k", "failures_show_nothing and refused"),
    ),
    Mutation(
        "credentials are scoped by a plain hash",
        f"{_CORE}/resolution/scope.py",
        'hmac.digest(key, b"".join([_prefixed(text) for text in texts]), "sha256").hex()',
        '__import__("hashlib").sha256(b"".join([_prefixed(text) for text in texts])).hexdigest()',
        ("core/tests/resolution/test_scope.py",),
    ),
    Mutation(
        "every provider is trusted",
        f"{_CORE}/providers/asking.py",
        "trusted = spec.embedded or spec.name in settings.configured_providers()",
        "trusted = True",
        _HOSTILE,
    ),
    Mutation(
        "code needs no consent",
        f"{_CORE}/negotiation/trust.py",
        "    if entry in request.options.trusted_code:\n",
        "    if True:\n",
        _HOSTILE,
    ),
    Mutation(
        "a class in a package needs no consent",
        f"{_CORE}/negotiation/trust.py",
        "package.local_code is None or request.allow_local_code_packages:\n        return None\n    reason",
        "True:\n        return None\n    reason",
        _HOSTILE,
    ),
    Mutation(
        "an id may be a folder here",
        f"{_CORE}/reference.py",
        "if _PATH.match(text) or",
        'if _PATH.match(text) or Path(text, "model_config.json").exists() or',
        ("tests/test_ids_and_paths.py",),
    ),
    Mutation(
        "addresses are not checked",
        f"{_CORE}/network/policy.py",
        "    if origin not in policy.origins:\n        for address",
        "    if False:\n        for address",
        ("core/tests/network/test_policy.py",),
    ),
    Mutation(
        "headers follow redirects",
        f"{_CORE}/network/client.py",
        "            if following.origin != location.origin:\n",
        "            if False:\n",
        ("core/tests/network/test_redirects.py",),
    ),
    Mutation(
        "offline is ignored",
        f"{_CORE}/network/client.py",
        "        if self._offline or offline_mode():\n",
        "        if False:\n",
        ("core/tests/network", f"{_DOWNLOAD}/test_retries.py"),
    ),
    Mutation(
        "a package is believed whatever its stamp",
        f"{_CORE}/store/reading.py",
        "if stamps is None or stamps != current:",
        "if stamps is None:",
        (f"{_STORE}/test_packages.py",),
    ),
    Mutation(
        "a stale choice is removed before there is a new one",
        f"{_CORE}/resolution/choices.py",
        "return None if is_stale and not allow_stale else",
        "return self._path(str(key)).unlink() if is_stale and not allow_stale else",
        ("core/tests/resolution/test_choices.py", "core/tests/artifacts"),
    ),
    Mutation(
        "everybody may write the cache",
        f"{_CORE}/store/root.py",
        "    if found.st_mode & stat.S_IWOTH:\n",
        "    if False:\n",
        (f"{_STORE}/test_root.py", "core/tests/artifacts"),
    ),
    Mutation(
        "external data may be a link",
        "plugins/inference-models-onnx/src/inference_models_onnx/layout.py",
        "    return all(",
        "    return True or all(",
        ("tests/test_external_data_layouts.py",),
    ),
)
