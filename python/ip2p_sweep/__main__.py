"""Start `ip2p`, which lies in the scripts folder of this package's environment."""

import os
import subprocess
import sys
import sysconfig
from pathlib import Path


def program() -> Path:
    """The program of this installation: in the environment, in the user's own folder, or where `--target` put it."""
    name = "ip2p" + sysconfig.get_config_var("EXE")
    user = "nt_user" if os.name == "nt" else "osx_framework_user" if sys.platform == "darwin" else "posix_user"
    folders = [
        Path(sysconfig.get_path("scripts")),
        Path(sysconfig.get_path("scripts", scheme=user)),
        Path(__file__).parent.parent / "bin",
    ]
    for folder in folders:
        if (folder / name).is_file():
            return folder / name
    sys.exit(f"error: {name} is in none of {', '.join(map(str, folders))}\nhint: install ip2p-sweep again")


def main() -> int:
    """Replace this process by the program; where that cannot be done, run it and hand on its exit code."""
    path = program()
    arguments = [str(path), *sys.argv[1:]]
    if os.name == "nt":
        return subprocess.run(arguments, check=False).returncode
    os.execv(path, arguments)


if __name__ == "__main__":
    sys.exit(main())
