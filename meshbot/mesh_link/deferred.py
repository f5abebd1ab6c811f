"""What `meshtastic` imports and the bot never uses is not loaded before it is used after all."""

from __future__ import annotations

import sys
from importlib.util import find_spec, module_from_spec


def defer(name: str) -> None:
    """Let `import name` succeed without running the module, which runs as soon as something in it is asked for.

    Not importlib.util.LazyLoader: to import the module a second time is enough for that one to run it.
    """
    if name in sys.modules:
        return
    spec = find_spec(name)
    # not installed: an import fails as usual
    if spec is None or spec.loader is None:
        return
    loader, module = spec.loader, module_from_spec(spec)

    def run(attribute: str) -> object:
        del vars(module)["__getattr__"]
        loader.exec_module(module)
        return getattr(module, attribute)

    # PEP 562
    vars(module)["__getattr__"] = run
    sys.modules[name] = module
