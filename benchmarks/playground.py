"""The frame rate of `throughtime play` while it trains, in Chromium without a window.

A frame is five steps of Adam and all four pictures. `paced` counts the frames of a browser that
draws in step with its display, `work` is the time of a frame's own work.
"""

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

from machine import machine

from throughtime.lecture.playground import write_playground

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "tests"))

from browser import tab  # noqa: E402
from pages import BROWSER  # noqa: E402

WORK = """(() => {
  const times = [];
  for (let i = 0; i < 100; i++) {
    const start = performance.now();
    for (let k = 0; k < 5; k++) play.training.step(0.01);
    play.show();
    times.push(performance.now() - start);
  }
  return times.sort((a, b) => a - b);
})()"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=10, help="how long frames are counted")
    seconds = parser.parse_args().seconds
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "playground.html")
        write_playground(path)
        found: dict = {"bytes": path.stat().st_size}
        with tab(BROWSER, Path(folder, "profile")) as page:
            page.open(path, 1100, 900)
            work = page.ask(WORK)
            page.ask("document.getElementById('train').click()")
            first, start = page.ask("play.frames"), time.perf_counter()
            time.sleep(seconds)
            frames, passed = page.ask("play.frames") - first, time.perf_counter() - start
    found |= {"paced": frames / passed, "work": {"median": work[50], "least": work[0]}}
    print(f"{found['bytes'] / 1000:.1f} kB, {found['paced']:.1f} frames a second,")
    print(f"a frame's work {work[50]:.1f} ms (median), {work[0]:.1f} ms (least)")
    result = HERE / "results" / "playground.json"
    result.write_text(json.dumps(machine() | found, indent=1) + "\n")


if __name__ == "__main__":
    main()
