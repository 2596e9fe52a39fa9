"""Who may read the figures, and what they say while a store is away. What they are: tests/monitoring."""

import pytest
from flask import Flask

from infitalks.actions import gauges
from infitalks.blueprints import tracing
from infitalks.settings import SettingsError, load_settings
from tests.running import Running

TOKEN = "a-token-of-24-characters"
PRODUCTION = {"INFITALKS_MODE": "production"}


def answered(app: Flask, headers: dict[str, str] | None = None, address: str = "127.0.0.1") -> int:
    asked = app.test_client().get("/metrics", headers=headers, environ_base={"REMOTE_ADDR": address})
    return asked.status_code


@pytest.fixture
def told(app: Flask, stores_environ: dict[str, str], monkeypatch: pytest.MonkeyPatch):
    """`told(NAME="value")`: the app as it is with these settings more."""
    return lambda **more: monkeypatch.setitem(app.extensions, "settings", load_settings({**stores_environ, **more}))


def test_without_a_token_this_machine_alone_may_read_and_nobody_through_a_proxy(app: Flask) -> None:
    assert (answered(app), answered(app, address="::1")) == (200, 200)
    assert answered(app, address="192.0.2.7") == 404
    for header in ("X-Forwarded-For", "X-Real-IP", "Forwarded", "Via"):
        assert answered(app, {header: "127.0.0.1"}) == 404


def test_in_production_nobody_reads_without_the_token_since_a_proxy_may_not_say_that_it_is_one(
    app: Flask, told
) -> None:
    told(**PRODUCTION)
    assert answered(app) == 404
    told(**PRODUCTION, INFITALKS_METRICS_TOKEN=TOKEN)
    assert answered(app) == answered(app, {"Authorization": f"Bearer {TOKEN}x"}) == 404
    assert answered(app, {"Authorization": "Bearer ä"}) == 404
    right = {"Authorization": f"Bearer {TOKEN}", "X-Forwarded-For": "192.0.2.7"}
    assert answered(app, right, "192.0.2.7") == 200


@pytest.mark.parametrize("listen", ["9465", "localhost:9465", "127.0.0.1:0", "127.0.0.1:99999", "127.0.0.1:x"])
def test_workers_listen_at_an_address_and_a_port(listen: str) -> None:
    with pytest.raises(SettingsError, match="INFITALKS_METRICS_LISTEN"):
        load_settings({"INFITALKS_METRICS_LISTEN": listen})


def test_workers_answer_other_machines_only_where_there_is_a_token() -> None:
    assert load_settings({"INFITALKS_METRICS_LISTEN": "[::1]:9465"}).metrics_listen
    with pytest.raises(SettingsError, match="set INFITALKS_METRICS_TOKEN"):
        load_settings({"INFITALKS_METRICS_LISTEN": "0.0.0.0:9465"})
    everywhere = {"INFITALKS_METRICS_LISTEN": "0.0.0.0:9465", "INFITALKS_METRICS_TOKEN": TOKEN}
    assert load_settings(everywhere).metrics_listen
    with pytest.raises(SettingsError, match="INFITALKS_METRICS_TOKEN"):
        load_settings({"INFITALKS_METRICS_TOKEN": "short"})


@pytest.fixture
def hung(mongod_process: Running, redis_process: Running, monkeypatch: pytest.MonkeyPatch):
    """`hung("mongod")`: it is there and says nothing, until the test ends."""
    stores = {"mongod": mongod_process, "redis": redis_process}

    def hang(name: str) -> None:
        stores[name].pause()
        monkeypatch.setattr(gauges, "_kept_until", 0.0)

    yield hang
    for store in stores.values():
        store.resume()
    monkeypatch.setattr(gauges, "_kept_until", 0.0)


def test_what_is_looked_up_in_a_store_that_hangs_is_left_out_and_the_rest_is_told(app: Flask, hung) -> None:
    def lines() -> list[str]:
        return app.test_client().get("/metrics").text.splitlines()

    whole = lines()
    assert 'infitalks_up{store="mongodb"} 1.0' in whole and 'infitalks_up{store="redis"} 1.0' in whole
    for figure in ('infitalks_outbox_entries{state="dead"}', 'infitalks_queue_tasks{queue="media"}'):
        assert [line for line in whole if line.startswith(figure)], figure
    hung("mongod")
    rest = lines()
    assert 'infitalks_up{store="mongodb"} 0.0' in rest and 'infitalks_up{store="redis"} 1.0' in rest
    assert not [
        line for line in rest if line.startswith(("infitalks_outbox", "infitalks_deliveries", "infitalks_pict"))
    ]
    ready = app.test_client().get("/readyz")
    assert (ready.status_code, ready.json["parts"]) == (503, {"mongodb": False, "redis": True})
    hung("redis")
    nothing = lines()
    assert 'infitalks_up{store="redis"} 0.0' in nothing
    assert not [line for line in nothing if line.startswith("infitalks_queue")]
    assert [line for line in nothing if line.startswith("infitalks_http_requests_total")]
    assert app.test_client().get("/healthz").status_code == 200


def test_a_requests_id_is_a_proxys_where_it_is_well_formed_and_else_made() -> None:
    def named(hops: int, given: str) -> str:
        app = Flask("bare")
        tracing.watch(app, load_settings({"PROXY_HOPS": str(hops)}))
        return app.test_client().get("/", headers={"X-Request-ID": given}).headers["X-Request-ID"]

    assert named(1, "proxy-4711.a_b") == "proxy-4711.a_b"
    for hops, given in ((0, "proxy-4711.a_b"), (1, "short"), (1, "x" * 41), (1, "two words here"), (1, 'quote"4711')):
        made = named(hops, given)
        assert made != given and len(made) == 16
