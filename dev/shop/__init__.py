"""The demo's service `checkout`: its source, its versions, and how it gets into a cluster."""
