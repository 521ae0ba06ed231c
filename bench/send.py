"""Sending, measured part by part: `python bench/send.py [PART [mails] [rounds]]`; without a part, all of them.

Parts: render, smtp, whole, guards, ledger, plan, rotate, providers, memory. Each runs its peers in the same rounds and
prints ratios.
POSTFIX is the folder into which `dpkg -x postfix_*.deb` unpacked Debian's package, NODE_PATH the folder of nodemailer;
without them those peers are left out.
"""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from pathlib import Path

HERE = Path(__file__).parent


def main() -> None:
    parts = sorted(path.stem for path in (HERE / "send_parts").glob("[a-z]*.py"))
    if len(sys.argv) == 1:
        for part in parts:  # a process each: what one part loads must not count for the next
            print(f"== {part}", flush=True)
            subprocess.run([sys.executable, __file__, part], check=True)
        return
    part = sys.argv.pop(1)
    if part not in parts:
        sys.exit(f"{__doc__}\nThere is no part {part!r}, but: {', '.join(parts)}.")
    import_module(f"send_parts.{part}").main()


if __name__ == "__main__":
    main()
