"""The files of a new provider's project, read by `imagevault.plugins.scaffold` as `string.Template`."""
