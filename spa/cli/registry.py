"""The plugins there are: loaded one by one, so that a bad one is named and left out, and never stops the program."""

import importlib
import os
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import pluggy

from spa.cli import discovery, hookspecs
from spa.cli.discovery import Entry
from spa.installed import normal
from spa.plug import Job

HOST_WORDS = ("plugins", "doctor", "completion", "manpages")
SPECS = tuple(name for name in vars(hookspecs) if name.startswith("spa_"))


class BadPlugin(Exception):
    """Why a plugin is left out, in one line."""


@dataclass
class Plugin:
    """One entry point as it was met: its jobs, or what is wrong with it."""

    entry: Entry
    jobs: list[Job] = field(default_factory=list)
    trouble: str = ""
    shut_out: bool = False  # by SPA_PLUGINS


def reason(error: BaseException) -> str:
    """An exception in one line."""
    text = " ".join(str(error).split())
    return text if isinstance(error, BadPlugin) else f"{type(error).__name__}: {text}" if text else type(error).__name__


def allowed(entry: Entry, limit: str | None) -> bool:
    """Whether SPA_PLUGINS (names of plugins or distributions, with commas) lets a third party's plugin in."""
    return limit is None or entry.builtin or named(entry, limit)


def named(entry: Entry, limit: str) -> bool:
    """Whether names of plugins or distributions, with commas, name this one."""
    names = {normal(name.strip()) for name in limit.split(",")}
    return normal(entry.name) in names or entry.distribution in names


class Manager(pluggy.PluginManager):
    """Pluggy's, which looks at a module's hooks alone: its own look at every name in it takes ten times as long."""

    def parse_hookimpl_opts(self, plugin: object, name: str) -> pluggy.HookimplOpts | None:
        if isinstance(plugin, ModuleType) and not hasattr(vars(plugin).get(name), f"{self.project_name}_impl"):
            return None
        return super().parse_hookimpl_opts(plugin, name)


class Registry:
    """Plugins and jobs, and the hooks' caller."""

    def __init__(self, entries: Iterable[Entry] | None = None, limit: str | None = None) -> None:
        self.manager = Manager("spa")
        self.manager.add_hookspecs(hookspecs)
        self.plugins: list[Plugin] = []
        self.jobs: dict[str, Job] = {}
        self.owners: dict[str, Entry] = {}
        self.whole_process = False  # this process is the program: jobs may set its environment and signals
        for entry in discovery.entries() if entries is None else entries:
            self._add(Plugin(entry), limit)

    def _add(self, plugin: Plugin, limit: str | None) -> None:
        self.plugins.append(plugin)
        if not allowed(plugin.entry, limit):
            plugin.shut_out = True
            return
        try:
            self._register(plugin.entry)
            plugin.jobs = self._named_jobs(plugin.entry)
        except (Exception, SystemExit) as error:
            self._leave_out(plugin, reason(error))
            return
        for job in plugin.jobs:
            self.jobs[job.name] = job
            self.owners[job.name] = plugin.entry

    def _register(self, entry: Entry) -> None:
        module, _, attribute = entry.target.partition(":")
        plugin = importlib.import_module(module)
        for part in filter(None, attribute.split(".")):
            plugin = getattr(plugin, part)
        self.manager.register(plugin, _key(entry))
        for caller in self.manager.get_hookcallers(plugin) or ():
            if not caller.has_spec():
                from difflib import get_close_matches

                near = get_close_matches(caller.name, SPECS, 1)
                hint = f"; is {near[0]} meant?" if near else f"; there are {', '.join(SPECS)}"
                raise BadPlugin(f"there is no hook {caller.name}{hint}")

    def _named_jobs(self, entry: Entry) -> list[Job]:
        jobs = [job for part in self._call(entry, "spa_jobs") for job in part or ()]
        names: set[str] = set()
        for job in jobs:
            if not isinstance(job, Job):
                raise BadPlugin(f"spa_jobs gave {job!r}, not a Job")
            self._check_name(job.name, names)
            if job.target.count(":") != 1:
                raise BadPlugin(f"job '{job.name}': target {job.target!r} is not 'package.module:function'")
            names.add(job.name)
        return jobs

    def _check_name(self, name: str, own: set[str]) -> None:
        words = name.split(" ")
        if len(words) > 2 or not all(word and word.replace("-", "").isalnum() for word in words):
            raise BadPlugin(f"job name {name!r} is not a verb and a kind")
        if name in own or name in self.owners:
            taker = self.owners[name].owner if name in self.owners else "itself"
            raise BadPlugin(f"the job name '{name}' is taken by {taker}")
        if words[0] in HOST_WORDS:
            raise BadPlugin(f"the word '{words[0]}' is spa's own")
        singles = {job for job in [*self.jobs, *own] if " " not in job}
        verbs = {job.split(" ")[0] for job in [*self.jobs, *own] if " " in job}
        if words[0] in (singles if len(words) == 2 else verbs):
            raise BadPlugin(f"the job name '{name}' clashes with '{words[0]}'")

    def _call(self, entry: Entry, hook: str, **arguments: Any) -> list[Any]:
        """One hook of one plugin alone."""
        own = [one for one in getattr(self.manager.hook, hook).get_hookimpls() if one.plugin_name == _key(entry)]
        if not own:
            return []
        others = [plugin for name, plugin in self.manager.list_name_plugin() if name != _key(entry)]
        return self.manager.subset_hook_caller(hook, others)(**arguments)

    def _leave_out(self, plugin: Plugin, trouble: str) -> None:
        plugin.trouble = trouble
        plugin.jobs = []
        if self.manager.has_plugin(_key(plugin.entry)):
            self.manager.unregister(name=_key(plugin.entry))

    @property
    def broken(self) -> list[Plugin]:
        return [plugin for plugin in self.plugins if plugin.trouble]

    def notify(self, hook: str, **arguments: Any) -> None:
        """Tell every plugin; one whose hook raises is named on standard error and not asked again."""
        for plugin in self.plugins:
            if plugin.trouble or plugin.shut_out:
                continue
            try:
                self._call(plugin.entry, hook, **arguments)
            except Exception as error:
                plugin.trouble = f"{hook} raised {reason(error)}"
                self.manager.unregister(name=_key(plugin.entry))
                print(complaint(plugin), file=sys.stderr)


def _key(entry: Entry) -> str:
    return f"{entry.distribution}:{entry.name}"


def complaint(plugin: Plugin) -> str:
    """The line on standard error about a plugin that is left out."""
    return f"spa: plugin {plugin.entry.name} ({plugin.entry.owner}) is left out: {plugin.trouble}"


def load(word: str = "") -> Registry:
    """The plugins of this installation, limited by SPA_PLUGINS.

    word: the first of a command. Where all plugins are spa's own, whose names begin as their jobs do, those alone whose
    name begins with it, if there are such: to load all takes as long as click. Others may have any name, and any job.
    """
    found = discovery.entries()
    named_so = [entry for entry in found if entry.name.partition("-")[0] == word]
    if named_so and all(entry.builtin for entry in found):
        found = named_so
    return Registry(found, os.environ.get("SPA_PLUGINS"))
