"""`infitalks run`: the whole product on one machine, from the first port check to the last process gone.

Not for: production, where the host's own service manager starts `wsgi:app` and `celery -A worker`.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

from infitalks.local import services
from infitalks.local.console import Console
from infitalks.local.environment import Environment, prepare
from infitalks.local.lock import hold
from infitalks.local.mongod import mongod
from infitalks.local.ports import is_free
from infitalks.local.process import Service, ServiceError
from infitalks.local.supervisor import Supervisor, first
from infitalks.local.valkey import valkey
from infitalks.local.watchdog import Watchdog
from infitalks.settings import Settings

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def main(settings: Settings, environ: Mapping[str, str] = os.environ) -> int:
    """Run until told to stop. Returns 0 after an orderly stop, else 1 after a line that says why."""
    try:
        with hold(settings.data.resolve()) as lock:
            run = prepare(settings, environ)
            check_ports(run)
            forget_figures(run)
            asyncio.run(_run(run, Console(environ), Watchdog(hold=(lock,))))
    except ServiceError as error:
        print(f"InfiTalks cannot run: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:  # before anything was started
        return 1
    return 0


def check_ports(run: Environment) -> None:
    """Raise ServiceError, before anything is started, where somebody else listens on a port of ours."""
    if not is_free(run.host, run.port):
        raise ServiceError(
            f"port {run.port} on {run.host} is in use by another program. "
            f"Stop that one, or choose another port: INFITALKS_PORT={run.port + 1}"
        )
    for name, port in run.stand_ins.items():
        if not is_free(run.host if name == "gateway" else "127.0.0.1", port):
            raise ServiceError(
                f"port {port}, kept for {name}, is in use by another program. Stop that one, or delete "
                f"{run.data / 'ports.json'} to have new ports chosen (open pages then need a reload)."
            )


def forget_figures(run: Environment) -> None:
    """What the processes of earlier runs counted; a file is left by each of them."""
    for file in Path(run.variables["PROMETHEUS_MULTIPROC_DIR"]).glob("*.db"):
        file.unlink()


def stores(run: Environment) -> list[Service]:
    """The stores, each unless the operator gave its URL, in the order of their start."""
    ports = run.stand_ins
    wanted = []
    if "mongod" in ports:
        wanted.append(mongod(ports["mongod"], run.data / "mongod"))
    if "redis" in ports:
        wanted.append(valkey(ports["redis"], run.data / "redis"))
    if "media" in ports:
        wanted.append(services.media(ports["media"], run.data / "media", run.variables))
    return wanted


def product(run: Environment) -> list[Service]:
    """What needs the stores, in the order of its start."""
    gateway = run.stand_ins.get("gateway")
    return [
        services.worker("realtime", "realtime", 2, run.variables),
        # Threads: receivers that hang cost little, and none of them waits for another's.
        services.worker("webhooks", "webhooks", 16, run.variables, threads=True),
        services.worker("pictures", "media,maintenance", 1, run.variables),
        services.beat(run.data / "beat", run.variables),
        *([services.gateway(run.host, gateway, run.web, run.variables)] if gateway else []),
        services.web(run.host, run.port, run.variables),
    ]


async def _run(run: Environment, console: Console, watchdog: Watchdog) -> None:
    supervisor = Supervisor(console, watchdog)
    told_to_stop = _stop_on_signals(supervisor, console)
    try:
        await first(_serve(run, supervisor, console), told_to_stop.wait())
    finally:
        await supervisor.stop()
        watchdog.close()
    console.say("InfiTalks has stopped.")


async def _serve(run: Environment, supervisor: Supervisor, console: Console) -> None:
    await supervisor.start(stores(run))
    await supervisor.run(services.upgrade(run.variables))
    await supervisor.start(product(run))
    console.say(f"InfiTalks is ready: {run.variables['PUBLIC_URL']}")
    await supervisor.watch()


def _stop_on_signals(supervisor: Supervisor, console: Console) -> asyncio.Event:
    """The first signal stops in order; a Ctrl-C after it kills."""
    told = asyncio.Event()

    def stop(number: signal.Signals) -> None:
        if told.is_set() and number == signal.SIGINT:
            supervisor.kill()
        elif not told.is_set():
            console.say("Stopping. Ctrl-C again kills.")
            told.set()

    for number in STOP_SIGNALS:
        asyncio.get_running_loop().add_signal_handler(number, stop, number)
    return told
