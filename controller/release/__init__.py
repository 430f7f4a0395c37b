"""The life of a release and the care of a plan, as pure functions.

`machine.decide` takes the facts about one release and the time, and returns the status to write
and the actions to take. `plans.decide_plan` does the same for a plan. Neither reads a clock, talks
to anything or remembers anything: all that is known between two passes stands in the status, so a
controller that dies anywhere continues where it was.

Two rules order the writes. What takes traffic off the canary is done in the same pass that decides
it, before the status is written. What puts traffic on it follows only from a status that is already
stored, so the route is never ahead of the recorded step.
"""
