"""Serve the routes at a free port, and let the application talk to them."""

import subprocess
import sys
from pathlib import Path

from app import ask

ROUTES = Path(__file__).parent / "trunkline.yaml"

serve = [sys.executable, "-m", "trunkline", "serve", str(ROUTES), "--port", "0"]
with subprocess.Popen(serve, stderr=subprocess.PIPE, text=True) as server:
    listening = server.stderr.readline()  # listening at http://127.0.0.1:…; Ctrl-C stops
    base_url = listening.removeprefix("listening at ").partition(";")[0]
    for _ in range(3):
        print(ask(base_url, "How is it going?"))
    server.terminate()
