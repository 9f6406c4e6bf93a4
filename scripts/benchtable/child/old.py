"""What the system before botctl did at each start of its bot: three sweeps by substring, each with SIGKILL and a
sleep of a fixed length."""
import os
import signal
import subprocess
import time


def sweep(pause):
    listing = subprocess.run(["ps", "-eo", "pid,args"], capture_output=True, text=True, check=True).stdout
    for line in listing.splitlines()[1:]:
        pid, _, command = line.strip().partition(" ")
        if int(pid) != os.getpid() and any(word in command for word in ("api_server", "uvicorn", "bot.py", "telegram")):
            try:
                os.kill(int(pid), signal.SIGKILL)
            except ProcessLookupError:
                pass
    time.sleep(pause)


for pause in (3, 2, 1):
    sweep(pause)

