"""The commands, a module each; `cli.COMMANDS` lists them, and only the one that was asked for is imported.

A command's module has two functions. `configure(parser)` adds its arguments to those that all commands have.
`run(arguments)` does the work and returns the exit code; what it raises is told and translated by `cli`.
"""
