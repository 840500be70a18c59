"""/help: the commands that the asker may use, from every plugin."""

from __future__ import annotations

from collections.abc import Iterable

from tornado_chat import Call, Command, CommandRefused, PluginApi, PluginOptions, RestParam, hookimpl


class Options(PluginOptions):
    """Keys of [plugin.help]."""

    rules: str = ""
    """A line that stands before the list."""


@hookimpl
def register_commands(api: PluginApi) -> Iterable[Command]:
    options: Options = api.options

    async def show(call: Call) -> str:
        usable = api.commands(call.user)
        if "command" not in call.args:
            lines = [_line(command) for command in usable]
            return "\n".join([*([options.rules] if options.rules else []), *lines])
        wanted = call.args["command"].removeprefix("/").lower()
        for command in usable:
            if wanted in command.names:
                return "\n".join([_line(command), *_details(command)])
        raise CommandRefused(f"You have no command /{wanted}; /help lists those that you have")

    yield Command(
        name="help",
        run=show,
        params=(RestParam("command", required=False),),
        help="lists what you can do",
        aliases=("commands",),
    )


def _line(command: Command) -> str:
    return f"{command.usage} - {command.help}" if command.help else command.usage


def _details(command: Command) -> Iterable[str]:
    yield from (param.hint for param in command.params if param.hint)
    if command.aliases:
        yield f"also: {', '.join(f'/{alias}' for alias in command.aliases)}"
    if command.cooldown:
        yield f"once in {command.cooldown:g} s"
