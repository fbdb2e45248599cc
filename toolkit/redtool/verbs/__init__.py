"""The verbs as functions: each resolves its names and makes one call into the core.

The modules are named by what the verbs have in common, not after one verb each, since a module
`redtool.convert` would hide the function `redtool.convert`.
"""
