"""The commands, a module each; `cli.COMMANDS` lists them, and only the one that was asked for is imported.

A command's module has `EPILOG`, the end of its help, and `run(arguments)`, which does the work and returns the exit
code; what it raises is told and translated by `cli`. `configure(parser)` adds its arguments, where it has any.
"""
