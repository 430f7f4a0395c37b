"""The benchmark of the judge: simulated releases, judged as the controller judges, with goals.

`python -m bench.judge` plays scenarios (errors.py, pods.py, latency.py, pulse.py, scrapes.py) with
fixed seeds on all cores and writes the section of bench/RESULTS.md and the plots of docs/judge.
Releases are simulated in fleets.py and shapes.py. Thousands are played at once by twins of the
judge's evidence (counts_twin.py, histogram_twin.py), which unit tests hold to the judge itself;
beside them what others would have said (others.py) and what nobody can beat (bounds.py).
"""
