"""Who is told that a release was taken back, and in which words.

`message` writes the alert from a Release, pure; `alertmanager` posts it. When to fire, to repeat
and to resolve is the caller's business. Nothing here may hold a release up or change it.
"""
