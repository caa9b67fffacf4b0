"""Measures a scene of one model: every contender once a round, in turns, so that a busy machine slows all of them."""

import contextlib

import machine
from contenders import Native, Peer
from rows import setting

PEER = "llama.cpp"


def contender(name, model, scene, arguments, playwright):
    """Starts one, loaded and ready."""
    chosen = setting(scene, model.is_large)
    if name == PEER:
        return Peer(model.path, chosen, arguments.threads)
    if name in ("tab", "tab-one"):
        from tab import Tab
        return Tab(playwright, arguments.site, model.path, chosen, arguments.threads, isolated=name == "tab",
                   device=arguments.device, flags=arguments.chromium)
    options = {"native": [], "repeat": ["--scenario", "repeat"], "forced-repeat": ["--scenario", "forced-repeat"]}.get(
        name, ["--instruction-set", name])
    return Native(arguments.program, model.path, chosen, arguments.threads, *options)


def scene(name, contenders, model, arguments, playwright, report):
    """The figures of each round: {contender: [{"prefill": …, "decode": …}, …]}. What does not start is left out, aloud."""
    found = {}
    with contextlib.ExitStack() as stack:
        running = {}
        for each in [PEER, *contenders]:
            try:
                running[each] = contender(each, model, name, arguments, playwright)
            except Exception as error:
                report(f"SKIPPED: {model.name}, {each}: {str(error).splitlines()[0]}")
                continue
            stack.callback(running[each].close)
        if PEER not in running or len(running) < 2:
            return found
        with machine.busy_core() if name == "busy" else contextlib.nullcontext():
            # The first round reads the file into memory and warms up; it does not count.
            for round in range(arguments.rounds + 1):
                for each, runner in list(running.items()):
                    try:
                        figures = runner.measure()
                    except Exception as error:
                        report(f"SKIPPED: {model.name}, {each}: {str(error).splitlines()[0]}")
                        del running[each]
                        found.pop(each, None)
                        continue
                    if round > 0:
                        found.setdefault(each, []).append(figures)
    return found
