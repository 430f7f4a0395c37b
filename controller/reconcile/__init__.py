"""Where the parts meet: one file per kind, each gathers facts, decides, acts and reports.

Level-triggered: a pass looks at the whole world and never at the event that woke it. The deciding
is in `controller.release` and pure; here is only what reads and writes.
"""
