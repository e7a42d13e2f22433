"""The commands, one module each; `cli.COMMANDS` lists them, and only the chosen one is imported.

A command's module has `EPILOG`, the end of its help, and `run(arguments)`, which does the work and returns the exit
code; `cli` prints what it raises and turns it into an exit code. `configure(parser)` adds its arguments, if any.
"""
