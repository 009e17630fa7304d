"""`greensward up`: everything for one district on one machine: broker, ingest, flags, pages."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import ExitStack
from typing import Annotated

from cyclopts import App, Parameter
from rich.markup import escape

from greensward.broker import BuiltInBroker
from greensward.broker_keeper import BrokerKeeper
from greensward.commands.list import public_url
from greensward.console import EXIT_OK, EXIT_USAGE, Common, check_port_is_free, err, examples
from greensward.given_settings import places, settings_found
from greensward.sending.channels import send_faults
from greensward.settings import Settings
from greensward.stopping import Stop
from greensward.supervise import Part, PartRefusedError, supervise
from greensward.wiring import broker_of
from ingest.errors import ConfigError
from ingest.heap import SPARING
from ingest.lake.ownership import check_not_owned_by, run_everything
from ingest.worker import PROGRAM as INGEST

app = App(name="up", help_epilogue=examples("greensward up --config greensward.toml"))


@app.default
def up(
    *,
    serve: Annotated[bool, Parameter(help="Serve the pages too.")] = True,
    common: Common | None = None,
) -> int:
    """Run everything until Ctrl-C; a part that dies is started again.

    Ends with exit code 2 for a wrong setting, 3 when the built-in broker cannot be started again, 4 when another up
    or ingest runs on the data folder, or a port is taken.
    """
    common = common or Common()
    settings = common.settings()
    look: Callable[[], None] = _nothing
    with ExitStack() as stack:
        stack.enter_context(run_everything(settings.data_folder()))
        check_not_owned_by(settings.data_folder(), INGEST)
        _say_settings(common)
        settings.place()
        if faults := send_faults(settings):
            raise ConfigError("\n".join(faults))
        if serve:
            check_port_is_free(settings.web.host, settings.web.port, "[web] port, or greensward up --no-serve")
        stop = Stop()
        environment = dict(os.environ)
        if settings.broker.host:
            broker_of(settings.broker)
            where = f"{settings.broker.host}:{settings.broker.port} (yours)"
        else:
            broker = stack.enter_context(BuiltInBroker(settings.data_folder().root / "broker", settings.broker.port))
            environment |= {
                "GREENSWARD__BROKER__HOST": broker.host,
                "GREENSWARD__BROKER__PORT": str(broker.port),
                "GREENSWARD__BROKER__MQTT_VERSION": broker.mqtt_version,
            }
            where = f"{broker.host}:{broker.port} (built in)"
            look = BrokerKeeper(broker, _say).look
        _say_where(settings, where, serve=serve)
        try:
            supervise(
                _parts(common, settings, serve=serve),
                environment,
                until=stop.is_asked,
                say=_say,
                look=look,
            )
        except PartRefusedError as error:
            err.print(f"{error} cannot run with these settings; it says why above.")
            return EXIT_USAGE
    return EXIT_OK


def _say(text: str) -> None:
    err.print(escape(text))


def _nothing() -> None:
    """Somebody else's broker is looked after by somebody else."""


def _parts(common: Common, settings: Settings, *, serve: bool) -> list[Part]:
    # Told of the data folder alone they might find another settings file than ours.
    found = settings_found(common.config, common.data).file
    shared = ["--config", str(found)] if found else []
    shared += ["--data", str(settings.data_folder().root)] if found or common.data else []
    parts = [
        Part("ingest", ["ingest", *shared], unless_set=SPARING),
        Part("flags", ["flag", "--every", str(settings.flags.every_minutes), *shared]),
    ]
    parts += [Part("pages", ["serve", *shared])] if serve else []
    messages = Part("messages", ["send", *shared], is_aside=True, has_secrets=True)
    return [*parts, messages] if settings.send else parts


def _say_settings(common: Common) -> None:
    found = settings_found(common.config, common.data).file
    looked_for = ", ".join(map(str, places(common.config, common.data)))
    err.print(escape(f"set by  {found.absolute() if found else f'no file; looked for {looked_for}'}"))


def _say_where(settings: Settings, broker: str, *, serve: bool) -> None:
    err.print(f"broker  {broker}")
    err.print(f"data    {escape(str(settings.data_folder().root))}")
    err.print(f"flags   every {settings.flags.every_minutes:g} min")
    if serve:
        err.print(f"pages   {escape(public_url(settings))} · links: greensward list --links")
    if settings.send:
        err.print(f"sends   {', '.join(settings.send)}")
    err.print("Ctrl-C ends; nothing that was acknowledged is lost.")
