"""Where users' requests go: route weights, the canary's objects, and what cannot be released.

Everything here is a pure function over Kubernetes objects as plain dicts, as the API server
returns them. Routes are changed by JSON patches of single rules, so that whatever else people
write into a route stays. Nothing is remembered between two calls: the objects themselves say what
is ours.

`routes` reads and writes the split, `backends` has its arithmetic for one rule, `parents` reads
what the gateways answer, `canary` builds the canary's Deployment and Service, `refusals` says why a
Deployment and its Service cannot be released this way.
"""
