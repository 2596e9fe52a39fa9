"""How long a 12 MP photo takes on a whole run from upload to ready, and how much memory its worker takes.

`python -m benchmarks.pictures`: beside each figure what bare means take in the same run, one after the other: the same
bytes into the same MongoDB, and one Pillow process that decodes, shrinks and encodes. Memory is read on Linux only.
"""

import io
import json
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path
from statistics import median

from gridfs import GridFSBucket
from PIL import Image
from pymongo import MongoClient

from benchmarks.sending import Client
from infitalks.integrations.pictures import LONGEST_SIDE
from tests.running import descendants
from tests.whole import WholeRun

TIMES, WIDTH, HEIGHT = 9, 4000, 3000
CHILD, WORKER = "infitalks.integrations.pictures", "-n pictures@"


def photo() -> bytes:
    """As from a camera: large areas, and some noise everywhere."""
    plain = Image.linear_gradient("L").resize((WIDTH, HEIGHT))
    bands = [Image.blend(plain.rotate(turn), Image.effect_noise((WIDTH, HEIGHT), 60), 0.15) for turn in (0, 90, 180)]
    exif, out = Image.Exif(), io.BytesIO()
    exif.get_ifd(0x8825).update({1: "N", 2: (52.0, 31.0, 12.0)})
    Image.merge("RGB", bands).save(out, "JPEG", quality=90, exif=exif)
    return out.getvalue()


def peak(pid: int | str) -> float:
    """The most memory that a process has had so far, in MB; 0 where it is gone."""
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    return 0.0


class Memory(threading.Thread):
    """Looks for the worker's processes and their children, and keeps each one's peak."""

    def __init__(self, run: WholeRun) -> None:
        super().__init__(daemon=True)
        self.pool = [pid for pid, command in descendants(run.process.pid) if WORKER in command]
        self.peaks: dict[str, float] = {"worker": 0.0, "child": 0.0}
        self.over = threading.Event()

    def run(self) -> None:
        while not self.over.wait(0.003):
            for pid in self.pool:
                self.peaks["worker"] = max(self.peaks["worker"], peak(pid))
                for child in self.children(pid):
                    self.peaks["child"] = max(self.peaks["child"], peak(child))

    def children(self, pid: int) -> list[str]:
        with suppress(OSError):
            found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
            return [each for each in found if CHILD in self.command(each)]
        return []

    def command(self, pid: str) -> str:
        with suppress(OSError):
            return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
        return ""


def upload(ada: Client, data: bytes) -> tuple[float, float]:
    """Seconds until the upload was answered, and until the picture was ready."""
    begin = time.perf_counter()
    media = ada.call("POST", "/api/media", files={"file": ("sky.jpg", data)})["id"]
    answered = time.perf_counter() - begin
    while (state := ada.call("GET", f"/api/media/{media}")["state"]) == "processing":
        time.sleep(0.005)
    assert state == "ready", state
    return answered, time.perf_counter() - begin


def spool(bucket: GridFSBucket, data: bytes) -> float:
    begin = time.perf_counter()
    bucket.upload_from_stream("bare", data)
    return time.perf_counter() - begin


def bare_process(data: bytes) -> tuple[float, float]:
    command = [sys.executable, "-m", "benchmarks.bare_picture", str(LONGEST_SIDE)]
    seconds, memory = json.loads(subprocess.run(command, input=data, capture_output=True, check=True).stdout)
    return seconds, memory


def show(name: str, seconds: list[float]) -> None:
    print(f"{name:58}{median(seconds) * 1e3:9.0f}{max(seconds) * 1e3:9.0f} ms")


def main() -> None:
    data = photo()
    with tempfile.TemporaryDirectory() as folder:
        run = WholeRun(Path(folder))
        try:
            ada = Client(run.url, "ada")
            ports = json.loads((Path(folder) / "data" / "ports.json").read_text())
            store = MongoClient(f"mongodb://127.0.0.1:{ports['mongod']}", w="majority", journal=True)["limit"]
            upload(ada, data)  # the first one starts what is started when it is needed
            memory = Memory(run)
            memory.start()
            ours = [upload(ada, data) for _ in range(TIMES)]
            memory.over.set()
            limits = [(spool(GridFSBucket(store), data), *bare_process(data)) for _ in range(TIMES)]
        finally:
            run.stop()
    print(
        f"JPEG of {WIDTH * HEIGHT / 1e6:.0f} MP, {len(data) / 1e6:.1f} MB, {TIMES} times{'':21}{'median':>9}{'most':>9}"
    )
    show("upload answered", [answered for answered, _ in ours])
    show("  bare: the same bytes into the same MongoDB", [spooled for spooled, _, _ in limits])
    show("ready, from the beginning of the upload", [ready for _, ready in ours])
    show("  bare: decode, shrink and encode in one process", [seconds for _, seconds, _ in limits])
    show("  bare: both", [spooled + seconds for spooled, seconds, _ in limits])
    print(f"{'worker, peak of its processes':58}{memory.peaks['worker']:9.0f} MB")
    print(f"{'  its child that reads the picture, peak':58}{memory.peaks['child']:9.0f} MB")
    print(f"{'  bare: peak of that one process':58}{max(peak for _, _, peak in limits):9.0f} MB")


if __name__ == "__main__":
    main()
