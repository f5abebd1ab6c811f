"""The commands that ask other computers, as far as the settings want them."""

from __future__ import annotations

from commands.bot import bot_command
from commands.rain import rain_command
from commands.registry import Command
from commands.weather import weather_command
from config import Settings
from runtime.clock import Clock
from web.chat import ChatClient, ChatServer
from web.http_client import HttpClient
from web.open_meteo import MeteoServers, OpenMeteo


def online_commands(settings: Settings, clock: Clock) -> tuple[Command, ...]:
    """Return /weather and /rain unless their service has no address, /bot if its server has one."""
    http = HttpClient(clock, trust_environment=settings.web_trust_environment)
    commands: list[Command] = []
    if settings.weather_url and settings.geocoding_url:
        servers = MeteoServers(settings.weather_url, settings.geocoding_url, settings.language)
        client = OpenMeteo(http, clock, servers)
        commands += [weather_command(client, settings.weather_place), rain_command(client, settings.weather_place)]
    if settings.bot_url:
        assistant = ChatClient(http, _chat_server(settings))
        commands.append(bot_command(assistant, clock, settings.bot_max_bytes, settings.bot_timeout))
    return tuple(commands)


def _chat_server(settings: Settings) -> ChatServer:
    return ChatServer(
        url=settings.bot_url,
        model=settings.bot_model,
        system_prompt=settings.bot_system_prompt,
        max_tokens=settings.bot_max_tokens,
        timeout=settings.bot_timeout,
        api_key=settings.bot_api_key,
    )
