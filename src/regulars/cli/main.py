"""The command `regulars`: finds the module of a verb only when the verb is typed, so that help answers at once."""

from __future__ import annotations

import atexit
import gc
import importlib
import os
import sys
import traceback
from typing import Any

import click

from regulars.later import hidden

COMMANDS = {
    "init": "Start a project in a folder.",
    "demo": "See everything work on an example gym, in a folder of its own.",
    "check": "Validate the project's files and run the examples inside them.",
    "doctor": "Check credentials, packages, disk, clock and stores.",
    "config": "Show the configuration as it is read, and where each value comes from.",
    "pull": "Fetch from one or all sources, and stop there.",
    "run": "Do everything that is due, from pulling what is new to checking the data.",
    "rebuild": "Make every derived table again from what was landed.",
    "backfill": "Pull a span of the past from one source.",
    "customer": "Show one customer: who, profiles, segments, money, timeline.",
    "connections": "Show who comes with whom: of a customer, a community, or at a glance.",
    "review": "Answer who is one person and who is not; every answer is kept and can be taken back.",
    "explain": "Say why a customer is in a segment, or why not.",
    "segment": "List segments and their members; replay one over the past.",
    "experiment": "Plan, rehearse, read and decide experiments.",
    "campaign": "Write, plan, send, watch and stop campaigns; read their account.",
    "flow": "Read flows, try, explain, pause and judge them.",
    "consent": "Show, write down, bring in and prove consent; leave people alone.",
    "forget": "Let one person leave every store, with a proof; search for who was forgotten.",
    "purge": "Let events or a property of them leave every store, by name or time, with a proof.",
    "quarantine": "Show the rows that were set aside, why, and how to repair them.",
    "plan": "Draft and try tracking plans: what the messages of a door are to look like.",
    "webhook": "Show deliveries of providers, and hand on again what could not be handed on.",
    "key": "Make, list and revoke the keys of programs that ask over HTTP.",
    "person": "Invite people who log in, list them, change what they may do, give them a new link.",
    "serve": "Answer applications and people over HTTP: flags, events, the REST API, pages.",
    "report": "Write the report: terminal tables and a self-contained page.",
    "export": "Write tables as CSV or Parquet in the reference layout.",
}
"""Every verb and its one sentence, in the order of the flow. Its module is `regulars.cli.<verb>_command`."""


class Verbs(click.Group):
    """A group that imports a command's module only when that command is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  click's signature
        """Return the verbs in the order of the flow."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002  click's signature
        """Import and return one verb."""
        if cmd_name not in COMMANDS:
            return None
        with hidden("rich"):                 # which logs would take along for tracebacks in colour: a tenth of a second
            from regulars.cli.logs import configure_logs, is_debug  # noqa: PLC0415  help of all verbs needs no logs

        configure_logs(debug=is_debug())
        module = importlib.import_module(f"regulars.cli.{cmd_name}_command")
        command = module.command
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the verb, or say which one was probably meant."""
        from regulars.check import did_you_mean  # noqa: PLC0415  only on the way to an error

        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            raise click.UsageError(f"there is no command {args[0]!r}; {did_you_mean(args[0], COMMANDS)}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write the verbs without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.command(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="regulars", prog_name="regulars")
def main_group() -> None:
    """Customers, segments, experiments and campaigns for businesses that know their customers by name."""


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; errors end with the next thing to type and an honest exit code."""
    # What is imported stays until the end, 300,000 objects of it for a run: to look for garbage there is in vain.
    gc.set_threshold(400_000, 20, 50)
    # Nor at the end: taking all of it apart, when the process goes anyway, is as long as a third of its import.
    atexit.register(gc.freeze)
    options: dict[str, Any] = {"args": arguments, "prog_name": "regulars", "standalone_mode": False}
    try:
        code = main_group(**options)
        sys.stdout.flush()
    except click.exceptions.Exit as exit_:
        code = exit_.exit_code
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("Stopped. What was done is kept; type the same command to go on.", err=True)
        code = 130
    except BrokenPipeError:
        # Whoever read us (`regulars segment | head`) has seen enough; the interpreter must not flush again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 141
    except Exception as error:  # noqa: BLE001  the last door: everything is said in one line, and nothing is swallowed
        code = _said(error)
    sys.exit(code if isinstance(code, int) else 0)


def _said(error: Exception) -> int:
    """Say an error on stderr and return the exit code it is worth."""
    from regulars.cli.logs import DEBUG, is_debug  # noqa: PLC0415  only on the way to an error
    from regulars.cli.screen import show_error  # noqa: PLC0415
    from regulars.errors import RegularsError  # noqa: PLC0415

    if is_debug():
        traceback.print_exception(error)
    if isinstance(error, RegularsError):
        show_error(error)
        return error.exit_code
    kind = "" if isinstance(error, OSError) else f"{type(error).__name__}: "
    show_error(RegularsError(
        f"{kind}{error}", hint="" if is_debug() else f"{DEBUG}=1 in front of the command shows where it happened"
    ))
    return 1
