"""The rules of the contract, one module a subject; `imagevault.testing.contract` runs them as tests.

`declaration`: what the provider declares. `records`: one image. `licenses`: its licence and credit. `pages`: a search
page by page. `lookups`: one image by its id. `calls`: what the provider sends. `failures`: what it makes of an upstream
that fails. `probes` and `outcomes` are what these modules share.
"""
