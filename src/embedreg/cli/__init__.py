"""The command `embedreg`: parse, call, print. Nothing heavy is imported before a command needs it."""

from embedreg.cli._app import app, main

__all__ = ["app", "main"]
