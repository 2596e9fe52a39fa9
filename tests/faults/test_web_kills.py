"""A web process is killed while people send: what was answered is there, once and in order."""

from tests.faults.conftest import Judge
from tests.faults.history import History
from tests.faults.rig import WEBS, Cluster
from tests.faults.senders import Load, Log, Person
from tests.running import wait_until


def test_nothing_is_lost_when_web_processes_are_killed(cluster: Cluster, log: Log, judge: Judge) -> None:
    ada, bob = Person(cluster.urls, "ada"), Person(cluster.urls, "bob")
    chat = ada.group(bob)
    with Load(log, [(ada, chat), (bob, chat)] * 3, each_per_second=5) as load:
        for name in WEBS:
            load.flow(20)
            cluster.kill(name)
            cluster.restart(name)
    wait_until(lambda: not cluster.untold(), "everything is told")
    judge("web killed under load", len(WEBS), History(tuple(log.attempts), tuple(cluster.dump())))
