"""The least that has to be done to a photo, in a process of its own: the limit that benchmarks/pictures.py prints.

Photo on standard input; on standard output, as JSON, the seconds and the process's peak of memory in MB (Linux).
"""

import io
import json
import sys
import time
from pathlib import Path

from PIL import Image

if __name__ == "__main__":
    side, data = int(sys.argv[1]), sys.stdin.buffer.read()
    begin, out = time.perf_counter(), io.BytesIO()
    image = Image.open(io.BytesIO(data))
    image.thumbnail((side, side), Image.Resampling.LANCZOS)
    image.save(out, "JPEG", quality=85, optimize=True, progressive=True)
    seconds = time.perf_counter() - begin
    status = Path("/proc/self/status").read_text()
    print(json.dumps([seconds, int(status.partition("VmHWM:")[2].split()[0]) / 1024]))
