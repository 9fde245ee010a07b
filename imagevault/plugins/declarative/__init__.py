"""A provider from a TOML file, without Python.

`schema` is the form of the file; `reading` reads it and names what is wrong. `expressions` and `template` are JMESPath
and the texts around it. `request` makes calls, `errors` recognises errors, `answer` and `record` make images of
what comes back, and `plugin` puts all of it behind the hooks.
"""
