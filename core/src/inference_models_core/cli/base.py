"""What every command has: lazy loading, ``--json``, ``--verbose``, ``--traceback``, and errors without tracebacks."""

from __future__ import annotations

import functools
import importlib
import os
import signal
import sys
import threading
from typing import TYPE_CHECKING, Any, NoReturn

import click

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

DEBUG_VARIABLE = "INFERENCE_MODELS_DEBUG"
INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells have it: 128 + SIGINT."""
TERMINATED = 143
"""Exit code after SIGTERM, as shells have it: 128 + SIGTERM."""
_NOT_ERRORS = (click.ClickException, click.exceptions.Exit, click.exceptions.Abort, BrokenPipeError, SystemExit)
_TRACEBACK = "inference_models_core.traceback"


class LazyGroup(click.Group):
    """A group that imports a command when it is called, so that one command never pays for the others.

    Args:
        references: Command name -> ``"module:attribute"`` of the command.
        **options: As for :class:`click.Group`.
    """

    def __init__(self, *args: Any, references: Mapping[str, str], **options: Any) -> None:
        super().__init__(*args, **options)
        self._references = references

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Names in the order of the references."""
        return list(self._references)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        """The command, imported now; ``None`` if there is none of this name."""
        if cmd_name not in self._references:
            return None
        module, _, attribute = self._references[cmd_name].partition(":")
        found: click.Command = getattr(importlib.import_module(module), attribute)
        return found

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, with a guess at what was meant."""
        if args[0] not in self._references and not args[0].startswith("-"):
            from inference_models_core.arguments import nearest

            guess = nearest(args[0], self._references)
            ctx.fail(f"No such command {args[0]!r}." + (f" Did you mean {guess!r}?" if guess else ""))
        return super().resolve_command(ctx, args)

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        **extra: Any,
    ) -> Any:
        """Runs the program; ends the process unless ``standalone_mode`` is off."""
        # We expand patterns ourselves, the same way on every system.
        extra = {"windows_expand_args": False, **extra}
        run = functools.partial(super().main, args, prog_name, complete_var, standalone_mode=False, **extra)
        return _run_to_the_end(run) if standalone_mode else run()


def _run_to_the_end(run: Callable[[], Any]) -> NoReturn:
    _never_fail_to_encode()
    terminated = _end_on_sigterm()
    try:
        code = run()
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except click.exceptions.Abort:
        click.echo("terminated" if terminated.is_set() else "interrupted", err=True)
        sys.exit(TERMINATED if terminated.is_set() else INTERRUPTED)
    sys.exit(code if isinstance(code, int) else 0)


def _end_on_sigterm() -> threading.Event:
    """Lets SIGTERM end the program as Ctrl-C does, so that downloads stop in order; the event tells them apart."""
    terminated = threading.Event()

    def end(*_: object) -> NoReturn:
        terminated.set()
        raise KeyboardInterrupt

    is_ours = threading.current_thread() is threading.main_thread()
    if is_ours and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:  # one who ignores it has a reason
        signal.signal(signal.SIGTERM, end)
    return terminated


class ReportingCommand(click.Command):
    """A command whose errors are messages and hints, not tracebacks."""

    def invoke(self, ctx: click.Context) -> Any:
        """Runs the command; an error ends the process with exit code 1."""
        from inference_models_core.plugins.calls import guarded

        outcome = guarded(functools.partial(super().invoke, ctx))
        if outcome.error is None:
            return outcome.value
        if isinstance(outcome.error, _NOT_ERRORS) or _wants_traceback(ctx):
            raise outcome.error
        from inference_models_core.cli.failures import show_error

        show_error(outcome.error, as_json=bool(ctx.params.get("as_json")))
        return ctx.exit(1)


def command(name: str) -> Callable[[Callable[..., None]], click.Command]:
    """Declares a command with the options that all have; the function gets ``as_json``."""

    def declare(function: Callable[..., None]) -> click.Command:
        declared = click.command(name, cls=ReportingCommand)(function)
        declared.params += _common_options()
        return declared

    return declare


def _never_fail_to_encode() -> None:
    """A terminal that cannot show a letter shows its escape, instead of ending the program half-way."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def _wants_traceback(ctx: click.Context) -> bool:
    return bool(ctx.meta.get(_TRACEBACK)) or os.environ.get(DEBUG_VARIABLE, "") not in ("", "0")


def _remember_traceback(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    ctx.meta[_TRACEBACK] = value


def _set_verbosity(_: click.Context, __: click.Parameter, count: int) -> None:
    from inference_models_core.cli.logs import log_to_stderr

    log_to_stderr(count)


def _common_options() -> list[click.Parameter]:
    return [
        click.Option(["--json", "as_json"], is_flag=True, help="Print the result as JSON."),
        click.Option(
            ["-v", "--verbose"],
            count=True,
            expose_value=False,
            callback=_set_verbosity,
            help="Log more; twice for everything.",
        ),
        click.Option(
            ["--traceback"],
            is_flag=True,
            expose_value=False,
            callback=_remember_traceback,
            help=f"Show where an error comes from, as {DEBUG_VARIABLE}=1 does.",
        ),
    ]
