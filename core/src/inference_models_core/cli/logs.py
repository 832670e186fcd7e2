"""The library's log on standard error."""

from __future__ import annotations

import logging

from inference_models_core.cli.output import echo_log

_LEVELS = (logging.WARNING, logging.INFO, logging.DEBUG)
_LOGGER = logging.getLogger("inference_models")


class _EchoHandler(logging.Handler):
    """Writes to what standard error is at that moment: a progress bar may have put itself in between."""

    def emit(self, record: logging.LogRecord) -> None:
        echo_log(record.levelname.lower(), self.format(record))


def log_to_stderr(verbosity: int) -> None:
    """Shows the library's log; replaces what an earlier call set up.

    Args:
        verbosity: 0 for warnings, 1 for information, 2 for everything.
    """
    for handler in [each for each in _LOGGER.handlers if isinstance(each, _EchoHandler)]:
        _LOGGER.removeHandler(handler)
    _LOGGER.addHandler(_EchoHandler())
    _LOGGER.setLevel(_LEVELS[min(verbosity, len(_LEVELS) - 1)])
