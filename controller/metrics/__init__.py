"""Prometheus in, counts per arm and look out.

An *arm* is one of the two versions, canary or stable. A *look* is one reading of both arms over a
window of Prometheus time. A ReleaseMetric names one counter and the label matchers that pick the
bad requests out of it, so that bad and total come from the same scrape of the same pod; one instant
query with a range selector brings the raw samples of both arms, and everything else is arithmetic:

    reader      asks, and is what the rest of the controller calls
    metric      a ReleaseMetric as a query: checks, placeholders, which arm a series belongs to
    selector    PromQL series selectors: reading, writing, matching
    prometheus  one HTTP exchange, bounded in time and bytes
    answer      the body of an answer as samples, or the reason why it is none
    counters    resets, dips, new series, pods that are scraped twice
    look        both arms' counts over one window, or the reason why there is no look
    gauges      a gauge of both arms' pods over one window, likewise

Samples are differenced here, never by Prometheus: rate() and increase() extrapolate to the ends of
their range and lose the first increment of a new series, and the judge's test is exact only for
counts. Whatever is missing, late or contradictory comes back as NoEvidence with a reason: no
evidence is neither good nor bad.
"""
