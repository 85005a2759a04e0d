"""All kernels compiled for a card at once, as a first run would one after another: python compiled.py [--device N]"""

import argparse
import os
import time
from concurrent.futures import ThreadPoolExecutor

from spa.gpu.compile import ROOT, cubin
from spa.gpu.device import open_device


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cuda")
    capability, start = open_device(parser.parse_args().device).capability, time.perf_counter()
    sources = sorted((ROOT / "spa").glob("**/*.cu"))
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(lambda source: cubin(source, capability), sources))
    print(f"{len(sources)} files of kernels compiled in {time.perf_counter() - start:.1f} s")


if __name__ == "__main__":
    main()
